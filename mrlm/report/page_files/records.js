// The rows of the evaluations, each stage beside the other.

const OUTCOMES = {
  "": ["all rows", () => true],
  gained: ["gained", (row) => both(row) && row.after.score > row.before.score],
  lost: ["lost", (row) => both(row) && row.after.score < row.before.score],
  right: ["right before and after", (row) => both(row) && row.before.score >= 1 && row.after.score >= 1],
  wrong: ["wrong before and after", (row) => both(row) && row.before.score < 1 && row.after.score < 1],
  same: ["same text", (row) => row.before && row.after && row.before.completion === row.after.completion],
  unscored: ["without a score", (row) => [row.before, row.after].some((side) => side && side.score === null)],
};
const STAGES = ["before", "sft", "after"];
const SHORT = 40; // characters of a reference that stands in a line

function both(row) {
  return row.before && row.after && isNumber(row.before.score) && isNumber(row.after.score);
}

// One for each row and sample, in the order of the evaluation.
function pairs(stages) {
  const found = new Map();
  for (const stage of STAGES) {
    for (const record of stages[stage].all) {
      const key = `${record.id}\n${record.sample || 0}`;
      if (!found.has(key)) found.set(key, { record });
      found.get(key)[stage] = record;
    }
  }
  return [...found.values()];
}

// Of two evaluations that were compared without their records: the comparison's own examples.
function examples(comparison) {
  const found = new Map();
  for (const row of [...comparison.gained, ...comparison.lost, ...comparison.samples]) {
    const side = (when) => ({ completion: row[when], answer: row[`answer_${when}`], score: row[`score_${when}`] });
    found.set(row.id, { record: row, before: side("before"), after: side("after") });
  }
  return [...found.values()];
}

function verdict(record) {
  if (!isNumber(record.score)) return h("b", { class: "was" }, "no score");
  if (record.score >= 1) return h("b", { class: "good" }, "✓ right");
  return h("b", { class: "bad" }, record.score > 0 ? `✗ score ${compact(record.score)}` : "✗ wrong");
}

function references(record) {
  return Object.entries(record.reference || {}).filter(([name, value]) => name !== "question" && value !== null)
    .map(([name, value]) => [name, asText(value)]);
}

class Records {
  constructor() {
    this.rows = [];
    const redraw = () => { this.pager.place = 0; this.draw(); };
    this.text = h("input", { type: "search", placeholder: "in question, answers, reference", on: { input: later(redraw, 150) } });
    this.outcome = select(Object.entries(OUTCOMES).map(([value, [text]]) => [value, text]), redraw);
    this.outcomeField = field("Outcome", this.outcome);
    this.kind = select([["", "all kinds"]], redraw);
    this.kindField = field("Kind", this.kind);
    this.pager = new Pager(10, () => this.draw());
    this.count = h("p", { class: "label", role: "status" });
    this.list = h("div", null);
    this.note = h("p", { class: "note" });
    this.node = section("records", "Before and after", "Held-out rows of the evaluations, which no training saw.", this.note,
      h("div", { class: "toolbar" }, field("Search", this.text), this.outcomeField, this.kindField),
      this.count, this.list, this.pager.node);
  }

  update(run, stages, note) {
    this.rows = pairs(stages);
    if (!this.rows.length && run.results) this.rows = examples(run.results.comparison);
    const kinds = choices(this.rows.map((row) => row.record.kind), "all kinds");
    offer(this.kind, kinds);
    this.kindField.hidden = kinds.length < 3;
    this.outcomeField.hidden = !this.rows.some(both);
    show(this.note, note);
    this.node.hidden = !this.rows.length;
    this.draw();
  }

  fits(row, wanted) {
    const sides = STAGES.map((stage) => row[stage]).filter(Boolean);
    return OUTCOMES[this.outcome.value][1](row) && (!this.kind.value || String(row.record.kind) === this.kind.value)
      && has([question(row.record.prompt), ...references(row.record).map(([, value]) => value),
        ...sides.flatMap((side) => [side.completion, side.answer])], wanted);
  }

  draw() {
    const wanted = this.text.value.trim().toLowerCase();
    const found = this.rows.filter((row) => this.fits(row, wanted));
    show(this.count, `${count(found.length)} of ${count(this.rows.length)} rows`);
    show(this.list, this.pager.cut(found).map((row) => this.card(row, wanted)));
  }

  card({ record, ...stages }, wanted) {
    const told = references(record);
    const short = told.filter(([, value]) => value.length <= SHORT).map(([name, value]) => `${name}: ${value}`);
    const long = told.filter(([, value]) => value.length > SHORT);
    const label = [record.kind, record.sample ? `sample ${record.sample}` : null, ...short].filter(Boolean).join(" · ");
    return h("article", { class: "card example" },
      h("header", null, h("div", { class: "label" }, label), textBlock(question(record.prompt), wanted),
        long.map(([name, value]) => h("details", null, h("summary", { class: "label" }, name), textBlock(value, wanted, "asked")))),
      h("div", { class: "pair" }, STAGES.filter((stage) => stages[stage]).map((stage) => this.side(stage, stages[stage], wanted))));
  }

  side(stage, record, wanted) {
    const name = { before: "before", sft: "after the SFT warm-up", after: "after" }[stage];
    const answer = record.answer === null || record.answer === undefined ? "no answer found" : `answer ${asText(record.answer)}`;
    return h("div", { class: "side" },
      h("div", { class: "label" }, verdict(record), ` ${name} · ${answer}`, record.truncated && " · cut"),
      textBlock(record.completion, wanted));
  }
}
