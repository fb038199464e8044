r"""The math reward: 1.0 when the answer slot holds the reference answer, else 0.0.

Only the slot is read (``slots.py``); what counts as a number is in ``numerals.py``. ``literal``
mode compares exact values and wants a literal number. ``symbolic`` mode, for references such as
``x^2+1``, also compares expressions with math-verify; there a restated question (``43+3``) counts
as its value, so it does not fit arithmetic tasks.

An answer that exceeds the comparison's limits scores 0.0; an unusable reference or a scorer that
broke gives ``None``. Both are counted, per call, in the log and in TRL's ``log_metric``.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mrlm.tasks.math.numerals import parse_literal
from mrlm.tasks.math.slots import check_slot, completion_text, extract_answer
from mrlm.tasks.math.symbolic import symbolic_verdict

__all__ = ["MODES", "MathReward", "math_reward", "score"]

logger = logging.getLogger(__name__)

MODES = ("literal", "symbolic")

_OUTCOMES: dict[str, float | None] = {
    "same": 1.0,
    "different": 0.0,
    "timeout": 0.0,
    "bad_reference": None,
    "error": None,
}
_parse_reference = lru_cache(maxsize=4096)(parse_literal)
# math-verify accepts "12 or 13", "not 12" and "1 2 3 ... 12" for 12.
_SEVERAL = re.compile(
    r"\b(?:or|and|not|maybe|either|neither|about)\b|\.\.|…|\\l?dots|\d\s+\d|\\boxed|\$", re.I
)


@dataclass(frozen=True)
class MathReward:
    """A reward with TRL's signature; frozen, so it pickles and its name tells what it does.

    Attributes:
        slot: Where the answer is read, one of ``slots.SLOTS``.
        mode: ``"literal"`` or ``"symbolic"``.

    Raises:
        ValueError: ``slot`` or ``mode`` is not one of the allowed values.
    """

    slot: str = "hash"
    mode: str = "literal"

    def __post_init__(self) -> None:
        check_slot(self.slot)
        if self.mode not in MODES:
            raise ValueError(f"The mode is {self.mode!r}; choose one of {', '.join(MODES)}.")

    @property
    def __name__(self) -> str:
        words = ["math"]
        words += [self.slot] if self.slot != "hash" else []
        words += [self.mode] if self.mode != "literal" else []
        return "_".join([*words, "reward"])

    def __call__(
        self,
        completions: Sequence[str | Sequence[Mapping[str, Any]]],
        answer: Sequence[Any],
        log_metric: Callable[[str, float], None] | None = None,
        **kwargs: Any,
    ) -> list[float | None]:
        """Score a batch.

        Args:
            completions: Texts, or conversations whose last assistant message is read.
            answer: The reference of each completion: a string or a number.
            log_metric: TRL's hook; gets the share of timeouts and of unscored completions.
            **kwargs: Other columns; ignored.

        Returns:
            1.0, 0.0 or ``None`` for each completion.
        """
        outcomes = [
            self.outcome(completion, reference)
            for completion, reference in zip(completions, answer, strict=True)
        ]
        self._report(Counter(outcomes), log_metric)
        return [_OUTCOMES[outcome] for outcome in outcomes]

    def score(self, completion: str, row: Mapping[str, Any]) -> float | None:
        """What evaluation counts: 1.0 or 0.0, ``None`` when ``row["answer"]`` is unusable."""
        return _OUTCOMES[self.outcome(completion, row["answer"])]

    def extract(self, completion: str, row: Mapping[str, Any]) -> str | None:
        """The answer that ``score`` reads from ``completion``, unparsed."""
        return extract_answer(completion_text(completion), self.slot)

    def outcome(self, completion: str | Sequence[Mapping[str, Any]], reference: Any) -> str:
        """Why a completion scores what it scores: a key of the outcomes listed below.

        ``same`` (1.0), ``different`` (0.0, also when there is no answer), ``timeout`` (0.0),
        ``bad_reference`` and ``error`` (``None``).
        """
        found = extract_answer(completion_text(completion), self.slot)
        return _compare(found, _reference_text(reference), self.mode)

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


def score(answer: str | None, reference: Any, mode: str = "literal") -> float | None:
    """Compare one extracted answer with its reference: 1.0, 0.0 or ``None``; see ``MathReward``."""
    return _OUTCOMES[_compare(answer, _reference_text(reference), mode)]


def _reference_text(reference: Any) -> str:
    """A reference as text; what is neither text nor a number becomes an empty, unusable one."""
    if isinstance(reference, str):
        return reference
    return "" if reference is None or isinstance(reference, bool) else str(reference)


def _compare(answer: str | None, reference: str, mode: str) -> str:
    gold = _parse_reference(reference)
    if gold is None and (mode == "literal" or not reference.strip()):
        return "bad_reference"
    if answer is None:
        return "different"
    given = parse_literal(answer)
    if given is not None and gold is not None:
        return "same" if _same(gold, given) else "different"
    if mode == "literal" or (_SEVERAL.search(answer) and not _SEVERAL.search(reference)):
        return "different"
    return symbolic_verdict(reference, answer)


def _same(gold: Fraction | str, given: Fraction | str) -> bool:
    if isinstance(gold, str) and isinstance(given, str) and gold[-1].isdigit():
        return gold == given.rstrip("ap")  # a clock time without am or pm
    return gold == given
