// Accuracy by kind and by difficulty, before, while and after.

function spread(before, after) {
  const known = [before, after].filter(isNumber);
  if (!known.length) return null;
  const low = Math.min(...known) * 100, high = Math.max(...known) * 100;
  const dot = (value, kind) => isNumber(value) && h("i", { class: `dot ${kind}`, style: { left: `${value * 100}%` } });
  return h("div", { class: "track", "aria-hidden": "true" },
    h("i", { class: "span", style: { left: `${low}%`, width: `${high - low}%` } }), dot(before, "before"), dot(after, "after"));
}

// One line for each group: paired where the run has ended, else from the evaluations so far.
function groups(run, name, live) {
  const paired = run.results && run.results.comparison[name];
  if (paired) {
    return Object.entries(paired).map(([key, group]) => [key, count(group.num_rows), percent(group.before),
      percent(group.after), points(group.difference), `${group.num_gained} / ${group.num_lost}`, spread(group.before, group.after)]);
  }
  const before = (run.stages.before || {})[name] || {};
  const sft = (run.stages.sft || {})[name];
  return Object.entries(before).map(([key, group]) => {
    const now = live[key];
    return [key, count(group.num_rows), percent(group.accuracy), sft ? percent((sft[key] || {}).accuracy) : null,
      isMeasured(live) ? percent(now) : null, spread(group.accuracy, now)].filter((cell) => cell !== null);
  });
}

function isMeasured(live) {
  return Object.keys(live).length > 0;
}

function heads(run, column, live) {
  if (run.results) return [column, "Rows", "Before", "After", "Points", "Gained / lost", "0 to 100%"];
  return [column, "Rows", "Before", run.stages.sft && "SFT", isMeasured(live) && "Live, few rows", "0 to 100%"].filter(Boolean);
}

class Kinds {
  constructor() {
    this.tables = h("div", null);
    this.chart = new Chart("Held-out accuracy by kind", "of the live evaluation; few rows each");
    this.legend = h("p", { class: "legend" });
    this.curve = h("div", { class: "by-kind" }, this.chart.node, this.legend);
    this.node = h("section", { id: "kinds", "aria-label": "by kind" }, this.tables, this.curve);
  }

  update(run, metrics) {
    const live = {};
    const lines = new Map();
    for (const row of metrics) {
      for (const key of Object.keys(row)) {
        if (!key.startsWith(BY_KIND) || !isNumber(row[key])) continue;
        const kind = key.slice(BY_KIND.length);
        live[kind] = row[key];
        if (!lines.has(kind)) lines.set(kind, []);
        lines.get(kind).push([row.step, row[key]]);
      }
    }
    const parts = [["by_kind", "By kind", "Kind"], ["by_difficulty", "By difficulty", "Difficulty"]]
      .map(([name, title, column]) => [title, column, name === "by_kind" ? live : {}, name])
      .map(([title, column, now, name]) => [title, heads(run, column, now), groups(run, name, now)])
      .filter(([, , rows]) => rows.length > 1);
    show(this.tables, parts.map(([title, names, rows]) => [h("h2", null, title), table(names, rows, { kind: "groups" })]));
    const drawn = [...lines].map(([name, found]) => ({ name, points: found }));
    this.curve.hidden = drawn.length < 2;
    if (drawn.length > 1) {
      this.chart.draw(drawn, 0);
      show(this.legend, drawn.map((line, i) => h("span", null, h("i", { class: "key", style: { background: colour(i) } }), line.name)));
    }
    this.node.hidden = !parts.length && drawn.length < 2;
  }
}
