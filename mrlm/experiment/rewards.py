"""The rewards of a run: the task's, and beside or instead of them functions of the user's own.

``--reward_funcs my.py:f judge:http://localhost:8000/v1`` names them; ``--reward_weights`` (TRL's)
weighs all of them, the task's first. Those that are not ours are guarded (``mrlm.rewards``), so
that one that raises or hangs gives no reward, and is seen.

Not covered: reward models (TRL's trainers take them in Python).
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.data.mixture import SharedReward, mixture_rewards
from mrlm.rewards.guarded import GuardedReward, guard
from mrlm.rewards.judge import DEFAULT_PROMPT, JudgeReward
from mrlm.task import Task, callable_name
from mrlm.tasks import TASKS
from mrlm.user_code import load_object

if TYPE_CHECKING:
    from mrlm.experiment.run import Run

__all__ = ["RewardArguments", "check_rewards", "load_mixture_rewards", "load_rewards"]

_JUDGE = "judge:"
_JUDGE_CACHE = "judge_grades.jsonl"
# What TRL passes to every reward, beside the rows' columns.
_PASSED = {
    "prompts",
    "completions",
    "completion_ids",
    "trainer_state",
    "log_extra",
    "log_metric",
    "environments",
}


@dataclass
class RewardArguments:
    """And what pays, where that is not the task's own reward alone."""

    reward_funcs: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Rewards of your own beside the task's: FILE.py:FUNC or package.module:FUNC, "
            "plain or asynchronous; or judge:URL, an OpenAI-compatible endpoint that grades. "
            "reward_weights weighs all of them, the task's first."
        },
    )
    task_reward: bool = field(
        default=True, metadata={"help": "Train on the task's own rewards; false: on yours alone."}
    )
    reward_time_limit: float = field(
        default=300.0,
        metadata={
            "help": "Seconds that a reward of your own may take for a batch, 0: as long as it "
            "takes. One that takes longer or raises gives None, which is counted and shown."
        },
    )
    reward_retries: int = field(
        default=0, metadata={"help": "Further attempts of a reward of your own that failed."}
    )
    judge_model: str = field(
        default="default", metadata={"help": "The name that judge:URL knows its model by."}
    )
    judge_prompt: str = field(
        default=DEFAULT_PROMPT,
        metadata={
            "help": "What judge:URL grades by; it may name the rows' columns, such as {answer}."
        },
    )

    def guarded(self, function: Callable[..., Any]) -> GuardedReward:
        """A function with this run's limits."""
        return guard(function, self.reward_time_limit or None, self.reward_retries)

    def own_rewards(self, columns: Collection[str], cache: Path | None = None) -> list[Any]:
        """The functions that ``reward_funcs`` names, guarded.

        Args:
            columns: Of the rows.
            cache: Where a judge keeps its grades.

        Raises:
            ValueError: One cannot be loaded, is no function, or asks for what no row has.
            FileNotFoundError: There is no such file.
        """
        found = []
        for name in self.reward_funcs:
            if name.startswith(_JUDGE):
                function: Any = JudgeReward(
                    name.removeprefix(_JUDGE),
                    self.judge_model,
                    prompt=self.judge_prompt,
                    cache=cache,
                )
            else:
                function = load_object(name)
                _check_signature(name, function, columns)
            found.append(self.guarded(function))
        return found

    def rewards(
        self, tasks: Sequence[Task], columns: Collection[str], cache: Path | None = None
    ) -> tuple[list[Any], list[Any]]:
        """The rewards of the tasks, those that are not ours guarded, and the user's own.

        Args:
            tasks: Whose rewards.
            columns: Of the rows of all of them.
            cache: As in ``own_rewards``, as are the errors.

        Raises:
            ValueError: Nothing pays, or two rewards have one name.
        """
        given: list[Any] = []
        for task in tasks if self.task_reward else ():
            # Ours count what breaks by themselves.
            is_ours = task.name in TASKS
            given += task.reward_funcs if is_ours else map(self.guarded, task.reward_funcs)
        own = self.own_rewards(columns, cache)
        names = [callable_name(reward) for reward in [*given, *own]]
        pays_itself = any(task.environment_factory is not None for task in tasks)
        if not names and not pays_itself:
            raise ValueError(
                "task_reward false without reward_funcs: nothing would be rewarded. Name a reward, "
                "such as --reward_funcs my_reward.py:reward."
            )
        name, count = Counter(names).most_common(1)[0] if names else ("", 0)
        if count > 1:
            raise ValueError(
                f"{count} rewards are called {name}, and metrics go by the name; rename one."
            )
        return given, own


