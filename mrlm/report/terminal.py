"""The end of a run on a terminal: a table, and a few answers before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mrlm.evaluation.summary import Group
from mrlm.report import format

if TYPE_CHECKING:
    from mrlm.evaluation.comparison import Comparison, Example
    from mrlm.evaluation.evaluation import Evaluation
    from mrlm.sampling.rollout import Record

_NUM_EXAMPLES = 3
_MAX_CHARS = 400  # characters of a text that is printed


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print what changed: the verdict, accuracy by kind, other measures, a few answers."""
    results = comparison.to_dict()
    clear = format.is_clear(results)
    colour = ("green" if comparison.difference > 0 else "red") if clear else "yellow"
    console.print()
    console.print(Text(format.verdict(results), style=f"bold {colour}"))
    interval = comparison.interval
    console.print(
        Text(
            f"95% interval {format.points(interval.low)} to {format.points(interval.high)} "
            f"points, {format.p_value(comparison.p_value)} ({comparison.test}), "
            f"{comparison.num_gained} rows gained, {comparison.num_lost} lost",
            style="dim",
        )
    )
    console.print(_accuracies(comparison))
    console.print(_measures(comparison))
    for warning in comparison.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    _print_examples(console, comparison)


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Print one evaluation: accuracy with its interval, by kind and difficulty, and warnings."""
    summary, settings = evaluation.summary, evaluation.settings
    table = number_table("Accuracy", "Rows", "Accuracy", "95% interval")
    for column, groups in (("kind", summary.by_kind), ("difficulty", summary.by_difficulty)):
        if settings.protocol and len(groups) == 1:
            continue  # most benchmarks have one kind, which is all of them
        for name, group in groups.items():
            table.add_row(_plain(f"{column} {name}"), f"{group.num_rows:,}", *_accuracy(group))
    table.add_section()
    whole = Group(summary.num_rows, summary.num_unscored, summary.accuracy, summary.interval)
    table.add_row("all", f"{summary.num_rows:,}", *_accuracy(whole), style="bold")
    console.print(_plain(f"{settings.model} on {settings.task}, {settings.split} rows"))
    for line in format.protocol(settings):
        console.print(Text(line, style="dim"))
    console.print(table)
    for k, share in summary.pass_at_k.items():
        console.print(f"pass@{k} {format.percent(share)}")
    console.print(
        f"cut at the token limit {format.percent(summary.truncated_share)}, "
        f"without an answer {format.percent(summary.unparsed_share)}, "
        f"{format.number(summary.mean_tokens)} tokens per completion, "
        f"{format.duration(evaluation.seconds)}"
    )
    for warning in evaluation.warnings():
        console.print(Text(f"! {warning}", style="yellow"))


def print_episode(console: Console, before: Record, after: Record) -> None:
    """Print one row's episode with tools in full, as it was played before and after."""
    console.rule(_plain(f"{before.kind} · {before.id}"), align="left")
    console.print(_plain(format.question(before.prompt)))
    for when, record in (("before", before), ("after", after)):
        console.rule(_plain(f"{when}, score {record.score}"), style="dim", align="left")
        console.print(_plain(record.completion or "(nothing)"))


def _accuracy(group: Group) -> tuple[str, str]:
    if group.interval is None:
        return format.ABSENT, format.ABSENT
    low, high = format.percent(group.interval.low), format.percent(group.interval.high)
    return format.percent(group.accuracy), f"{low} to {high}"


def _accuracies(comparison: Comparison) -> Table:
    table = number_table("Accuracy", "Rows", "Before", "After", "Points", "Gained", "Lost")
    for name, group in comparison.by_kind.items():
        table.add_row(
            _plain(name),
            f"{group.num_rows:,}",
            format.percent(group.before),
            format.percent(group.after),
            format.points(group.difference),
            str(group.num_gained),
            str(group.num_lost),
        )
    table.add_section()
    table.add_row(
        "all",
        f"{comparison.num_pairs:,}",
        format.percent(comparison.accuracy_before.accuracy),
        format.percent(comparison.accuracy_after.accuracy),
        format.points(comparison.difference),
        str(comparison.num_gained),
        str(comparison.num_lost),
        style="bold",
    )
    return table


def _measures(comparison: Comparison) -> Table:
    table = number_table("Also measured", "Before", "After")
    for name, before, after in format.measures(comparison.to_dict()):
        table.add_row(_plain(name), before, after)
    return table


def number_table(first: str, *numbers: str) -> Table:
    """An empty table: one column of names, the others of numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _print_examples(console: Console, comparison: Comparison) -> None:
    chosen = [*comparison.gained[:_NUM_EXAMPLES], *comparison.lost[:1]]
    for example in chosen or comparison.samples[:_NUM_EXAMPLES]:
        console.rule(_plain(f"{example.kind} · {example.id}"), style="dim", align="left")
        console.print(_plain(_shorten(format.question(example.prompt))))
        for when in ("before", "after"):
            console.print(_answer(example, when))


def _answer(example: Example, when: str) -> Text:
    score = example.score_before if when == "before" else example.score_after
    completion = example.before if when == "before" else example.after
    style = "dim" if score is None else "green" if score >= 1.0 else "red"
    return Text.assemble((f"{when:>6} ", f"bold {style}"), _shorten(completion))


def _plain(text: str) -> Text:
    """Text whose square brackets are not taken for rich's markup."""
    return Text(text)


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]} …"
