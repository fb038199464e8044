// The list of runs, and several of them beside each other.

const MAX_RUNS = 6; // that a chart can tell apart

class RunList {
  constructor() {
    this.chosen = new Set();
    this.find = h("input", { type: "search", placeholder: "name, task, model", on: { input: () => this.draw() } });
    this.compare = h("button", { type: "button", class: "main", disabled: true, on: { click: () => go("compare", ...this.chosen) } }, "Compare");
    this.list = h("div", { class: "runs" });
    this.title = h("h1", null, "Runs");
    this.broken = h("div", null);
    this.node = h("main", null, this.title,
      h("div", { class: "toolbar" }, field("Find a run", this.find), this.compare), this.broken, this.list);
    this.data = { runs: [], broken: [] };
  }

  async refresh() {
    this.data = await source.runs();
    document.title = `${this.data.root} · mrlm board`;
    show(this.title, "Runs in ", h("code", null, this.data.root));
    show(this.broken, warnings(this.data.broken.map((text) => `Cannot be read: ${text}`)));
    this.draw();
  }

  draw() {
    const wanted = this.find.value.trim().toLowerCase();
    const known = new Set(this.data.runs.map((run) => run.id));
    this.chosen.forEach((id) => known.has(id) || this.chosen.delete(id));
    const found = this.data.runs.filter((run) => has([run.name, run.title, run.task, run.model], wanted));
    const focus = document.activeElement && document.activeElement.dataset.id;
    show(this.list, found.length ? found.map((run) => this.row(run))
      : h("p", { class: "card empty" }, this.data.runs.length ? "No run fits." : "No run yet. One that starts in this folder appears here by itself."));
    if (focus) this.list.querySelectorAll("[data-id]").forEach((node) => node.dataset.id === focus && node.focus());
    this.label();
  }

  label() {
    const number = this.chosen.size;
    this.compare.disabled = number < 2 || number > MAX_RUNS;
    show(this.compare, number > MAX_RUNS ? `Compare at most ${MAX_RUNS}` : number > 1 ? `Compare ${number} runs` : "Choose runs to compare");
  }

  row(run) {
    const pick = h("input", { type: "checkbox", "aria-label": `choose ${run.name}`, "data-id": `pick ${run.id}`, checked: this.chosen.has(run.id),
      on: { change: () => { if (pick.checked) this.chosen.add(run.id); else this.chosen.delete(run.id); this.label(); } } });
    const result = run.difference === null
      ? [h("span", { class: "big" }, run.step === null ? ABSENT : count(run.step)), h("span", { class: "label" }, run.max_steps > 0 ? `of ${count(run.max_steps)} steps` : "steps")]
      : [h("span", { class: `big ${run.is_clear ? (run.difference > 0 ? "good" : "bad") : "was"}` }, points(run.difference)),
        h("span", { class: "label" }, `${percent(run.before)} → ${percent(run.after)}, ${run.p_value}`)];
    return h("article", { class: "card run" }, pick,
      h("div", { class: "what" }, h("a", { href: address("run", run.id), "data-id": run.id }, run.name),
        h("div", { class: "label" }, [run.title, run.model].filter(Boolean).join(" · "))),
      h("div", { class: "curve" }, spark(run.rewards), h("span", { class: "label" }, run.reward === null ? "" : `reward ${compact(run.reward)}`)),
      h("div", { class: "outcome" }, result),
      h("div", { class: "state" }, chip(run), h("span", { class: "label" }, ago(run.age), run.findings > 0 && ` · ${run.findings} finding${run.findings > 1 ? "s" : ""}`)));
  }
}

class Compare {
  constructor(ids) {
    this.ids = ids;
    this.rows = new Map(ids.map((id) => [id, noRows()]));
    this.curves = new Curves();
    this.head = h("header", null);
    this.tables = h("div", null);
    this.foot = h("div", null);
    this.node = h("main", null, this.head, this.tables, this.curves.node, this.foot);
    this.states = "";
  }

  async refresh() {
    const lines = await source.runs();
    const runs = this.ids.map((id) => lines.runs.find((run) => run.id === id)).filter(Boolean);
    const states = JSON.stringify(runs.map((run) => [run.id, run.state, run.difference]));
    let changed = states !== this.states;
    if (changed) await this.results(runs);
    this.states = states;
    for (const run of runs) changed = await source.read(run.id, "metrics", this.rows.get(run.id)) || changed;
    if (changed) this.curves.update(runs.map((run) => ({ name: run.name, rows: this.rows.get(run.id).all })));
  }

  async results(runs) {
    document.title = `${runs.length} runs · mrlm`;
    show(this.head, h("h1", null, `${runs.length} runs compared`));
    if (source.isLive && runs.some((run) => run.state !== "finished")) return this.unfinished(runs);
    let found;
    try {
      found = await source.compare(this.ids);
    } catch (error) {
      show(this.head, this.head.firstChild, warnings([error.message]));
      return this.unfinished(runs);
    }
    const names = runs.map((run) => run.name);
    const name = (text, i) => this.name(source.isLive ? h("a", { href: address("run", runs[i].id) }, text) : text, i);
    show(this.tables,
      h("p", { class: "note" }, "Accuracy on held-out rows before and after each run; the last but one column pairs a run's model with the first run's, row by row, where both saw the same rows. With several runs a small p-value is less of a surprise than with one."),
      table(found.heads, found.rows.map((row, i) => [name(row[0], i), ...row.slice(1)]), { kind: "several" }),
      warnings(found.warnings));
    show(this.foot,
      found.kinds.length > 1 && [h("h2", null, "Accuracy after, by kind"), table(["Kind", ...names], found.kinds, { kind: "several" })],
      found.settings.length > 0 && [h("h2", null, "Settings that differ"), table(["Setting", ...names], found.settings, { kind: "several" })],
      h("h2", null, "Do it again"), found.commands.map(([, command], i) => [h("h3", null, names[i]), h("pre", { class: "card command", tabindex: 0 }, command)]));
  }

  name(text, i) {
    return h("span", { class: "named" }, h("i", { class: "key", style: { background: colour(i) } }), h("span", null, text));
  }

  unfinished(runs) {
    show(this.tables, table(["Run", "State", "Step", "Reward", "Before", "After"], runs.map((run, i) => [
      this.name(h("a", { href: address("run", run.id) }, run.name), i),
      chip(run), count(run.step), compact(run.reward), percent(run.before), percent(run.after)]), { kind: "several" }));
    show(this.foot);
  }
}
