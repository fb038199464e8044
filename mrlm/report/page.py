"""``report.html``: everything about a run on one page that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mrlm.files import read_json, read_json_lines, write_text
from mrlm.report import format
from mrlm.report.charts import curves
from mrlm.report.examples import examples, sampled
from mrlm.report.markup import Markup, join, tag
from mrlm.report.style import CSS
from mrlm.runs.folder import (
    COMPLETIONS_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    REPORT_FILE,
    RESULTS_FILE,
)


def write_report(folder: str | Path) -> Path:
    """Make ``report.html`` from the JSON of a run folder; see ``mrlm.runs.folder``.

    ``results.json`` is needed; ``config.json``, ``metrics.jsonl`` and ``completions.jsonl`` are
    shown where they exist.

    Returns:
        Where the page is.

    Raises:
        FileNotFoundError: The folder holds no ``results.json``.
        ValueError: A file is not what a run writes.
    """
    folder = Path(folder)
    if not (folder / RESULTS_FILE).is_file():
        raise FileNotFoundError(
            f"{folder} holds no {RESULTS_FILE}: name the folder of a finished run, "
            "or make one from two evaluations with `mrlm compare BEFORE AFTER --output_dir DIR`"
        )
    results = read_json(folder / RESULTS_FILE)
    config = read_json(folder / CONFIG_FILE) if (folder / CONFIG_FILE).is_file() else {}
    log, completions = (
        read_json_lines(folder / name) if (folder / name).is_file() else []
        for name in (METRICS_FILE, COMPLETIONS_FILE)
    )
    if not isinstance(results, dict) or "comparison" not in results:
        raise ValueError(
            f"{folder / RESULTS_FILE} holds no comparison: name the folder of a run; two "
            "evaluations become one with `mrlm compare BEFORE AFTER --output_dir DIR`"
        )
    try:
        page = render(results, config, log, completions)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / RESULTS_FILE} was not written by this version of mrlm ({error})"
        ) from error
    write_text(folder / REPORT_FILE, page)
    return folder / REPORT_FILE


def render(
    results: Mapping[str, Any],
    config: Mapping[str, Any],
    log: Sequence[Mapping[str, Any]],
    completions: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The page as text; arguments as in the four files that ``write_report`` reads."""
    comparison = results["comparison"]
    body = tag(
        "main",
        _headline(results),
        _groups("By kind", "Kind", comparison["by_kind"]),
        _groups("By difficulty", "Difficulty", comparison["by_difficulty"]),
        _measures(comparison),
        _training(log),
        sampled(completions),
        examples(comparison),
        _run(results, config),
    )
    return document(f"{results['title']} · mrlm", body)


def document(title: str, body: Markup) -> str:
    """A whole page with its style sheet."""
    head = tag(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title),
        tag("style", Markup(CSS)),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", body), lang="en") + "\n"


def _headline(results: Mapping[str, Any]) -> Markup:
    comparison = results["comparison"]
    settings, interval = comparison["settings"], comparison["interval"]
    samples = settings["num_generations"]
    facts = {
        "rows": f"{comparison['num_pairs']:,}" + (f" x {samples} samples" if samples > 1 else ""),
        "gained": f"{comparison['num_gained']:,}",
        "lost": f"{comparison['num_lost']:,}",
        "sampling": "greedy"
        if settings["temperature"] == 0
        else f"temperature {settings['temperature']:g}",
    }
    if results["phases"]:  # two evaluations that were made elsewhere have no time of their own
        facts["wall time"] = format.duration(results["wall_seconds"])
        facts["cores"] = str(results["environment"]["cpu_cores"])
    clear = format.is_clear(comparison)
    colour = ("good" if comparison["difference"] > 0 else "bad") if clear else "was"
    difference = tag(
        "div",
        tag("div", "Difference, points", class_="label"),
        tag("div", format.points(comparison["difference"]), class_=f"big {colour}"),
        tag(
            "div",
            f"95% interval {format.points(interval['low'])} to {format.points(interval['high'])}",
            class_="label",
        ),
        tag("div", format.p_value(comparison["p_value"]), class_="label"),
        class_="change",
    )
    return join(
        tag(
            "div",
            f"Task {settings['task']} · {settings['split']} rows, seed {settings['seed']} · "
            f"{comparison['model_before']} · {results['created'][:16].replace('T', ' ')} UTC",
            class_="eyebrow",
        ),
        tag("h1", results["title"]),
        tag("p", format.verdict(comparison), class_="verdict"),
        tag(
            "div",
            _accuracy("Accuracy before", comparison["accuracy_before"], "was"),
            tag("div", "→", class_="arrow"),
            _accuracy("Accuracy after", comparison["accuracy_after"], "now"),
            difference,
            class_="card hero",
        ),
        tag(
            "dl",
            *(tag("div", tag("dt", k), tag("dd", v)) for k, v in facts.items()),
            class_="facts",
        ),
        _warnings(results["warnings"]),
        *(tag("p", note, class_="note") for note in results.get("notes", [])),
    )


