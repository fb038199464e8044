"""Rows of the debate task: grounded arguments (``opening``, ``rebuttal``) and ``closed`` questions.

Not covered: motions of the reader's own. A row is plain data, so a list of such rows with the
columns ``COLUMNS`` works wherever a generated one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mrlm.splits import RowStream, check_request
from mrlm.tasks.debate.closed import draw_closed
from mrlm.tasks.debate.columns import EMPTY_ROW
from mrlm.tasks.debate.episodes import check_rounds, in_rounds
from mrlm.tasks.debate.grounded import draw_grounded

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["COLUMNS", "DIFFICULTIES", "KINDS", "build_dataset", "generate_rows", "to_dataset"]

DIFFICULTIES = ("easy", "medium", "hard")
KINDS = ("opening", "rebuttal", "closed")

COLUMNS = ("id", "task", "prompt", *EMPTY_ROW, "kind", "difficulty")


def generate_rows(
    size: int,
    seed: int,
    split: str,
    *,
    difficulties: Sequence[str] = DIFFICULTIES,
    kinds: Sequence[str] = KINDS,
    rounds: int = 1,
) -> Iterator[dict[str, Any]]:
    """Generate ``size`` rows with the columns ``COLUMNS``, one by one.

    Row ``i`` is a function of the arguments other than ``size``.

    Args:
        size: Number of rows, >= 0.
        seed: Any integer.
        split: ``"train"`` or ``"test"``; they share no motion and no problem, whatever the seeds.
        difficulties: Drawn from uniformly.
        kinds: Drawn from uniformly.
        rounds: Turns of the row's side; from 2 on the rows are those of ``in_rounds``.

    Raises:
        ValueError: An argument is not one of the allowed values.
    """
    check_request(size, seed, split)
    _check_choice("difficulties", difficulties, DIFFICULTIES)
    _check_choice("kinds", kinds, KINDS)
    check_rounds(rounds)
    # Not a generator itself: a wrong argument must raise here, not at the first row.
    rows = (_row(seed, split, index, difficulties, kinds) for index in range(size))
    return rows if rounds == 1 else (in_rounds(row, rounds) for row in rows)


def build_dataset(
    size: int,
    seed: int,
    split: str,
    *,
    difficulties: Sequence[str] = DIFFICULTIES,
    kinds: Sequence[str] = KINDS,
    rounds: int = 1,
) -> Dataset:
    """The rows of ``generate_rows`` (same arguments, same errors) as a ``datasets.Dataset``."""
    rows = generate_rows(size, seed, split, difficulties=difficulties, kinds=kinds, rounds=rounds)
    return to_dataset(rows, is_in_rounds=rounds > 1)


def to_dataset(rows: Iterable[dict[str, Any]], *, is_in_rounds: bool = False) -> Dataset:
    """Rows with the columns ``COLUMNS`` as a typed dataset, empty ones included."""
    # Imported here: generating rows does not need it, and it takes most of a second.
    from datasets import Dataset, Features, Json, List, Value

    text = Value("string")
    types: dict[str, Any] = dict.fromkeys(COLUMNS, text)
    types["prompt"] = [{"role": text, "content": text}]
    types |= {"facts": List(text), "supports": List(text), "points": List(Value("int64"))}
    if is_in_rounds:
        types |= {"solution": Json(), "rounds": Value("int64")}
    columns: dict[str, list[Any]] = {name: [] for name in types}
    for row in rows:
        for name, values in columns.items():
            values.append(row[name])
    return Dataset.from_dict(columns, features=Features(types))


def _check_choice(argument: str, chosen: Sequence[str], allowed: tuple[str, ...]) -> None:
    names = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    if isinstance(chosen, str) or not names or not set(names) <= set(allowed):
        raise ValueError(
            f"{argument} is {chosen!r}; give a list of one or more of {', '.join(allowed)}."
        )


def _row(
    seed: int, split: str, index: int, difficulties: Sequence[str], kinds: Sequence[str]
) -> dict[str, Any]:
    stream = RowStream(seed, split, index)
    difficulty, kind = stream.pick(difficulties), stream.pick(kinds)
    if kind == "closed":
        drawn = draw_closed(stream, split, difficulty)
    else:
        drawn = draw_grounded(stream, split, kind, difficulty)
    # The digest keeps ids apart between datasets that were built with other filters.
    digest = blake2b(drawn["prompt"][0]["content"].encode(), digest_size=3).hexdigest()
    return {
        **EMPTY_ROW,
        "id": f"debate-{split}-{seed}-{index}-{digest}",
        "task": "debate",
        **drawn,
        "kind": kind,
        "difficulty": difficulty,
    }
