// The trainer's log as curves: first those that say whether it learns, then what else is known, then the rest.

const CURVES = [
  ["Reward", "reward", "mean per rollout; should rise"],
  ["Held-out accuracy", "held_out_accuracy", "on the few rows of the live evaluation"],
  ["Completion length", "completions/mean_length", "tokens"],
  ["Entropy", "entropy", "near 0 the policy has stopped exploring"],
  ["Groups without signal", "frac_reward_zero_std", "share whose rewards are all the same"],
  ["No rollout right", "frac_none_correct", "share of prompts; they teach nothing"],
  ["Every rollout right", "frac_all_correct", "share of prompts; they teach nothing either"],
  ["Cut completions", "completions/clipped_ratio", "share that hit the length limit"],
  ["KL", "kl", "from the reference model"],
  ["Loss", "loss", "what the optimiser sees"],
  ["Explained variance", "value/explained_variance", "of the critic; 1 is perfect"],
  ["Explained: prompts", "value/explained_variance_prompts", "by the prompt's value; used above 0"],
  ["Explained: within", "value/explained_variance_within", "by what the answer adds; used above 0"],
  ["Value loss", "value/loss", "of the critic"],
  ["Policy drift", "policy/approx_kl", "KL from the policy that sampled"],
  ["Clip fraction", "clip_ratio/region_mean", "share of tokens clipped"],
  ["Without a reward", "frac_unscorable", "share of completions that no reward could judge"],
  ["Gradient norm", "grad_norm", "before clipping"],
  ["Token accuracy", "mean_token_accuracy", "of the demonstrations, teacher-forced"],
  ["Preferred", "rewards/accuracies", "share of pairs whose chosen side is ahead"],
  ["Margin", "rewards/margins", "between the chosen and the rejected side"],
  ["Learning rate", "learning_rate", ""],
  ["Tokens per second", "tokens_per_second", "speed"],
];
const BY_KIND = "held_out_accuracy/";
const SUMMARY = /^(train_|total_flos|epoch$|step$)/;

function pointsOf(rows, key) {
  const found = [];
  for (const row of rows) {
    if (isNumber(row[key]) && isNumber(row.step)) found.push([row.step, row[key]]);
  }
  return found;
}

function keysOf(logs) {
  const known = new Set(CURVES.map((curve) => curve[1]));
  const found = new Set();
  for (const rows of logs) for (const row of rows) for (const key of Object.keys(row)) found.add(key);
  return [...found].filter((key) => !known.has(key) && !key.startsWith(BY_KIND) && !SUMMARY.test(key)).sort();
}

class Curves {
  constructor() {
    this.charts = new Map();
    this.logs = [];
    this.slider = h("input", { type: "range", min: 0, max: 0.95, step: 0.05, value: 0, on: { input: () => { this.isSet = true; this.draw(); } } });
    this.find = h("input", { type: "search", placeholder: "reward, entropy, …", on: { input: () => this.draw() } });
    this.main = h("div", { class: "charts" });
    this.rest = h("div", { class: "charts" });
    this.restTitle = h("summary", null);
    this.more = h("details", { on: { toggle: () => this.draw() } }, this.restTitle, this.rest);
    this.legend = h("p", { class: "legend" });
    this.note = h("p", { class: "note" });
    this.empty = h("p", { class: "card empty" }, "No curve yet: the trainer has logged nothing.");
    this.node = section("curves", "Curves", null, this.note,
      h("div", { class: "toolbar" }, field("Smoothing", this.slider), field("Find a curve", this.find)),
      this.legend, this.empty, this.main, this.more);
  }

  // logs: [{name, rows}], one for each run.
  update(logs, note = "") {
    this.logs = logs;
    const longest = Math.max(0, ...logs.map((log) => log.rows.length));
    if (!this.isSet) this.slider.value = longest >= 20 ? 0.6 : 0;
    show(this.legend, logs.length > 1 && logs.map((log, i) =>
      h("span", null, h("i", { class: "key", style: { background: colour(i) } }), log.name)));
    show(this.note, note);
    this.draw();
  }

  draw() {
    const wanted = this.find.value.trim().toLowerCase();
    const fits = (title, key) => !wanted || `${title} ${key}`.toLowerCase().includes(wanted);
    const main = CURVES.filter(([title, key]) => fits(title, key)).map((curve) => this.chart(...curve));
    const keys = keysOf(this.logs.map((log) => log.rows)).filter((key) => fits("", key));
    const isOpen = this.more.open || wanted !== "";
    const rest = isOpen ? keys.map((key) => this.chart(key, key, "")) : [];
    put(this.main, present(main));
    put(this.rest, present(rest));
    show(this.restTitle, `All other values in the log (${keys.length})`);
    if (wanted && keys.length) this.more.open = true;
    this.more.hidden = keys.length === 0;
    this.empty.hidden = this.main.children.length > 0 || keys.length > 0;
  }

  // Drawn where a line has a point; null otherwise.
  chart(title, key, note) {
    const lines = this.logs.map((log) => ({ name: this.logs.length > 1 ? log.name : "", points: pointsOf(log.rows, key) }));
    if (!lines.some((line) => line.points.length)) return null;
    if (!this.charts.has(key)) this.charts.set(key, new Chart(title, note));
    const chart = this.charts.get(key);
    chart.draw(lines, Number(this.slider.value));
    return chart.node;
  }
}

// Children as wanted, without taking out and back in those that stay: the reader's focus is kept.
function put(node, wanted) {
  if (wanted.length === node.children.length && wanted.every((child, i) => child === node.children[i])) return;
  show(node, wanted);
}
