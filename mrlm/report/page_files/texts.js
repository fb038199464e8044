// What lists of texts share: pages of them, and a text in which what was searched for is marked.

class Pager {
  constructor(size, onchange) {
    this.size = size;
    this.place = 0;
    this.onchange = onchange;
    this.back = h("button", { type: "button", on: { click: () => this.go(-1) } }, "← Previous");
    this.next = h("button", { type: "button", on: { click: () => this.go(1) } }, "Next →");
    this.label = h("span", { class: "label" });
    this.node = h("nav", { class: "pager", "aria-label": "pages" }, this.back, this.label, this.next);
  }

  go(by) {
    this.place += by;
    this.onchange();
  }

  // The rows of this page.
  cut(rows) {
    const pages = Math.max(1, Math.ceil(rows.length / this.size));
    this.place = Math.max(0, Math.min(this.place, pages - 1));
    this.back.disabled = this.place === 0;
    this.next.disabled = this.place === pages - 1;
    this.node.hidden = pages === 1;
    show(this.label, `page ${this.place + 1} of ${count(pages)}`);
    return rows.slice(this.place * this.size, (this.place + 1) * this.size);
  }
}

function marked(text, wanted) {
  const said = asText(text) || "(nothing)";
  if (!wanted) return said;
  const parts = [];
  const low = said.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0 && parts.length < 200; at = low.indexOf(wanted, from)) {
    parts.push(said.slice(from, at), h("mark", null, said.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  return [...parts, said.slice(from)];
}

function textBlock(text, wanted, kind = "") {
  return h("div", { class: `text ${kind}` }, marked(text, wanted));
}

function has(texts, wanted) {
  return !wanted || texts.some((text) => asText(text).toLowerCase().includes(wanted));
}

function choices(values, all) {
  return [["", all], ...[...new Set(values.filter((value) => value !== null && value !== undefined && value !== ""))]
    .map(String).sort().map((value) => [value, value])];
}
