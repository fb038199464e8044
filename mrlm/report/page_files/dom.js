"use strict";
// Makes nodes. Text only ever becomes a text node, so no run can put markup into the page.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === "style") {
      for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    } else if (name === "value" || name === "checked") {
      node[name] = value;
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...present(children));
  return node;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

function s(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function show(node, ...children) {
  node.replaceChildren(...present(children));
}

function section(id, title, note, ...children) {
  return h("section", { id, "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title` }, title), note && h("p", { class: "note" }, note), children);
}

// A table in a card; a cell is text or nodes. Columns after the first are numbers unless told.
function table(heads, rows, { kind = "", text = false } = {}) {
  const align = (i) => (i && !text ? "number" : null);
  return h("div", { class: `card scroll ${kind}`, tabindex: 0, role: "region", "aria-label": heads[0] || "table" },
    h("table", null,
      heads.some(Boolean) && h("thead", null, h("tr", null, heads.map((name, i) => h("th", { class: align(i), scope: "col" }, name)))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map((cell, i) =>
        i ? h("td", { class: align(i) }, cell) : h("th", { scope: "row" }, cell)))))));
}

function field(label, input) {
  return h("label", { class: "field" }, h("span", null, label), input);
}

function select(options, onchange) {
  return h("select", { on: { change: onchange } },
    options.map(([value, text]) => h("option", { value }, text)));
}

// Other options in a select that a reader may have set already.
function offer(node, options) {
  const wanted = JSON.stringify(options);
  if (node.dataset.options === wanted) return;
  const chosen = node.value;
  node.dataset.options = wanted;
  show(node, options.map(([value, text]) => h("option", { value }, text)));
  node.value = options.some(([value]) => value === chosen) ? chosen : options[0][0];
}

function later(run, wait) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, wait);
  };
}