def _accuracy(label: str, group: Mapping[str, Any], colour: str) -> Markup:
    interval = group["interval"]
    between = (
        f"95% interval {format.percent(interval['low'])} to {format.percent(interval['high'])}"
    )
    return tag(
        "div",
        tag("div", label, class_="label"),
        tag("div", format.percent(group["accuracy"]), class_=f"big {colour}"),
        tag("div", between, class_="label"),
    )


def _warnings(warnings: Sequence[str]) -> Markup | None:
    if not warnings:
        return None
    return tag("ul", *(tag("li", warning) for warning in warnings), class_="warnings")


def _groups(title: str, column: str, groups: Mapping[str, Mapping[str, Any]]) -> Markup | None:
    if len(groups) < 2:
        return None
    heads = [
        *(tag("th", name, class_="number") for name in ("Rows", "Before", "After", "Points")),
        tag("th", "Gained / lost", class_="number flips"),
        tag("th", "0 to 100%", class_="spread"),
    ]
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            *(
                tag("td", text, class_="number")
                for text in (
                    f"{group['num_rows']:,}",
                    format.percent(group["before"]),
                    format.percent(group["after"]),
                    format.points(group["difference"]),
                )
            ),
            tag("td", f"{group['num_gained']} / {group['num_lost']}", class_="number flips"),
            tag("td", _spread(group["before"], group["after"]), class_="spread"),
        )
        for name, group in groups.items()
    ]
    table = tag("table", tag("thead", tag("tr", tag("th", column), *heads)), tag("tbody", *rows))
    return join(tag("h2", title), tag("div", table, class_="card scroll"))


def _spread(before: float, after: float) -> Markup:
    """From a hollow dot to a full one, on a line from 0 to 100%."""
    left, width = min(before, after) * 100, abs(after - before) * 100
    return tag(
        "div",
        tag("i", class_="span", style=f"left:{left:.1f}%;width:{width:.1f}%"),
        tag("i", class_="dot before", style=f"left:{before * 100:.1f}%"),
        tag("i", class_="dot after", style=f"left:{after * 100:.1f}%"),
        class_="track",
        aria_hidden="true",
    )


def _measures(comparison: Mapping[str, Any]) -> Markup:
    head = tag(
        "tr",
        tag("th", "Measure"),
        tag("th", "Before", class_="number"),
        tag("th", "After", class_="number"),
    )
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("td", before, class_="number"),
            tag("td", after, class_="number"),
        )
        for name, before, after in format.measures(comparison)
    ]
    methods = (
        "Accuracy counts full marks of the task's score, never the training reward. Its interval: "
        f"{comparison['accuracy_after']['interval']['method']}. Interval of the difference: "
        f"{comparison['interval']['method']}. p-value: {comparison['test']} test, two-sided. "
        "Samples without a score are in no denominator."
    )
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return join(
        tag("h2", "What else was measured"),
        tag("p", methods, class_="note"),
        tag("div", table, class_="card scroll"),
    )


def _training(log: Sequence[Mapping[str, Any]]) -> Markup | None:
    charts = curves(log)
    if not charts:
        return None
    figures = [
        tag("figure", tag("b", title), tag("span", note), svg, class_="card chart")
        for title, note, svg in charts
    ]
    return join(tag("h2", "Training"), tag("div", *figures, class_="charts"))


def _run(results: Mapping[str, Any], config: Mapping[str, Any]) -> Markup:
    longest = max((phase["seconds"] for phase in results["phases"]), default=0.0) or 1.0
    phases = [
        tag(
            "tr",
            tag("th", phase["name"], scope="row"),
            tag("td", format.duration(phase["seconds"]), class_="number"),
            tag(
                "td",
                tag("div", class_="meter", style=f"width:{100 * phase['seconds'] / longest:.1f}%"),
            ),
        )
        for phase in results["phases"]
    ]
    return join(
        tag("h2", "The run"),
        tag("h3", "Do it again"),
        tag("pre", results["command"], class_="card command"),
        tag("h3", "Time") if phases else None,
        tag("div", tag("table", tag("tbody", *phases)), class_="card scroll phases")
        if phases
        else None,
        tag("h3", "Evaluation"),
        _pairs(results["comparison"]["settings"]),
        tag("h3", "Environment"),
        _pairs(results["environment"]),
        tag("details", tag("summary", "Configuration"), _pairs(config)) if config else None,
        tag("footer", "Made by mrlm from results.json; `mrlm report` makes it again."),
    )


def _pairs(values: Mapping[str, Any]) -> Markup:
    rows = [
        tag("tr", tag("th", str(name), scope="row"), tag("td", str(value)))
        for name, value in values.items()
    ]
    return tag("div", tag("table", tag("tbody", *rows)), class_="card scroll pairs")
