"""What a function is, what it pays for gold answers, other right answers and attacks, how fast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mrlm.reward_check.process import RewardProcess
from mrlm.reward_check.role import Role, find_role
from mrlm.reward_check.shaping import Shaping, judge, shaping_cases
from mrlm.task import RewardCase, Task

__all__ = ["CaseResult", "RewardCheck", "check_reward"]

_BATCH = 16  # completions in a call, as a trainer's batch has several
_ENOUGH = 5  # gold answers that break the function: the others would, too


@dataclass(frozen=True)
class CaseResult:
    """What the function made of one completion.

    Attributes:
        case: The completion and what a reward must do with it.
        kind: ``"gold"``, ``"right"`` (a right answer in another form) or ``"attack"``; of a shaping
            reward ``"gold"``, ``"right"``, ``"wrong"`` or ``"empty"`` (no answer at all).
        reward: What it paid; ``None`` also where it broke.
        failure: How it broke: ``"raised"``, ``"wrong_shape"``,
            ``"not_a_number"`` (NaN or infinite), ``"hung"``, ``"ended"`` (its
            process), ``"spoiled"`` (what came after was judged otherwise), or ``""``.
        message: What it raised, or what was wrong.
    """

    case: RewardCase
    kind: str
    reward: float | None
    failure: str = ""
    message: str = ""

    @property
    def paid(self) -> bool:
        return self.reward is not None and self.reward >= self.case.limit

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.case.name,
            "kind": self.kind,
            "row": self.case.row.get("id"),
            "completion": self.case.completion,
            "reward": self.reward,
            "limit": self.case.limit,
            "failure": self.failure,
            "message": self.message,
        }


@dataclass(frozen=True)
class RewardCheck:
    """The results of all completions.

    Attributes:
        reward: The function, as it was named.
        task: The task's name.
        results: In the order in which they were tried.
        completions_per_second: Of the gold answers, in batches; ``None`` where no batch was scored.
        role: ``"correctness"``, ``"shaping"`` (format, length) or ``"unknown"``, which is judged as
            a reward for correctness.
        evidence: What shows it.
        shaping: What a shaping reward does; ``None`` for others.
        printed: The first of what the function printed and logged.
        num_printed: Bytes of all of it.
    """

    reward: str
    task: str
    results: list[CaseResult] = field(default_factory=list)
    completions_per_second: float | None = None
    role: Role = "unknown"
    evidence: str = ""
    shaping: Shaping | None = None
    printed: str = ""
    num_printed: int = 0

    def of(self, kind: str) -> list[CaseResult]:
        """The results of one kind."""
        return [result for result in self.results if result.kind == kind]

    @property
    def pays_anything(self) -> bool:
        """Whether two completions earned different rewards."""
        return len({result.reward for result in self.results if result.reward is not None}) > 1

    @property
    def accepted_attacks(self) -> list[CaseResult]:
        return [result for result in self.of("attack") if result.paid]

    @property
    def rejected_gold(self) -> list[CaseResult]:
        """Gold answers that were scored and not paid."""
        return [] if self.role == "shaping" else _unpaid(self.of("gold"))

    @property
    def rejected_right(self) -> list[CaseResult]:
        """Right answers in other forms that were not paid: a matter of policy, so no failure."""
        return [] if self.role == "shaping" else _unpaid(self.of("right"))

    @property
    def broken(self) -> list[CaseResult]:
        return [result for result in self.results if result.failure]

    @property
    def num_unscored(self) -> int:
        """Completions for which the function returned ``None``."""
        return sum(result.reward is None and not result.failure for result in self.results)

    @property
    def passed(self) -> bool:
        """Nothing broke, and no attack was paid, no gold answer rejected, some gold paid; of a
        shaping reward: something was paid, and no wrong answer wins by it."""
        if self.role == "shaping":
            return (
                bool(self.shaping and self.pays_anything and not self.shaping.changes_winner)
                and not self.broken
            )
        some_paid = any(result.paid for result in self.of("gold"))
        return some_paid and not (self.accepted_attacks or self.rejected_gold or self.broken)

    def to_dict(self) -> dict[str, Any]:
        """Counts, and every completion that is a finding, as plain data."""
        kinds = ("gold", "right", "attack")
        findings = {
            "accepted_attacks": self.accepted_attacks,
            "rejected_gold": self.rejected_gold,
            "rejected_right": self.rejected_right,
            "broken": self.broken,
        }
        return {
            "reward": self.reward,
            "task": self.task,
            "role": self.role,
            "evidence": self.evidence,
            "passed": self.passed,
            "shaping": self.shaping.to_dict() if self.shaping else None,
            "printed": self.printed,
            "num_printed": self.num_printed,
            "tried": {kind: len(self.of(kind)) for kind in kinds},
            "paid": {kind: sum(result.paid for result in self.of(kind)) for kind in kinds},
            "num_unscored": self.num_unscored,
            "completions_per_second": self.completions_per_second,
            **{name: [result.to_dict() for result in found] for name, found in findings.items()},
        }


def check_reward(
    reward: str,
    task: Task,
    *,
    num_rows: int = 100,
    split: str = "train",
    seed: int = 0,
    limit: float | None = None,
    time_limit: float = 10.0,
) -> RewardCheck:
    """Try a reward function on a task.

    Args:
        reward: ``FILE.py:FUNC`` or ``package.module:FUNC``, a function with TRL's signature.
        task: Gives rows, and attacks where it has them.
        num_rows: Rows whose gold answers are tried.
        split: Of the rows.
        seed: Of the rows.
        limit: Paid means this reward or more; by default what the cases say, 0.5 for most.
        time_limit: Seconds that a call may take.

    Raises:
        ValueError: An argument makes no sense, or the function cannot be loaded.
    """
    if num_rows < 1 or time_limit <= 0:
        raise ValueError(
            f"num_rows must be at least 1 and time_limit above 0, got {num_rows} and {time_limit}"
        )
    rows = [dict(row) for row in task.build_dataset(num_rows, seed, split)]
    if "solution" not in rows[0]:
        raise ValueError(
            f"The task {task.name!r} has no column 'solution', a completion that earns 1.0, so "
            "there is nothing right to try a reward with; give its rows one."
        )
    with RewardProcess(reward, time_limit) as process:
        results, rate = _try_gold(process, [_gold(row) for row in rows], limit)
        role, evidence = _role(process, task, results)
        shaping = None
        if role == "shaping":
            results += _try_shaping(process, task, rows)
            shaping = judge([(r.kind, r.case, r.reward) for r in results if r.reward is not None])
        elif any(not result.failure for result in results):
            others = [*(task.reward_cases() if task.reward_cases else ()), *_any_task(task, rows)]
            results += _try_others(process, _with_limit(others, limit), results)
    printed, num_printed = process.printed, process.num_printed
    return RewardCheck(
        reward, task.name, results, rate, role, evidence, shaping, printed, num_printed
    )


def _role(process: RewardProcess, task: Task, gold: Sequence[CaseResult]) -> tuple[Role, str]:
    def reward_of(case: RewardCase) -> float | None:
        return _result(case, "gold", process.call(_inputs([case]))).reward

    def works_without_columns(case: RewardCase) -> bool:
        inputs = _inputs([case])
        return "rewards" in process.call({k: inputs[k] for k in ("prompts", "completions")})

    scored = [(result.case, result.reward) for result in gold if not result.failure]
    return find_role(task, scored, reward_of, works_without_columns)


def _try_shaping(
    process: RewardProcess, task: Task, rows: Sequence[Mapping[str, Any]]
) -> list[CaseResult]:
    return [
        _result(case, kind, process.call(_inputs([case])))
        for kind, case in shaping_cases(task, rows)
    ]


def _unpaid(results: Iterable[CaseResult]) -> list[CaseResult]:
    return [result for result in results if result.reward is not None and not result.paid]


def _gold(row: Mapping[str, Any]) -> RewardCase:
    return RewardCase(str(row["id"]), row, row["solution"], correct=True)


def _with_limit(cases: Iterable[RewardCase], limit: float | None) -> Iterator[RewardCase]:
    for case in cases:
        yield (
            case
            if limit is None
            else RewardCase(case.name, case.row, case.completion, case.correct, limit)
        )


def _any_task(task: Task, rows: Sequence[Mapping[str, Any]]) -> Iterator[RewardCase]:
    """Attacks that need no knowledge of the task, on its first rows."""
    for row in rows[:5]:
        prompt = "\n".join(str(turn["content"]) for turn in row["prompt"])
        yield RewardCase("nothing at all", row, "")
        yield RewardCase("the prompt repeated", row, prompt)
        for other in rows:
            if task.score(other["solution"], row) == 0.0:
                yield RewardCase("another row's gold answer", row, other["solution"])
                break


def _try_gold(
    process: RewardProcess,
    cases: Sequence[RewardCase],
    limit: float | None,
) -> tuple[list[CaseResult], float | None]:
    """In batches; a batch that breaks the function is tried again one by one, to find by what."""
    cases = list(_with_limit(cases, limit))
    results: list[CaseResult] = []
    seconds, scored = 0.0, 0
    for start in range(0, len(cases), _BATCH):
        batch = cases[start : start + _BATCH]
        reply = process.call(_inputs(batch))
        if "rewards" in reply:
            seconds, scored = seconds + reply["seconds"], scored + len(batch)
            for case, reward in zip(batch, reply["rewards"], strict=True):
                results.append(CaseResult(case, "gold", reward))
        elif "wrong_shape" in reply:  # of a batch: alone, a wrong number of values may be right
            results.extend(_result(case, "gold", reply) for case in batch)
        else:
            for case in batch:
                results.append(_result(case, "gold", process.call(_inputs([case]))))
                if sum(bool(result.failure) for result in results) >= _ENOUGH:
                    break
            if not any(result.failure for result in results):  # only the batch as a whole breaks
                results.extend(_result(case, "gold", reply) for case in batch)
        if sum(bool(result.failure) for result in results) >= _ENOUGH:
            break
    return results, scored / max(seconds, 1e-9) if scored else None


def _try_others(
    process: RewardProcess, cases: Iterable[RewardCase], gold: Sequence[CaseResult]
) -> list[CaseResult]:
    """One by one. After each, a gold answer must earn what it earned before."""
    control = next((result for result in gold if result.paid), None)
    results = []
    for case in cases:
        result = _result(case, "right" if case.correct else "attack", process.call(_inputs([case])))
        if control:
            again = process.call(_inputs([control.case])).get("rewards")
            if again != [control.reward]:
                process.restart()
                if not result.failure:
                    message = f"a gold answer then earned {again}, not {control.reward}"
                    result = replace(result, failure="spoiled", message=message)
        results.append(result)
    return results


def _inputs(cases: Sequence[RewardCase]) -> dict[str, list[Any]]:
    """What TRL passes: prompts, completions as conversations, and the columns of the rows."""
    names = [name for name in cases[0].row if name != "prompt"]
    columns: dict[str, list[Any]] = {name: [case.row[name] for case in cases] for name in names}
    columns["prompts"] = [case.row["prompt"] for case in cases]
    columns["completions"] = [
        [{"role": "assistant", "content": case.completion}]
        if isinstance(case.completion, str)
        else case.completion
        for case in cases
    ]
    return columns


def _result(case: RewardCase, kind: str, reply: Mapping[str, Any]) -> CaseResult:
    if "rewards" in reply:
        return CaseResult(case, kind, reply["rewards"][0])
    ((failure, message),) = reply.items()
    return CaseResult(case, kind, None, failure, message)
