r"""The math reward: 1.0 when the answer slot holds the reference answer, else 0.0.

Only the slot is read (``answer_format.py``); what is the same answer depends on the type that was
asked for (``comparison.py``). ``number`` compares exact values and wants a literal number. With
``expression`` a question restated (``43+3``) counts as its value, so it does not fit arithmetic.

An answer that exceeds the comparison's limits scores 0.0; an unusable reference or a scorer that
broke gives ``None``. Both are counted, per call, in the log and in TRL's ``log_metric``.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from mrlm.completion_text import THINK_TAGS, completion_text
from mrlm.tasks.math.answer_format import (
    check_answer_format,
    extract_answer,
)
from mrlm.tasks.math.comparison import compare
from mrlm.tasks.math.symbolic import WORKERS, symbolic_ask

__all__ = ["MathReward", "math_reward", "score"]

logger = logging.getLogger(__name__)

_OUTCOMES: dict[str, float | None] = {
    "same": 1.0,
    "different": 0.0,
    "timeout": 0.0,
    "bad_reference": None,
    "error": None,
}
_ALGEBRA = ("expression", "list")  # types of answers that may take it
_ALGEBRA_NEEDED = "algebra"
_Question = tuple[str | None, str, str]  # answer, reference, answer type


@dataclass(frozen=True)
class MathReward:
    """A reward with TRL's signature; frozen, so it pickles and its name tells what it does.

    Attributes:
        answer_format: Where the answer is read, one of ``answer_format.ANSWER_FORMATS``.
        answer_type: ``"number"``, ``"expression"``, ``"choice"`` or ``"list"``, for rows that do
            not name theirs.
        think_tags: Around reasoning, which is not read.

    Raises:
        ValueError: ``answer_format`` or ``answer_type`` is not one of the allowed values.
    """

    answer_format: str = "hash"
    answer_type: str = "number"
    think_tags: tuple[str, str] = THINK_TAGS

    def __post_init__(self) -> None:
        check_answer_format(self.answer_format, self.answer_type)
        if len(self.think_tags) != 2 or not all(self.think_tags):
            raise ValueError(
                f"think_tags is {self.think_tags!r}; give the mark that opens reasoning and the "
                "one that closes it."
            )

    @property
    def __name__(self) -> str:
        words = ["math"]
        words += [self.answer_format] if self.answer_format != "hash" else []
        words += [self.answer_type] if self.answer_type != "number" else []
        return "_".join([*words, "reward"])

    def __call__(
        self,
        completions: Sequence[str | Sequence[Mapping[str, Any]]],
        answer: Sequence[Any],
        log_metric: Callable[[str, float], None] | None = None,
        answer_type: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[float | None]:
        """Score a batch; comparisons by algebra run side by side.

        Args:
            completions: Texts, or conversations whose last assistant message is read.
            answer: The reference of each completion: a string or a number.
            log_metric: TRL's hook; gets the share of timeouts and of unscored completions.
            answer_type: The type of each answer; ``None`` for the reward's own.
            **kwargs: Other columns; ignored.

        Returns:
            1.0, 0.0 or ``None`` for each completion.
        """
        own, answer_format, think_tags = self.answer_type, self.answer_format, self.think_tags
        types = answer_type if answer_type is not None else repeat(own, len(completions))
        outcomes: list[str] = []
        waiting: dict[int, _Question] = {}
        for completion, reference, row_type in zip(completions, answer, types, strict=True):
            kind = row_type or own
            found = extract_answer(completion_text(completion), answer_format, kind, think_tags)
            outcome = compare(found, _reference_text(reference), kind, _no_algebra)
            if outcome == _ALGEBRA_NEEDED:
                waiting[len(outcomes)] = (found, _reference_text(reference), kind)
            outcomes.append(outcome)
        if waiting:
            verdicts = _side_by_side(waiting.values())
            for index, question in waiting.items():
                outcomes[index] = verdicts[question]
        self._report(Counter(outcomes), log_metric)
        return [_OUTCOMES[outcome] for outcome in outcomes]

    def score(self, completion: str, row: Mapping[str, Any]) -> float | None:
        """What evaluation counts: 1.0 or 0.0, ``None`` when ``row["answer"]`` is unusable."""
        return _OUTCOMES[self.outcome(completion, row["answer"], row.get("answer_type"))]

    def extract(self, completion: str, row: Mapping[str, Any]) -> str | None:
        """The answer that ``score`` reads from ``completion``, unparsed."""
        kind = row.get("answer_type") or self.answer_type
        return extract_answer(
            completion_text(completion), self.answer_format, kind, self.think_tags
        )

    def outcome(
        self,
        completion: str | Sequence[Mapping[str, Any]],
        reference: Any,
        answer_type: str | None = None,
    ) -> str:
        """Why a completion scores what it scores: a key of the outcomes listed below.

        ``same`` (1.0), ``different`` (0.0, also when there is no answer), ``timeout`` (0.0),
        ``bad_reference`` and ``error`` (``None``).
        """
        return _outcome(self._question(completion, reference, answer_type))

    def _question(self, completion: Any, reference: Any, answer_type: str | None) -> _Question:
        kind = answer_type or self.answer_type
        found = extract_answer(
            completion_text(completion), self.answer_format, kind, self.think_tags
        )
        return found, _reference_text(reference), kind

    def _report(
        self, counts: Counter[str], log_metric: Callable[[str, float], None] | None
    ) -> None:
        shares = {
            "timeout": counts["timeout"],
            "unscored": counts["bad_reference"] + counts["error"],
        }
        for what, count in shares.items():
            if log_metric is not None and counts.total():
                log_metric(f"{self.__name__}/{what}", count / counts.total())
            if count:
                logger.warning(
                    "%s: %d of %d completions %s.", self.__name__, count, counts.total(), what
                )


math_reward = MathReward()


def score(answer: str | None, reference: Any, answer_type: str = "number") -> float | None:
    """Compare one extracted answer with its reference: 1.0, 0.0 or ``None``; see ``MathReward``."""
    return _OUTCOMES[_outcome((answer, _reference_text(reference), answer_type))]


def _reference_text(reference: Any) -> str:
    """A reference as text; what is neither text nor a number becomes an empty, unusable one."""
    if isinstance(reference, str):
        return reference
    return "" if reference is None or isinstance(reference, bool) else str(reference)


def _outcome(question: _Question) -> str:
    found, reference, kind = question
    return compare(found, reference, kind, symbolic_ask() if kind in _ALGEBRA else _no_algebra)


def _side_by_side(questions: Iterable[_Question]) -> dict[_Question, str]:
    """The outcome of each different question that takes algebra."""
    waiting = list(dict.fromkeys(questions))
    with ThreadPoolExecutor(min(WORKERS, len(waiting))) as threads:
        return dict(zip(waiting, threads.map(_outcome, waiting), strict=True))


def _no_algebra(reference: str, answer: str, tolerance: float) -> str:
    return _ALGEBRA_NEEDED
