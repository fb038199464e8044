"""The math task as an environment with one tool: submitting the final answer."""

from __future__ import annotations

from typing import Any

from mrlm.completion_text import THINK_TAGS
from mrlm.tasks.math.answer_format import asked_for, extract_answer
from mrlm.tasks.math.reward import score

__all__ = ["MathReasoningEnvironment"]


class MathReasoningEnvironment:
    """One word problem, answered by a tool call (TRL's ``environment_factory`` protocol).

    Every submitted answer must be right, so trying several does not pay, and the tool never says
    whether one is.

    A model without tool calls is stepped with its text instead: ``_step`` submits what the answer
    slot holds (private, because every public method is a tool that the model sees).
    """

    def __init__(
        self,
        answer_format: str = "hash",
        answer_type: str = "number",
        think_tags: tuple[str, str] = THINK_TAGS,
    ) -> None:
        self._answer_format, self._think_tags = answer_format, think_tags
        self._default_type = self._answer_type = answer_type
        self._reference: Any = None
        self._submitted: list[str] = []

    def reset(self, answer: Any, answer_type: str | None = None, **row: Any) -> str:
        """Start the problem of a dataset row; the other columns are not needed."""
        self._reference = answer
        self._answer_type = answer_type or self._default_type
        self._submitted = []
        return f"\nSubmit {asked_for(self._answer_type)} with submit_answer."

    def submit_answer(self, answer: str) -> str:
        """Submit the final answer. It can be submitted only once.

        Args:
            answer: The final answer, for example "42".

        Returns:
            A confirmation.
        """
        # A model may send a JSON number although the schema says string.
        self._submitted.append(str(answer))
        return "The answer was recorded." if len(self._submitted) == 1 else "Already answered."

    def get_reward(self) -> float | None:
        """1.0 if every submitted answer is right, else 0.0; ``None`` if the row is unusable."""
        scores = [
            score(text, self._reference, self._answer_type) for text in self._submitted or [""]
        ]
        return None if None in scores else min(value for value in scores if value is not None)

    def _step(self, completion: str) -> str:
        """Submit the answer that the slot of a plain completion holds, an empty one if none."""
        found = extract_answer(completion, self._answer_format, self._answer_type, self._think_tags)
        return self.submit_answer(found or "")
