"""What the model wrote: before and after side by side, and sampled while it trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mrlm.report import format
from mrlm.report.markup import Markup, join, tag

_SHORT = 120  # characters of a reference column that is shown
_SAMPLED_PER_STEP = 3


def examples(comparison: Mapping[str, Any]) -> Markup:
    """Sections of rows that nobody chose, rows gained and rows lost."""
    gained, lost = comparison["num_gained"], comparison["num_lost"]
    return join(
        _section(
            "Answers before and after",
            "The first rows of the evaluation, whatever happened to them.",
            comparison["samples"],
        ),
        _section(
            "Gained",
            f"{len(comparison['gained'])} of the {gained:,} rows that are better after.",
            comparison["gained"],
        ),
        _section(
            "Lost",
            f"{len(comparison['lost'])} of the {lost:,} rows that are worse after.",
            comparison["lost"],
        ),
    )


def sampled(completions: Sequence[Mapping[str, Any]]) -> Markup | None:
    """A few of ``completions.jsonl``, from the first, the middle and the last step it holds."""
    steps = sorted({row["step"] for row in completions})
    if not steps:
        return None
    chosen = sorted({steps[0], steps[len(steps) // 2], steps[-1]})
    rows = []
    for step in chosen:
        for row in [row for row in completions if row["step"] == step][:_SAMPLED_PER_STEP]:
            asked = row["prompt"]
            rewards = [reward for reward in row["rewards"].values() if reward is not None]
            rows.append(
                tag(
                    "tr",
                    tag("td", str(step), class_="number"),
                    tag(
                        "td",
                        tag(
                            "div",
                            asked if isinstance(asked, str) else format.question(asked),
                            class_="note text",
                        ),
                        tag("div", row["completion"] or "(nothing)", class_="text"),
                    ),
                    tag("td", format.number(sum(rewards) if rewards else None), class_="number"),
                    tag("td", format.number(row["advantage"]), class_="number"),
                )
            )
    heads = (("Step", "number"), ("Asked and sampled", ""), ("Reward", "number"))
    head = [tag("th", name, class_=style) for name, style in (*heads, ("Advantage", "number"))]
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows))
    return join(
        tag("h2", "Sampled during training"),
        tag(
            "p",
            "From the first, the middle and the last step kept; completions.jsonl has more.",
            class_="note",
        ),
        tag("div", table, class_="card scroll sampled"),
    )


def _section(title: str, note: str, rows: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not rows:
        return None
    return join(tag("h2", title), tag("p", note, class_="note"), *(_example(row) for row in rows))


def _example(row: Mapping[str, Any]) -> Markup:
    short = [
        f"{name}: {value}"
        for name, value in row["reference"].items()
        if value is not None and len(str(value)) <= _SHORT
    ]
    return tag(
        "article",
        tag(
            "header",
            tag("div", " · ".join([row["kind"], *short]), class_="label"),
            tag("div", format.question(row["prompt"]), class_="text"),
        ),
        tag("div", _side(row, "before"), _side(row, "after"), class_="pair"),
        class_="card example",
    )


def _side(row: Mapping[str, Any], when: str) -> Markup:
    score, answer = row[f"score_{when}"], row[f"answer_{when}"]
    if score is None:
        mark, colour = "no score", "was"
    elif score >= 1.0:
        mark, colour = "✓ right", "good"
    else:
        mark, colour = "✗ wrong", "bad"
    return tag(
        "div",
        tag(
            "div",
            tag("span", mark, class_=f"mark {colour}"),
            f" {when} · " + ("no answer found" if answer is None else f"answer {answer}"),
            class_="label",
        ),
        tag("div", row[when] or "(nothing)", class_="text"),
        class_="side",
    )
