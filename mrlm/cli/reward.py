"""``mrlm reward``: what does a reward function pay that it must not?"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
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
Call a reward function, with TRL's signature, on gold answers of a task, on right answers in other
forms, and on attacks; print what it pays wrongly, where it breaks, and how fast it is.

The function is code of yours that you trust: it runs with your rights and without a sandbox, in a
process of its own that starts in an empty folder. Exit code 1: it paid an attack, rejected a gold
answer, or broke.
"""
_SHOWN = 15  # findings of one sort that are printed; --json has all
_LONGEST = 60


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "try to fool a reward function of yours"
    parser = add_command(commands, "reward", summary, _run, _EXAMPLES, description=_DESCRIPTION)
    parser.add_argument("function", metavar="FILE:FUNC", help="or package.module:FUNC")
    add_task(parser)
    parser.add_argument("--num_rows", type=int, default=100, help="gold answers (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the rows (default: 0)")
    parser.add_argument(
        "--limit", type=float, help="a reward from here up is paid (default: 0.5; debate: 0.4)"
    )
    parser.add_argument(
        "--time_limit", type=float, default=10.0, help="seconds for a call (default: 10)"
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
    lines = [f"{check.reward} on task {check.task}", ""]
    for kind, what in (
        ("gold", "gold answers paid"),
        ("right", "right answers in other forms paid"),
        ("attack", "attacks paid"),
    ):
        results = check.of(kind)
        lines.append(f"{sum(r.paid for r in results):>6} of {len(results):<4} {what}")
    failures = Counter(result.failure for result in check.broken)
    broke = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in failures.items())
    lines.append(f"{len(check.broken):>6}         broke{f' ({broke})' if broke else ''}")
    lines.append(f"{check.num_unscored:>6}         not scored (None)")
    rate = check.completions_per_second
    lines.append(f"{f'{rate:,.0f}' if rate else '?':>6}         completions/s")
    for title, results in (
        ("Paid, and must not be", check.accepted_attacks),
        ("Gold answers that were not paid", check.rejected_gold),
        ("Right answers in other forms that were not paid (your policy?)", check.rejected_right),
        ("Broke", check.broken),
    ):
        lines += _findings(title, results)
    lines += ["", *_advice(check), f"{'Passed' if check.passed else 'Failed'}."]
    return "\n".join(lines) + "\n"


def _findings(title: str, results: Sequence[CaseResult]) -> list[str]:
    if not results:
        return []
    lines = ["", f"{title}:"]
    for result in results[:_SHOWN]:
        reward = "   -" if result.reward is None else f"{result.reward:4.2f}"
        answer = result.case.row.get("answer")
        right = f"  (right: {_short(str(answer))})" if answer else ""
        why = f"  {result.failure.replace('_', ' ')}: {result.message}" if result.failure else ""
        lines.append(f"  {reward}  {_short(result.case.name)}{why or right}")
    if len(results) > _SHOWN:
        lines.append(f"  ... and {len(results) - _SHOWN} more; --json lists all")
    return lines


def _advice(check: RewardCheck) -> list[str]:
    """What the findings together say."""
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


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
