"""``mrlm reward``: what does a reward function pay that it must not?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mrlm.cli.command import Commands, add_command, add_json, add_task, chosen_task

if TYPE_CHECKING:
    from mrlm.reward_check import CaseResult, RewardCheck

_EXAMPLES = """
mrlm reward my_reward.py:reward --task math
mrlm reward my_reward.py:reward --task math --answer_format boxed
mrlm reward my_reward.py:reward --task code --time_limit 30 --json > check.json
mrlm reward my_reward.py:reward --task tools --limit 0.9   # rewards from 0.9 up count as paid
mrlm reward mrlm.tasks.math.reward:math_reward --task math
"""
_DESCRIPTION = """\
Call a reward function, with TRL's signature, on a task; say what it is, what it does wrongly, where
it breaks, and how fast it is. A reward for correctness is tried with gold answers, right answers in
other forms, and attacks. A shaping reward (format, length) is tried by whether it can be farmed and
whether it changes which of two answers wins.

The function is code of yours that you trust: it runs with your rights and without a sandbox, in a
process of its own that starts in an empty folder. Exit code 1: it paid an attack, rejected a gold
answer, lets a wrong answer win, or broke.
"""
_SHOWN = 15  # findings of one sort that are printed; --json has all
_MAX_LENGTH = 60


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "try to fool a reward function of yours"
    parser = add_command(commands, "reward", summary, _run, _EXAMPLES, description=_DESCRIPTION)
    parser.add_argument(
        "function", metavar="FILE:FUNC", help="a reward; also as package.module:FUNC"
    )
    add_task(parser)
    parser.add_argument(
        "--num_rows", type=int, default=100, help="gold answers to try (default: 100)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the rows (default: 0)")
    parser.add_argument(
        "--limit", type=float, help="a reward from here up is paid (default: 0.5; debate: 0.4)"
    )
    parser.add_argument(
        "--time_limit", type=float, default=10.0, help="most seconds for a call (default: 10)"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from mrlm.files import to_json
    from mrlm.reward_check import check_reward

    task = chosen_task(arguments)
    with Console(stderr=True).status(f"Trying {arguments.function} on {task.name}"):
        check = check_reward(
            arguments.function,
            task,
            num_rows=arguments.num_rows,
            seed=arguments.seed,
            limit=arguments.limit,
            time_limit=arguments.time_limit,
        )
    sys.stdout.write(to_json(check.to_dict()) if arguments.json else _text(check))
    return 0 if check.passed else 1


def _text(check: RewardCheck) -> str:
    lines = [f"{check.reward} on task {check.task}"]
    if check.role != "unknown":
        what = "a reward for correctness" if check.role == "correctness" else "a shaping reward"
        lines.append(f"It is {what}: {check.evidence}.")
    lines += ["", *(_shaping_counts(check) if check.role == "shaping" else _paid_counts(check))]
    lines.append(f"{len(check.broken):>6}         broke")
    lines.append(f"{check.num_unscored:>6}         not scored (None)")
    rate = check.completions_per_second
    lines.append(f"{f'{rate:,.0f}' if rate else '?':>6}         completions/s")
    if check.num_printed:
        lines.append(
            f"{check.num_printed:>6,}         bytes printed or logged, not shown; it began:"
        )
        lines.append(f"                 {_short(_one_line(check.printed))}")
    attacks = [] if check.role == "shaping" else check.accepted_attacks
    for title, results in (
        ("Paid, and must not be", attacks),
        ("Gold answers that were not paid", check.rejected_gold),
        ("Right answers in other forms that were not paid (your policy?)", check.rejected_right),
    ):
        lines += _findings(title, results)
    lines += _breakages(check.broken)
    lines += ["", *_advice(check), f"{'Passed' if check.passed else 'Failed'}."]
    return "\n".join(lines) + "\n"


def _paid_counts(check: RewardCheck) -> list[str]:
    lines = []
    for kind, what in (
        ("gold", "gold answers paid"),
        ("right", "right answers in other forms paid"),
        ("attack", "attacks paid"),
    ):
        results = check.of(kind)
        lines.append(f"{sum(r.paid for r in results):>6} of {len(results):<4} {what}")
    return lines


def _shaping_counts(check: RewardCheck) -> list[str]:
    lines = []
    for kind, what in (
        ("gold", "gold answers"),
        ("right", "right answers in common forms"),
        ("wrong", "wrong answers, in the same forms and others"),
        ("empty", "completions without an answer"),
    ):
        rewards = [result.reward for result in check.of(kind) if result.reward is not None]
        span = f"earn {min(rewards):.2f} to {max(rewards):.2f}" if rewards else "were not scored"
        lines.append(f"{len(rewards):>6}         {what} {span}")
    return lines


def _findings(title: str, results: Sequence[CaseResult]) -> list[str]:
    if not results:
        return []
    lines = ["", f"{title}:"]
    for result in results[:_SHOWN]:
        answer = result.case.row.get("answer")
        right = f"  (right: {_short(str(answer))})" if answer else ""
        lines.append(f"  {result.reward:4.2f}  {_short(result.case.name)}{right}")
    if len(results) > _SHOWN:
        lines.append(f"  ... and {len(results) - _SHOWN} more; --json lists all")
    return lines


def _breakages(broken: Sequence[CaseResult]) -> list[str]:
    """One line for each kind: how it broke, how often, and the first completion that did it."""
    kinds: dict[tuple[str, str], list[CaseResult]] = {}
    for result in broken:
        error = result.message.partition(":")[0] if result.failure == "raised" else ""
        kinds.setdefault((result.failure, error), []).append(result)
    lines = ["", "Broke:"] if kinds else []
    for (failure, _), results in sorted(kinds.items(), key=lambda item: -len(item[1])):
        first = results[0]
        lines.append(
            f"  {len(results):>4}  {failure.replace('_', ' ')}: {_one_line(first.message)}"
            f"  (first: {_short(first.case.name)})"
        )
    return lines


def _advice(check: RewardCheck) -> list[str]:
    """What the findings together say."""
    if check.role == "shaping":
        return _shaping_advice(check)
    gold = check.of("gold")
    if gold and all(result.failure for result in gold):
        return [
            "It breaks on gold answers, so nothing else was tried. Completions are conversations, "
            "as TRL passes them:\nread completion[-1]['content'], take the columns that you need "
            "by name, and end the signature with **kwargs."
        ]
    if gold and not any(result.paid for result in gold):
        solution = gold[0].case.completion
        shown = solution if isinstance(solution, str) else "a conversation with tool calls"
        return [f"It pays no gold answer. The first one is:\n{shown}"]
    return []


def _shaping_advice(check: RewardCheck) -> list[str]:
    found = check.shaping
    if found is None or not check.pays_anything:
        return [
            "It paid the same for everything that was tried: no signal to train on. It may look "
            "for a format that is not among those tried, or miss a column that it asks for."
        ]
    lines = []
    if found.farmed:
        lines.append(
            f"It can be farmed: {_short(found.farmed[0])} earns as much as a right answer "
            f"({found.honest:.2f}), and {len(found.farmed) - 1} more such completions do."
        )
    pair = f"{_short(found.wrong)} earns {found.gap:.2f} more than {_short(found.right)}"
    if found.changes_winner:
        lines.append(
            f"It changes which answer wins: {pair}, which outweighs the 1.0 for a right answer. "
            f"Give it a weight below {found.max_weight:.2g} (reward_weights of the trainer)."
        )
    elif found.gap == 1:
        lines.append(
            f"It can undo the reward for a right answer: {pair}. Give it a weight below 1."
        )
    else:
        lines.append("A right answer wins beside a reward of 1.0 for correctness.")
    return lines


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."
