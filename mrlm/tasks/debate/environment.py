"""A debate as an environment with one tool: making the next argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mrlm.tasks.debate.rounds import HEARD, Debate, Opponent, scripted_opponent, shown

__all__ = ["OVER", "ArgueEnvironment", "DebateEnvironment", "instruction"]

OVER = "The debate is over."


def instruction(rounds: int) -> str:
    """What stands at the end of the prompt of a debate in rounds."""
    return f"\nMake each argument with argue; you have {rounds}."


class ArgueEnvironment:
    """One debate against an opponent (TRL's ``environment_factory`` protocol), without a reward.

    The opponent's arguments reach the model as tool results, which TRL masks out of the loss. A
    model without tool calls debates through ``DebateRollout``, which also offers self-play. For
    tasks whose reward functions read the messages: TRL would add ``get_reward`` to them.

    Args:
        opponent: ``scripted_opponent``, or a ``ChatOpponent`` on a model or an endpoint.
        rounds: Arguments that the model makes, of rows that do not say it themselves.
        keep: Called with each finished ``Debate``, for instance ``transcripts.append``.
    """

    def __init__(
        self,
        opponent: Opponent = scripted_opponent,
        rounds: int = 2,
        keep: Callable[[Debate], None] | None = None,
    ) -> None:
        self._opponent, self._rounds, self._keep = opponent, rounds, keep
        self._debate: Debate | None = None

    def reset(self, **row: Any) -> str | None:
        """Start the debate of a dataset row."""
        self._debate = Debate(row, row.get("rounds", self._rounds))
        # The prompt of a row in rounds says so already.
        return None if "rounds" in row else instruction(self._rounds)

    def argue(self, argument: str) -> str:
        """Make your next argument and hear your opponent's answer.

        Args:
            argument: The argument, in the form that was asked for.

        Returns:
            The opponent's next argument, or that the debate is over.
        """
        debate = self._started()
        if debate.is_over:
            return OVER
        debate.say(str(argument))
        if debate.is_over:
            if self._keep is not None:
                self._keep(debate)
            return OVER
        [answer] = self._opponent([debate.view(debate.other)])
        debate.say(answer)
        return f"{HEARD}{shown(answer)}"

    def _step(self, completion: str) -> str:
        """Argue with the text of a plain completion."""
        return self.argue(completion)

    def _started(self) -> Debate:
        if self._debate is None:
            raise RuntimeError("The debate has not begun: call reset(**row) first.")
        return self._debate


class DebateEnvironment(ArgueEnvironment):
    """``ArgueEnvironment`` that also says what the debate is worth."""

    def get_reward(self) -> float | None:
        """What the debate is worth so far; an argument that was not made counts 0."""
        return self._started().reward()