def check_rewards(arguments: RewardArguments, tasks: Sequence[Task], config: Any) -> None:
    """Tell a reward that cannot be loaded, or weights of the wrong number, before the work.

    Raises:
        ValueError: As ``RewardArguments.rewards``; or there are more or fewer weights than rewards,
            or a limit makes no sense.
    """
    if arguments.reward_time_limit < 0 or arguments.reward_retries < 0:
        raise ValueError(
            f"reward_time_limit is {arguments.reward_time_limit:g} and reward_retries "
            f"{arguments.reward_retries}; both must be 0 or more."
        )
    given, own = arguments.rewards(tasks, shared_columns(tasks))
    weights = getattr(config, "reward_weights", None)
    if weights is not None and len(weights) != len(given) + len(own):
        named = [f"{callable_name(reward)} (the task's)" for reward in given]
        named += [callable_name(reward) for reward in own]
        raise ValueError(
            f"reward_weights has {len(weights)} values for {len(named)} rewards: give one each to "
            f"{', '.join(named)}; --task_reward false leaves out the task's."
        )


def load_rewards(run: Run, task: Task) -> list[Any]:
    """The rewards that a run trains on; a judge is tried first.

    Raises:
        SystemExit: A judge gives no grade at all; the message says what to do.
    """
    cache = run.folder.path / _JUDGE_CACHE
    given, own = run.arguments.rewards([task], shared_columns([task]), cache)
    _try_judges(run, own)
    return [*given, *own]


def load_mixture_rewards(run: Run, tasks: Mapping[str, Task]) -> list[Any]:
    """The rewards of a mixture: each task's for its own rows, the user's own for all of them.

    Args:
        run: Its arguments are ``RewardArguments``.
        tasks: By the name that stands in the mixture's column ``task``.

    Raises:
        SystemExit: As in ``load_rewards``.
    """
    arguments = run.arguments
    own = arguments.own_rewards(shared_columns(tasks.values()), run.folder.path / _JUDGE_CACHE)
    _try_judges(run, own)
    given = mixture_rewards(tasks) if arguments.task_reward else []
    return [
        *(reward if reward.task in TASKS else arguments.guarded(reward) for reward in given),
        *(SharedReward(list(tasks), reward) for reward in own),
    ]


def shared_columns(tasks: Iterable[Task]) -> set[str]:
    """The columns that the rows of all tasks have."""
    return set.intersection(
        *(set(task.build_dataset(0, 0, "train").column_names) for task in tasks)
    )


def _try_judges(run: Run, rewards: Sequence[Any]) -> None:
    """Offer the judges among some rewards cheap tricks, and note which they fall for.

    Raises:
        SystemExit: One gives no grade at all.
    """
    for reward in rewards:
        judge = getattr(reward, "function", None)
        if not isinstance(judge, JudgeReward) or not run.is_main_process:
            continue
        found = judge.canaries()
        if set(found.values()) == {"unanswered"}:
            raise SystemExit(
                f"The judge gave no grade to any of {len(found)} answers that it was tried on. "
                "Check the address, --judge_model and OPENAI_API_KEY; the model must reply with "
                "the JSON that it is asked for, and nothing else."
            )
        fooled = [name for name, outcome in found.items() if outcome == "fooled"]
        if fooled:
            note = f"The judge is fooled by: {', '.join(fooled)}. Do not rely on its rewards."
            run.notes.append(note)
            run.console.print(note)


def _check_signature(name: str, function: Any, columns: Collection[str]) -> None:
    """Refuse what TRL could not call, with the names of what it would pass."""
    if not callable(function) or inspect.isclass(function):
        raise ValueError(
            f"{name} is {function!r:.60}; a reward is a function f(completions, <column>, ..., "
            "**kwargs) -> list of numbers."
        )
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # of a builtin
        return
    passed = {*_PASSED, *columns} - {"prompt"}
    needed = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    missing = [parameter for parameter in needed if parameter not in passed]
    if missing:
        raise ValueError(
            f"{name} asks for {' and '.join(missing)}, which no row has; the columns are "
            f"{', '.join(sorted(set(columns) - {'prompt'}))}, and besides there are prompts, "
            "completions and completion_ids."
        )
    if not any(parameter.kind == parameter.VAR_KEYWORD for parameter in parameters):
        raise ValueError(
            f"{name} does not take all that TRL passes to a reward; end its parameters with "
            "**kwargs."
        )
