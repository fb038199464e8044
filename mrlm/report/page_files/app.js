// One run, several, or the list of them; on the board asked for anew every two seconds.

const EVERY = 2000;
const NAMES = { curves: "Curves", kinds: "Kinds", measured: "Measures", rollouts: "Rollouts", records: "Before and after", about: "The run" };
// What a reader looks at first: of a run that goes on its curves, of one that has ended its result.
const WHILE = ["curves", "kinds", "rollouts", "records", "about"];
const AFTER = ["kinds", "measured", "curves", "rollouts", "records", "about"];

function address(...words) {
  return `#/${words.map(encodeURIComponent).join("/")}`;
}

function words(hash) {
  try {
    return hash.slice(2).split("/").map(decodeURIComponent);
  } catch {
    return []; // no address of ours
  }
}

function go(...words) {
  location.hash = address(...words);
}

class RunPage {
  constructor(id) {
    this.id = id;
    this.rows = Object.fromEntries(FILES.map((file) => [file, noRows()]));
    this.result = new Result();
    this.curves = new Curves();
    this.kinds = new Kinds();
    this.rollouts = new Rollouts();
    this.records = new Records();
    this.measures = new Measures();
    this.about = new About();
    this.parts = Object.fromEntries([this.kinds, this.measures, this.curves, this.rollouts, this.records, this.about]
      .map((part) => [part.node.id, part.node]));
    this.links = Object.fromEntries(Object.entries(NAMES).map(([name, text]) =>
      [name, h("button", { type: "button", on: { click: () => this.parts[name].scrollIntoView({ behavior: "smooth" }) } }, text)]));
    this.contents = h("nav", { class: "parts", "aria-label": "parts of the page" });
    this.body = h("div", null);
    this.node = h("main", null, this.result.node, this.contents, this.body,
      h("footer", null, source.isLive ? "mrlm board: it only reads." : "Made by mrlm from the run's folder; `mrlm report` makes it again, `mrlm board` shows all rows."));
    this.seen = "";
  }

  async refresh() {
    const run = await source.run(this.id);
    if (!run) throw new Error(`There is no run ${this.id}.`);
    document.title = `${run.name === "." ? run.title : run.name} · mrlm`;
    const told = JSON.stringify({ ...run, age: null });
    const changed = { run: told !== this.seen };
    this.seen = told;
    for (const file of FILES) {
      const wanted = run.trains || (file !== "metrics" && file !== "completions" && file !== "after");
      changed[file] = wanted && (await source.read(this.id, file, this.rows[file]));
    }
    this.update(run, changed);
  }

  update(run, changed) {
    const rows = this.rows;
    if (changed.run || changed.metrics) {
      this.result.update(run, rows.metrics.all);
      this.kinds.update(run, rows.metrics.all);
      this.measures.update(run);
      this.curves.update([{ name: run.name, rows: rows.metrics.all }], leftOut(rows.metrics, "logged steps"));
    }
    if (changed.run || changed.completions) this.rollouts.update(rows.completions.all, leftOut(rows.completions, "rollouts"), run.state !== "finished");
    if (changed.run || changed.before || changed.sft || changed.after) {
      this.records.update(run, rows, leftOut(rows.after.all.length ? rows.after : rows.before, "records of each evaluation"));
    }
    if (changed.run) this.about.update(run);
    const shown = (run.results ? AFTER : WHILE).filter((name) => !this.parts[name].hidden);
    put(this.body, shown.map((name) => this.parts[name]));
    put(this.contents, shown.map((name) => this.links[name]));
  }
}

const root = document.getElementById("page");
const problem = h("p", { class: "problem", role: "alert", hidden: true });
let view = null;
let round = 0;

function chosenView() {
  const [kind, ...names] = words(location.hash);
  if (kind === "run") return new RunPage(names[0]);
  if (kind === "compare") return new Compare(names);
  if (!frozen) return new RunList();
  return frozen.runs.length > 1 ? new Compare(frozen.runs.map((run) => run.id)) : new RunPage(frozen.runs[0].id);
}

async function refresh(shown, number) {
  try {
    await shown.refresh();
    problem.hidden = true;
  } catch (error) {
    if (number !== round) return;
    problem.hidden = false;
    show(problem, error instanceof TypeError && source.isLive && !frozen && error.message.includes("fetch")
      ? "The board does not answer; is `mrlm board` still running? Trying again." : error.message);
  }
  // Another view is there by now, or nobody looks: then the next look asks.
  if (source.isLive && number === round) setTimeout(() => document.hidden ? wake(shown, number) : refresh(shown, number), EVERY);
}

function wake(shown, number) {
  document.addEventListener("visibilitychange", () => number === round && refresh(shown, number), { once: true });
}

function open() {
  round += 1;
  view = chosenView();
  show(root, !(view instanceof RunList) && source.isLive && h("nav", { class: "home" }, h("a", { href: "#/" }, "← All runs")), problem, view.node);
  window.scrollTo(0, 0);
  refresh(view, round);
}

window.addEventListener("hashchange", open);
open();
