"""How numbers are said: the same words on the terminal and in the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrlm.evaluation.evaluation import EvalSettings

SIGNIFICANT = 0.05
ABSENT = "\N{EN DASH}"
_MAX_REFERENCE_CHARS = 120  # of a reference column that is shown
_MAX_PROMPT_CHARS = 240  # of a benchmark's prompt that is shown


def percent(share: float | None) -> str:
    """``0.413`` as ``41.3%``; an absent number as a dash."""
    return ABSENT if share is None else f"{share:.1%}"


def points(difference: float) -> str:
    """A difference of shares in percentage points, always with its sign."""
    return f"{difference * 100:+.1f}".replace("-", "\N{MINUS SIGN}")


def p_value(value: float) -> str:
    """``p = 0.031``, or a bound where the digits would claim too much."""
    if value < 0.0001:
        return "p < 0.0001"
    return f"p = {value:.4f}" if value < 0.1 else f"p = {value:.2f}"


def number(value: float | None) -> str:
    """A plain number: tokens with one decimal, rewards with three."""
    if value is None:
        return ABSENT
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3f}"


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 07 s``, ``2 h 05 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def protocol(settings: EvalSettings) -> list[str]:
    """How a benchmark was asked and scored, in lines; none for rows that are not a benchmark's."""
    asked = settings.protocol
    if not asked:
        return []
    prompt = " ".join(asked["prompt"].split())
    if len(prompt) > _MAX_PROMPT_CHARS:
        prompt = f"{prompt[:_MAX_PROMPT_CHARS]} …"
    greedy = settings.temperature == 0
    sampling = "greedy" if greedy else f"temperature {settings.temperature:g}"
    if not greedy and settings.top_p < 1:
        sampling += f", top_p {settings.top_p:g}"
    return [
        f"source: {asked['source']}, {asked['rows']:,} of {asked['rows_of_source']:,} rows",
        f"prompt: {prompt}",
        f"shots: {asked['shots']}",
        f"answer: {asked['answer']}",
        f"sampling: {sampling}, {settings.num_generations} per row, at most "
        f"{settings.max_new_tokens:,} tokens",
    ]


def is_clear(comparison: Mapping[str, Any]) -> bool:
    """The difference is significant, and its interval leaves out 0."""
    interval = comparison["interval"]
    apart = interval["low"] > 0 or interval["high"] < 0
    return bool(apart and comparison["p_value"] < SIGNIFICANT)


def verdict(comparison: Mapping[str, Any]) -> str:
    """The outcome in one sentence that claims no more than the numbers do."""
    difference, rows = comparison["difference"], comparison["num_pairs"]
    if is_clear(comparison):
        change = "better" if difference > 0 else "worse"
        return (
            f"The model got {change}: {points(difference)} points of accuracy on {rows} rows, "
            "more than chance explains."
        )
    return (
        f"No clear change: {points(difference)} points of accuracy on {rows} rows "
        "is within what chance explains."
    )


def question(prompt: Sequence[Mapping[str, Any]]) -> str:
    """What the user asked last in a conversation."""
    asked = [message for message in prompt if message.get("role") == "user"]
    return str((asked or prompt)[-1].get("content", "")) if prompt else ""


def label(example: Mapping[str, Any]) -> str:
    """What stands over an example: its kind, and the short ones of its reference columns."""
    references = [
        f"{name}: {value}"
        for name, value in example["reference"].items()
        if value is not None and len(str(value)) <= _MAX_REFERENCE_CHARS
    ]
    return " · ".join([example["kind"], *references])


def measures(comparison: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, before and after of everything that was measured beside the accuracy."""
    before, after = comparison["before"], comparison["after"]
    rows = [
        ("Accuracy, all rows", percent(before["accuracy"]), percent(after["accuracy"])),
        ("Mean score", number(before["mean_score"]), number(after["mean_score"])),
        ("Mean training reward", number(before["mean_reward"]), number(after["mean_reward"])),
    ]
    if len(after["rewards"]) > 1:
        rows += [
            (name, number(before["rewards"].get(name)), number(value))
            for name, value in after["rewards"].items()
        ]
    rows += [
        (f"pass@{k}", percent(before["pass_at_k"].get(k)), percent(value))
        for k, value in after["pass_at_k"].items()
    ]
    rows += [
        (name, percent(before[key]), percent(after[key]))
        for name, key in (
            ("Cut at the token limit", "truncated_share"),
            ("Without an answer", "unparsed_share"),
        )
    ]
    return [
        *rows,
        ("Tokens per completion", number(before["mean_tokens"]), number(after["mean_tokens"])),
        ("Samples without a score", str(before["num_unscored"]), str(after["num_unscored"])),
    ]
