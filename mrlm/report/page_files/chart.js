// A line chart as SVG: raw points behind a smoothed line, the values under the pointer or the arrow keys.

const FEW = 10; // points that are drawn as they are, whatever the smoothing
const WIDE = 380, HIGH = 190, LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 22;

// Exponential mean that starts without bias; weight 0 changes nothing.
function smoothed(values, weight) {
  let sum = 0, norm = 0;
  return values.map((value) => {
    sum = weight * sum + (1 - weight) * value;
    norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}

function ticks(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
  return found;
}

function colour(i) {
  return `var(--run${(i % 6) + 1})`;
}

// lines: [{name, points: [[step, value], ...]}], a colour for each place in the list.
class Chart {
  constructor(title, note) {
    this.lines = [];
    this.weight = 0;
    this.at = null;
    this.now = h("output", { class: "reading" });
    this.svg = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", tabindex: 0, "aria-label": title });
    this.marker = s("g", { class: "marker" });
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.mark(null));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("blur", () => this.mark(null));
    this.title = title;
    this.node = h("figure", { class: "card chart" },
      h("figcaption", null, h("b", null, title), this.now, note && h("span", { class: "note" }, note)), this.svg);
  }

  draw(lines, weight) {
    this.lines = lines.map((line, i) => ({
      ...line,
      i,
      smooth: smoothed(line.points.map((point) => point[1]), line.points.length >= FEW ? weight : 0),
    }));
    this.weight = weight;
    const drawn = this.lines.filter((line) => line.points.length);
    const steps = drawn.flatMap((line) => [line.points[0][0], line.points.at(-1)[0]]);
    const values = drawn.flatMap((line) => this.isRaw(line) ? line.points.map((point) => point[1]) : line.smooth);
    this.scale(steps, values);
    show(this.svg, this.grid(), drawn.map((line) => this.line(line)), this.marker);
    this.mark(this.at);
  }

  // Behind several smoothed lines the raw ones would be a tangle.
  isRaw(line) {
    return this.weight === 0 || this.lines.length === 1 || line.points.length < FEW;
  }

  scale(steps, values) {
    let low = values.reduce((a, b) => Math.min(a, b), Infinity);
    let high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    if (low === 0 && high === 0) high = 1;
    if (low === high) [low, high] = [low - (Math.abs(low) / 2 || 0.5), high + (Math.abs(high) / 2 || 0.5)];
    const pad = (high - low) * 0.06;
    this.low = low >= 0 ? Math.max(0, low - pad) : low - pad;
    this.high = low >= 0 && high <= 1 ? Math.min(1, high + pad) : high + pad;
    this.first = Math.min(...steps);
    this.last = Math.max(...steps);
    if (this.first === this.last) [this.first, this.last] = [this.first - 1, this.last + 1];
  }

  x(step) {
    return LEFT + ((step - this.first) / (this.last - this.first)) * (WIDE - LEFT - RIGHT);
  }

  y(value) {
    return TOP + ((this.high - value) / (this.high - this.low)) * (HIGH - TOP - BOTTOM);
  }

  grid() {
    const rows = ticks(this.low, this.high, 4).map((value) => [
      s("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: this.y(value), y2: this.y(value) }),
      s("text", { class: "tick", x: LEFT - 6, y: this.y(value) + 3.5, "text-anchor": "end" }, compact(value)),
    ]);
    const columns = ticks(this.first, this.last, 5).filter(Number.isInteger).map((step) =>
      s("text", { class: "tick", x: this.x(step), y: HIGH - 6, "text-anchor": "middle" }, count(step)));
    return s("g", null, rows, columns);
  }

  line(line) {
    const style = { stroke: colour(line.i) };
    const dash = line.i >= 6 ? "5 3" : null;
    const path = (values) => values.map((value, i) =>
      `${i ? "L" : "M"}${this.x(line.points[i][0]).toFixed(1)} ${this.y(value).toFixed(1)}`).join("");
    const raw = line.points.map((point) => point[1]);
    if (raw.length === 1) {
      return s("circle", { cx: this.x(line.points[0][0]), cy: this.y(raw[0]), r: 3.5, style: { fill: colour(line.i) } });
    }
    const isSmooth = this.weight > 0 && raw.length >= FEW;
    return s("g", null,
      this.isRaw(line) && s("path", { class: isSmooth ? "raw" : "line", d: path(raw), style, "stroke-dasharray": dash }),
      isSmooth && s("path", { class: "line", d: path(line.smooth), style, "stroke-dasharray": dash }));
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDE;
    this.mark(this.first + ((x - LEFT) / (WIDE - LEFT - RIGHT)) * (this.last - this.first));
  }

  key(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const steps = this.lines.reduce((most, line) => line.points.length > most.length ? line.points : most, []);
    if (!move || !steps.length) return;
    event.preventDefault();
    const at = this.at === null ? steps.length : nearest(steps, this.at) + move;
    this.mark(steps[Math.max(0, Math.min(steps.length - 1, at))][0]);
  }

  // The values nearest to a step; without one, the last.
  mark(step) {
    this.at = step;
    // Said aloud where the reader moves, not with every step of the run.
    this.now.setAttribute("aria-live", step === null ? "off" : "polite");
    const found = this.lines.filter((line) => line.points.length).map((line) => {
      const i = step === null ? line.points.length - 1 : nearest(line.points, step);
      return { line, step: line.points[i][0], value: line.points[i][1] };
    });
    show(this.now, found.length > 3 && step === null ? "" : found.slice(0, 6).map(({ line, value }) =>
      h("span", { style: { color: colour(line.i) } }, compact(value))),
      found.length && step !== null ? h("small", null, `step ${count(found[0].step)}`) : null);
    show(this.marker, step !== null && found.length && [
      s("line", { x1: this.x(found[0].step), x2: this.x(found[0].step), y1: TOP, y2: HIGH - BOTTOM }),
      found.map(({ line, step: x, value }) =>
        s("circle", { cx: this.x(x), cy: this.y(value), r: 3.5, style: { fill: colour(line.i) } })),
    ]);
    const last = found.map(({ line, value }) => `${line.name ? `${line.name} ` : ""}${compact(value)}`).join(", ");
    this.svg.setAttribute("aria-label", found.length ? `${this.title} by step: ${last} at step ${found[0].step}` : this.title);
  }
}

// Place of the point nearest to a step; points are in the order of their steps.
function nearest(points, step) {
  let low = 0, high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle][0] > step) high = middle;
    else low = middle;
  }
  return Math.abs(points[low][0] - step) <= Math.abs(points[high][0] - step) ? low : high;
}

function spark(values) {
  const known = (values || []).filter(isNumber);
  if (known.length < 2) return null;
  const low = Math.min(...known), span = Math.max(...known) - low || 1;
  const d = known.map((value, i) =>
    `${i ? "L" : "M"}${((i / (known.length - 1)) * 96 + 2).toFixed(1)} ${(22 - ((value - low) / span) * 18).toFixed(1)}`).join("");
  return s("svg", { class: "spark", viewBox: "0 0 100 26", preserveAspectRatio: "xMinYMid", "aria-hidden": "true" }, s("path", { class: "line", d, style: { stroke: colour(0) } }));
}
