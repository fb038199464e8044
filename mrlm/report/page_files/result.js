// The head of a run: what came of it, or how far it is.

const STATES = {
  running: "running",
  silent: "no news",
  stopped: "stopped",
  finished: "finished",
};

function chip(run) {
  return h("span", { class: `chip ${run.state}` }, h("i", { "aria-hidden": "true" }), STATES[run.state] || run.state);
}

function accuracy(label, group, kind) {
  return h("div", null,
    h("div", { class: "label" }, label),
    h("div", { class: `big ${kind}` }, percent(group.accuracy)),
    group.interval && h("div", { class: "label" }, between(group.interval, percent)));
}

function hero(comparison, derived) {
  const kind = derived.is_clear ? (comparison.difference > 0 ? "good" : "bad") : "was";
  return h("div", { class: "card hero" },
    accuracy("Accuracy before", comparison.accuracy_before, "was"),
    h("div", { class: "arrow", "aria-hidden": "true" }, "→"),
    accuracy("Accuracy after", comparison.accuracy_after, "now"),
    h("div", { class: "change" },
      h("div", { class: "label" }, "Difference, points"),
      h("div", { class: `big ${kind}` }, points(comparison.difference)),
      h("div", { class: "label" }, between(comparison.interval, points)),
      h("div", { class: "label" }, derived.p_value)));
}

function facts(pairs) {
  return h("dl", { class: "facts" }, Object.entries(pairs).map(([name, value]) =>
    h("div", null, h("dt", null, name), h("dd", null, value))));
}

function warnings(found) {
  return found.length ? h("ul", { class: "warnings" }, found.map((text) => h("li", null, text))) : null;
}

// Until there is a result: the phase, the step, and what is known of the accuracy.
function progress(run, metrics) {
  const last = metrics.findLast((row) => isNumber(row.reward)) || {};
  const held = metrics.findLast((row) => isNumber(row.held_out_accuracy)) || {};
  const share = run.max_steps > 0 && run.step ? Math.min(1, run.step / run.max_steps) : null;
  const before = run.stages.sft || run.stages.before;
  return h("div", { class: "card live" },
    h("div", { class: "numbers" },
      figure("Step", run.step === null ? ABSENT : count(run.step), run.max_steps > 0 ? `of ${count(run.max_steps)}` : ""),
      figure("Reward", compact(last.reward), "mean of the last rollouts"),
      figure("Held-out accuracy", percent(held.held_out_accuracy), isNumber(held.step) ? `at step ${held.step}, few rows` : "not measured live"),
      figure("Accuracy before", percent(before && before.accuracy), before && before.interval ? between(before.interval, percent) : "")),
    share !== null && h("div", { class: "bar", role: "progressbar", "aria-valuenow": run.step, "aria-valuemax": run.max_steps, "aria-label": "steps" },
      h("i", { style: { width: `${share * 100}%` } })),
    h("p", { class: "note" }, [run.phase, run.stopped && `stopped by ${run.stopped}`, remaining(run, metrics)].filter(Boolean).join(" · ")));
}

function figure(name, value, note) {
  return h("div", null, h("div", { class: "label" }, name), h("div", { class: "big" }, value), h("div", { class: "label" }, note));
}

// From the time of the last steps, where the log has it.
function remaining(run, metrics) {
  const times = metrics.map((row) => row.step_time).filter(isNumber).slice(-10);
  if (run.state !== "running" || !times.length || !(run.max_steps > run.step)) return "";
  const mean = times.reduce((a, b) => a + b, 0) / times.length;
  return `about ${duration(mean * (run.max_steps - run.step))} of training left`;
}

function eyebrow(run) {
  const results = run.results;
  const settings = results ? results.comparison.settings : null;
  return [
    run.task && `Task ${run.task}`,
    settings && `${settings.split} rows, seed ${settings.seed}`,
    run.model,
    results && `${results.created.slice(0, 16).replace("T", " ")} UTC`,
  ].filter(Boolean).join(" · ");
}

class Result {
  constructor() {
    this.node = h("header", { id: "result" });
  }

  update(run, metrics) {
    const { results, derived } = run;
    show(this.node,
      h("div", { class: "eyebrow" }, eyebrow(run)),
      h("h1", null, run.title, " ", source.isLive && chip(run)),
      derived && h("p", { class: "verdict" }, derived.verdict),
      results ? hero(results.comparison, derived) : progress(run, metrics),
      derived && facts(derived.facts),
      warnings([...run.findings.map((finding) => `Step ${finding.step}: ${finding.message}`), ...(results ? results.warnings : [])]),
      results && results.notes.map((note) => h("p", { class: "note" }, note)));
  }
}

class Measures {
  constructor() {
    this.node = section("measured", "What else was measured");
  }

  update(run) {
    this.node.hidden = !run.results;
    if (!run.results) return;
    const comparison = run.results.comparison;
    show(this.node,
      h("h2", { id: "measured-title" }, "What else was measured"),
      h("p", { class: "note" },
        "Accuracy counts full marks of the task's score, never the training reward. ",
        `Its interval: ${comparison.accuracy_after.interval.method}. `,
        `Interval of the difference: ${comparison.interval.method}. `,
        `p-value: ${comparison.test} test, two-sided. Samples without a score are in no denominator.`),
      table(["Measure", "Before", "After"], run.derived.measures));
  }
}
