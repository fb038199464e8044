// What was sampled in training, beside its rewards, with search and filters.

const ORDERS = {
  newest: (a, b) => b.step - a.step,
  oldest: (a, b) => a.step - b.step,
  best: (a, b) => order(b.reward) - order(a.reward),
  worst: (a, b) => order(a.reward, Infinity) - order(b.reward, Infinity),
};

function order(value, absent = -Infinity) {
  return value === null ? absent : value;
}

// The sum of those that apply, as TRL sums them.
function totalReward(row) {
  const known = Object.values(row.rewards || {}).filter(isNumber);
  return known.length ? known.reduce((a, b) => a + b, 0) : null;
}

function limit(input) {
  return input.value.trim() === "" ? null : Number(input.value);
}

class Rollouts {
  constructor() {
    this.rows = [];
    const redraw = () => { this.pager.place = 0; this.draw(); };
    const number = (name) => h("input", { type: "number", step: "any", "aria-label": name, on: { input: later(redraw, 150) } });
    this.text = h("input", { type: "search", placeholder: "in question or completion", on: { input: later(redraw, 150) } });
    this.kind = select([["", "all kinds"]], redraw);
    this.kindField = field("Kind", this.kind);
    this.steps = [number("first step"), number("last step")];
    this.rewards = [number("least reward"), number("highest reward")];
    this.sort = select([["newest", "newest first"], ["oldest", "oldest first"], ["best", "highest reward first"], ["worst", "lowest reward first"]], redraw);
    this.pager = new Pager(20, () => this.draw());
    this.follow = h("input", { type: "checkbox", checked: true, on: { change: () => this.follow.checked && this.take() } });
    this.followField = h("label", { class: "check" }, this.follow, "follow the run");
    this.count = h("p", { class: "label", role: "status" });
    this.list = h("div", { class: "rollouts" });
    this.note = h("p", { class: "note" });
    this.node = section("rollouts", "Rollouts", "Sampled in training: a few of each step, spread over its prompts.", this.note,
      h("div", { class: "toolbar" }, field("Search", this.text), this.kindField,
        field("Step", h("span", { class: "range" }, this.steps[0], "to", this.steps[1])),
        field("Reward", h("span", { class: "range" }, this.rewards[0], "to", this.rewards[1])),
        field("Order", this.sort), this.followField),
      this.count, this.list, this.pager.node);
  }

  // Where the reader holds the list still, what comes in waits.
  update(rows, note, goesOn) {
    this.followField.hidden = !goesOn;
    this.waiting = [rows, note];
    if (this.follow.checked || !this.rows.length) this.take();
    else this.tell();
  }

  take() {
    const [rows, note] = this.waiting;
    this.rows = rows.map((row) => ({ ...row, reward: totalReward(row), asked: question(row.prompt) }));
    const kinds = choices(rows.map((row) => row.kind), "all kinds");
    offer(this.kind, kinds);
    this.kindField.hidden = kinds.length < 3;
    show(this.note, note);
    this.node.hidden = rows.length === 0;
    this.draw();
  }

  fits(row, wanted) {
    const [from, to] = this.steps.map(limit);
    const [least, most] = this.rewards.map(limit);
    return (from === null || row.step >= from) && (to === null || row.step <= to)
      && (least === null || (row.reward !== null && row.reward >= least))
      && (most === null || (row.reward !== null && row.reward <= most))
      && (!this.kind.value || String(row.kind) === this.kind.value)
      && has([row.asked, row.completion], wanted);
  }

  draw() {
    const wanted = this.text.value.trim().toLowerCase();
    const found = this.rows.filter((row) => this.fits(row, wanted)).sort(ORDERS[this.sort.value]);
    this.found = found.length;
    this.tell();
    const top = Math.max(1e-9, ...this.rows.map((row) => order(row.reward, 0)));
    show(this.list, this.pager.cut(found).map((row) => this.card(row, wanted, top)));
  }

  tell() {
    const more = this.waiting[0].length - this.rows.length;
    show(this.count, `${count(this.found)} of ${count(this.rows.length)} rollouts`, more > 0 && `, ${count(more)} more wait`);
  }

  card(row, wanted, top) {
    const kind = row.reward === null ? "none" : row.reward >= top ? "good" : row.reward > 0 ? "part" : "bad";
    const parts = Object.entries(row.rewards || {});
    return h("article", { class: "card rollout" },
      h("div", { class: "side-facts" },
        h("div", { class: `reward ${kind}` }, row.reward === null ? "no reward" : compact(row.reward)),
        h("div", { class: "label" }, `step ${count(row.step)}`),
        row.kind && h("div", { class: "label" }, row.kind),
        isNumber(row.advantage) && h("div", { class: "label" }, `advantage ${compact(row.advantage)}`)),
      h("div", { class: "said" }, textBlock(row.asked, wanted, "asked"), textBlock(row.completion, wanted, "completion"),
        parts.length > 1 && h("div", { class: "label" }, parts.map(([name, value]) => `${name} ${compact(value)}`).join(" · "))));
  }
}
