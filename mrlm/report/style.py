"""The report's style sheet: the reader's own fonts, light or dark, down to a telephone's width."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fbfbfa; --card: #ffffff; --ink: #1a1d21; --muted: #6a7179; --line: #e4e5e3;
  --accent: #2458c5; --before: #a3a9b1; --good: #1a7f4b; --bad: #b3372e;
  --warn-ink: #6b4a00; --warn: #fff5dc; --warn-line: #ecd59a;
  --run2: #c2571a; --run3: #1a7f4b; --run4: #8a3fb5; --run5: #a3801a; --run6: #b0306e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --card: #1b1e23; --ink: #e7e9ec; --muted: #979fa9; --line: #30343b;
    --accent: #7fa6ff; --before: #767e88; --good: #5cc98f; --bad: #f08a80;
    --warn-ink: #f0d9a0; --warn: #2c2515; --warn-line: #56482a;
    --run2: #f0955c; --run3: #5cc98f; --run4: #c08be8; --run5: #d9bd5c; --run6: #ee85b5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Inter, Roboto, "Helvetica Neue", sans-serif;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.25rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.02em; margin: .2rem 0 .6rem; }
h2 { font-size: 1.2rem; letter-spacing: -.01em; margin: 3.2rem 0 .3rem; }
h3 { font-size: .95rem; margin: 1.8rem 0 .4rem; }
p { margin: .3rem 0; }
.eyebrow, .note, .label { color: var(--muted); font-size: .86rem; }
.eyebrow { overflow-wrap: anywhere; }
.note { max-width: 46rem; margin-bottom: .9rem; }
.verdict { font-size: 1.15rem; max-width: 46rem; text-wrap: balance; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.hero {
  display: grid; grid-template-columns: 1fr auto 1fr 1.25fr; gap: 0 1.75rem; align-items: center;
  padding: 1.5rem 1.75rem; margin: 1.6rem 0 0;
}
.big {
  font-size: 2.9rem; font-weight: 650; letter-spacing: -.03em; line-height: 1.15;
  font-variant-numeric: tabular-nums;
}
.hero .arrow { font-size: 1.8rem; color: var(--muted); }
.hero .change { border-left: 1px solid var(--line); padding-left: 1.75rem; }
.was { color: var(--muted); } .now { color: var(--accent); }
.good { color: var(--good); } .bad { color: var(--bad); }
.facts { display: flex; flex-wrap: wrap; gap: .3rem 2.2rem; margin: 1.1rem 0 0; padding: 0; }
.facts div { display: flex; gap: .5rem; align-items: baseline; }
.facts dt { color: var(--muted); font-size: .86rem; }
.facts dd { margin: 0; font-weight: 550; font-variant-numeric: tabular-nums; }
.warnings {
  margin: 1.6rem 0 0; padding: .8rem 1rem .8rem 2.1rem; border-radius: 10px;
  background: var(--warn); color: var(--warn-ink); border: 1px solid var(--warn-line);
  overflow-wrap: anywhere;
}
.warnings li + li { margin-top: .3rem; }
.scroll { overflow-x: auto; padding: .35rem 1.1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .5rem .7rem .5rem 0; border-top: 1px solid var(--line); }
tbody:first-child tr:first-child > * { border-top: 0; }
thead th { border-top: 0; color: var(--muted); font-weight: 500; font-size: .82rem; }
tbody th { font-weight: 500; min-width: 6.5rem; overflow-wrap: break-word; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.spread { width: 34%; min-width: 7rem; padding-left: .8rem; padding-right: 0; }
.track { position: relative; height: 12px; margin: 0 6px; }
.track::before {
  content: ""; position: absolute; inset: 5.5px -6px auto; height: 1px; background: var(--line);
}
.track i { position: absolute; display: block; }
.track .span { top: 4.5px; height: 3px; background: var(--accent); opacity: .35; }
.track .dot { top: 1px; width: 10px; height: 10px; border-radius: 50%; margin-left: -5px; }
.dot.before { background: var(--card); border: 2px solid var(--before); }
.dot.after { background: var(--accent); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
.chart { padding: .8rem .9rem .5rem; margin: 0; min-width: 0; }
.chart svg { display: block; width: 100%; height: auto; margin-top: .3rem; }
.chart b { display: block; font-weight: 600; }
.chart span { color: var(--muted); font-size: .8rem; }
.example { margin: 0 0 1rem; overflow: hidden; }
.example > header { padding: .8rem 1.1rem; border-bottom: 1px solid var(--line); }
.example .pair { display: grid; grid-template-columns: 1fr 1fr; }
.example .side { padding: .8rem 1.1rem; min-width: 0; }
.example .side + .side { border-left: 1px solid var(--line); }
.text { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 17rem; overflow-y: auto; }
.side .text { font-size: .92rem; margin-top: .3rem; }
.sampled td { vertical-align: top; } .sampled th.number:first-child { width: 3.5rem; }
.sampled .text { max-height: 9rem; font-size: .92rem; } .sampled .note { margin: 0 0 .2rem; }
.mark { font-weight: 600; }
.pairs th { width: 34%; }
.pairs td { overflow-wrap: anywhere; }
.phases td:last-child { width: 55%; }
.key { display: inline-block; width: .75rem; height: .75rem; border-radius: 3px; }
.key { margin-right: .5rem; background: var(--accent); }
.runs th, .runs td { font-size: .92rem; padding-right: 1rem; }
.runs td:last-child { padding-right: 0; } .runs tbody th { min-width: 8rem; }
.meter { height: 8px; border-radius: 4px; background: var(--accent); min-width: 2px; }
pre {
  margin: 0; padding: .9rem 1.1rem; overflow-x: auto; font-size: .85rem; line-height: 1.5;
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace;
}
pre.command { white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: .7rem 0; } summary { cursor: pointer; padding: .3rem 0; }
footer { margin-top: 4rem; color: var(--muted); font-size: .86rem; }
@media (max-width: 44rem) {
  main { padding-top: 1.6rem; }
  h1 { font-size: 1.5rem; }
  .hero { grid-template-columns: 1fr auto 1fr; gap: 1rem; padding: 1.1rem; }
  .hero .change {
    grid-column: 1 / -1; border-left: 0; padding: 1rem 0 0; border-top: 1px solid var(--line);
  }
  .big { font-size: 2.1rem; }
  .scroll { padding: .35rem .8rem; }
  table { font-size: .88rem; }
  th, td { padding-right: .45rem; }
  tbody th { min-width: 5.2rem; }
  .example .pair { grid-template-columns: 1fr; }
  .example .side + .side { border-left: 0; border-top: 1px solid var(--line); }
  td.spread, th.spread, td.flips, th.flips { display: none; }
}
@media print { .text { max-height: none; } .card { break-inside: avoid; } }
"""
