"""The debate reward: gates first, then parts that can be verified.

Grounded rows (``opening``, ``rebuttal``). A gate (``gates.py``) or the lack of a true citation that
supports the side gives 0. Otherwise the first such citation earns 0.3, six fresh words outside the
quotes earn 0.1, and 0.6 is shared by what else the row asks for: a second supporting fact, and in a
rebuttal an answer to the opponent, that is, naming a fact that they used and citing next the fact
on the same point. One false citation leaves 35% of that, two leave 10%, three nothing, so nothing
with a false citation earns as much as one honest citation does. False are an unknown number, a
misquote, a number without its quote, and a fact that does not support the side, unless the opponent
used it.

Closed rows: 1 when the final position is right, else 0 (``closed.py``).

What it does not measure: whether the words around the facts are a good argument. A judge
(``judge.py``) may say something about that; this reward cannot be flattered instead.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mrlm.completion_text import completion_text, without_thinking
from mrlm.tasks.debate.citations import Reading, normalized, read
from mrlm.tasks.debate.closed import final_answer, grade_final
from mrlm.tasks.debate.gates import MAX_CHARS, fresh_words, gate
from mrlm.tasks.debate.grounded import OTHER

__all__ = [
    "Grade",
    "debate_reward",
    "extract",
    "grade_argument",
    "is_usable",
    "score",
]

logger = logging.getLogger(__name__)

FIRST, OWN_WORDS, REST = 0.3, 0.1, 0.6
LEFT = (1.0, 0.35, 0.1, 0.0)  # by the number of false citations
MIN_FRESH_WORDS = 6


@dataclass(frozen=True)
class Grade:
    """How an argument's score came about.

    Attributes:
        score: In [0, 1].
        gate: The gate that stopped it, ``"uncited"`` where nothing supports the side, or ``None``.
        supporting: Numbers of the facts that it cites truly for its side.
        num_false: Citations that cost.
        replied: Whether it answers a fact that the opponent used; ``None`` if there is none.
    """

    score: float
    gate: str | None = None
    supporting: tuple[int, ...] = ()
    num_false: int = 0
    replied: bool | None = None


def debate_reward(
    completions: Sequence[str | Sequence[Mapping[str, Any]]],
    kind: Sequence[str],
    log_metric: Callable[[str, float], None] | None = None,
    **columns: Any,
) -> list[float | None]:
    """Score a batch, with TRL's signature; see the module's docstring.

    Args:
        completions: Texts, or conversations whose last assistant message is read.
        kind: Of each row.
        log_metric: TRL's hook. Gets the share of arguments stopped by each gate, of rebuttals that
            answer the opponent, of wrong positions that were moved, and of unscored completions.
        **columns: The other columns of the rows.

    Returns:
        A number in [0, 1] for each completion; ``None`` where the row cannot be used.
    """
    outcomes: Counter[str] = Counter()
    scores: list[float | None] = []
    rows = [
        {name: column[i] for name, column in columns.items() if isinstance(column, list | tuple)}
        for i in range(len(kind))
    ]
    for completion, row, family in zip(completions, rows, kind, strict=True):
        value, seen = _outcome(completion_text(completion), {**row, "kind": family})
        scores.append(value)
        outcomes.update(seen)
    for name, of in (
        *((f"gate/{name}", "grounded") for name in sorted(_gates_seen(outcomes))),
        ("replied", "answerable"),
        ("moved", "held_wrong"),
        ("unscored", "all"),
    ):
        if log_metric is not None and outcomes[of]:
            log_metric(f"debate_reward/{name}", outcomes[name] / outcomes[of])
    if outcomes["unscored"]:
        logger.warning("debate_reward: %d rows cannot be scored.", outcomes["unscored"])
    return scores


def score(completion: str | Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> float | None:
    """What evaluation counts: a number in [0, 1], ``None`` where the row cannot be used."""
    return _outcome(completion_text(completion), row)[0]


def extract(completion: str | Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> str | None:
    """What ``score`` reads: the final answer of a closed row; else the facts cited for the side."""
    text = completion_text(completion)
    if row["kind"] == "closed":
        return final_answer(text)
    cited = grade_argument(text, row).supporting
    return ", ".join(f"[{n}]" for n in cited) or None


def grade_argument(text: str, row: Mapping[str, Any], earlier: Sequence[str] = ()) -> Grade:
    """Grade an argument on a grounded row.

    Args:
        text: The argument; what it says in thoughts is not read.
        row: ``motion``, ``side``, ``facts``, ``supports``, ``points``, ``opponent``.
        earlier: The debater's own earlier arguments, which must not be copied.
    """
    text = without_thinking(text)
    # Normalizing can lengthen a text many times over, so the limit holds before and after.
    text = normalized(text.strip()[: MAX_CHARS + 1])
    if len(text) > MAX_CHARS:
        return Grade(0.0, "length")
    facts, side = row["facts"], row["side"]
    reading = read(text, facts)
    said = normalized(row["opponent"][:MAX_CHARS])[:MAX_CHARS]
    heard = [normalized(other) for other in (row["motion"], *facts, *earlier)]
    stopped = gate(text, reading.own_text, side, [*heard, said])
    used = _facts_used(said, row)
    supporting, num_false = _count(reading, row, used)
    if stopped or not supporting:
        return Grade(0.0, stopped or "uncited", num_false=num_false)
    asked = [len(supporting) >= 2]
    replied = _replies(reading, row, used, supporting) if used else None
    if replied is not None:
        asked.append(replied)
    value = FIRST + REST * sum(asked) / len(asked)
    if len(set(fresh_words(reading.own_text, [*heard, said]))) >= MIN_FRESH_WORDS:
        value += OWN_WORDS
    value = round(value * LEFT[min(num_false, len(LEFT) - 1)], 9)
    return Grade(value, None, supporting, num_false, replied)


def _facts_used(opponent: str, row: Mapping[str, Any]) -> frozenset[int]:
    """Facts for the other side that the opponent truly quoted, else those that they named."""
    theirs = OTHER[row["side"]]
    found = [
        citation
        for citation in read(opponent, row["facts"]).citations
        if citation.number is not None
        and 1 <= citation.number <= len(row["supports"])
        and row["supports"][citation.number - 1] == theirs
    ]
    quoted = {c.number for c in found if c.kind in ("true", "loose") and c.number is not None}
    return frozenset(quoted or {c.number for c in found if c.number is not None})


def _count(
    reading: Reading, row: Mapping[str, Any], used: frozenset[int]
) -> tuple[tuple[int, ...], int]:
    """The supporting facts that are cited truly, and the number of false citations."""
    good: list[int] = []
    bad: set[int] = set()
    nowhere = 0
    for citation in reading.citations:
        n = citation.number
        if n is None:
            nowhere += 1
        elif citation.kind == "false":
            bad.add(n)
        elif citation.kind in ("true", "loose") and n not in used:
            if row["supports"][n - 1] != row["side"] or citation.is_undone:
                bad.add(n)
            elif citation.kind == "true" and n not in good:
                good.append(n)
    for citation in reading.citations:
        if citation.kind == "bare" and citation.number not in used.union(good):
            bad.add(citation.number or 0)
    return tuple(n for n in good if n not in bad), len(bad) + nowhere


def _replies(
    reading: Reading, row: Mapping[str, Any], used: frozenset[int], supporting: Sequence[int]
) -> bool:
    """Whether a fact of the opponent is named and the next fact cited answers it."""
    named: set[int] = set()
    for citation in reading.citations:
        n = citation.number
        if n is None or citation.kind == "false":
            named.clear()
        elif n in used:
            named.add(row["points"][n - 1])
        elif n in supporting and citation.kind == "true" and row["points"][n - 1] in named:
            return True
        else:
            named.clear()
    return False


def _outcome(text: str, row: Mapping[str, Any]) -> tuple[float | None, list[str]]:
    """The score of one completion, and what is counted about it."""
    if not is_usable(row):
        return None, ["all", "unscored"]
    if row["kind"] == "closed":
        value = grade_final(text, row["answer"])
        if value is None:
            return None, ["all", "unscored"]
        seen = ["all"]
        if row["held"] != row["answer"]:
            seen += ["held_wrong", *(["moved"] if value else [])]
        return value, seen
    grade = grade_argument(text, row)
    seen = ["all", "grounded", *([f"gate/{grade.gate}"] if grade.gate else [])]
    if row["opponent"]:
        seen += ["answerable", *(["replied"] if grade.replied else [])]
    return grade.score, seen


def is_usable(row: Mapping[str, Any]) -> bool:
    """Whether the row holds what its family needs; a dataset that is not ours may not."""
    if row.get("kind") == "closed":
        return "answer" in row and "held" in row
    facts, supports, points = (row.get(name) or () for name in ("facts", "supports", "points"))
    return (
        row.get("side") in OTHER
        and all(isinstance(row.get(name), str) for name in ("motion", "opponent"))
        and len(facts) == len(supports) == len(points) > 0
        and all(isinstance(fact, str) for fact in facts)
    )


def _gates_seen(outcomes: Counter[str]) -> list[str]:
    return [name.removeprefix("gate/") for name in outcomes if name.startswith("gate/")]
