// How the run was made: command, time, settings, machine.

function pairTable(values) {
  return table([""], Object.entries(values).map(([name, value]) => [name, asText(value)]), { kind: "pairs", text: true });
}

function phases(found) {
  const longest = Math.max(...found.map((phase) => phase.seconds)) || 1;
  const hasMemory = found.some((phase) => phase.peak_memory > 0);
  return table(["Phase", "Time", hasMemory && "Peak memory", ""].filter((name) => name !== false), found.map((phase) => [phase.name, duration(phase.seconds),
    ...(hasMemory ? [gibibytes(phase.peak_memory)] : []),
    h("div", { class: "meter", style: { width: `${(100 * phase.seconds) / longest}%` } })]), { kind: "phases" });
}

class About {
  constructor() {
    this.node = section("about", "The run");
  }

  update({ results, config, started }) {
    this.node.hidden = !results && !config && !started;
    show(this.node, h("h2", { id: "about-title" }, "The run"),
      !results && started && h("p", { class: "note" }, `Started ${started.slice(0, 16).replace("T", " ")} UTC.`),
      results && [h("h3", null, "Do it again"), h("pre", { class: "card command", tabindex: 0 }, results.command)],
      results && results.phases.length > 0 && [h("h3", null, "Time and memory"), phases(results.phases)],
      results && h("div", { class: "two" },
        h("div", null, h("h3", null, "Evaluation"), pairTable(results.comparison.settings)),
        h("div", null, h("h3", null, "Environment"), pairTable(results.environment))),
      config && h("details", null, h("summary", null, "Configuration"), pairTable(config)));
  }
}
