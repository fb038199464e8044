"""Write function problems with test cases as a JSON file.

The file is a list of objects: ``id`` (``code_001``), ``description``, ``function_name``,
``difficulty``, and three ``test_cases`` with ``input`` (the text between the call's parentheses)
and ``output`` (a Python literal). The difficulties share the problems evenly, and no two problems
are of one family. ``code_problems.json`` beside this file is what it writes by default.

    python data_gen/make_code_problems.py --output code_problems.json
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mrlm.data.job_parser import JobParser
from mrlm.files import check_output, write_json
from mrlm.tasks.code.problems import generate_rows
from mrlm.termination import run_program

PREVIEW = 5
_DRAWS = 2000  # rows, lazily: enough to meet every family


@dataclass
class CodeProblemsConfig:
    """What to write, and where."""

    output: str = field(default="code_problems.json", metadata={"help": "File to write."})
    size: int = field(default=7, metadata={"help": "Number of problems."})
    seed: int = field(default=0, metadata={"help": "Any integer; same seed, same problems."})
    split: str = field(default="train", metadata={"help": "train or test."})
    difficulties: list[str] = field(
        default_factory=lambda: ["easy", "medium", "hard"],
        metadata={"help": "Some of easy, medium, hard."},
    )


def make_problems(config: CodeProblemsConfig) -> list[dict[str, Any]]:
    """The problems in the file's layout, ordered by difficulty as configured.

    Raises:
        ValueError: There are fewer families than problems asked for.
    """
    count = len(config.difficulties)
    problems: list[dict[str, Any]] = []
    for place, difficulty in enumerate(config.difficulties):
        share = config.size // count + (place < config.size % count)
        chosen: dict[str, dict[str, Any]] = {}
        rows = generate_rows(_DRAWS, config.seed, config.split, difficulties=[difficulty])
        for row in rows:
            if len(chosen) == share:
                break
            chosen.setdefault(row["family"], row)
        if len(chosen) < share:
            raise ValueError(
                f"There are {len(chosen)} families for {share} {difficulty} {config.split} "
                "problems; give a smaller size or more difficulties."
            )
        for row in chosen.values():
            problems.append(
                {
                    "id": f"code_{len(problems) + 1:03d}",
                    "description": row["description"],
                    "function_name": row["function_name"],
                    "difficulty": difficulty,
                    "test_cases": row["test_cases"],
                }
            )
    return problems


def main(arguments: Sequence[str] | None = None) -> None:
    parser = JobParser(CodeProblemsConfig, description=__doc__)
    (config,) = parser.parse_args_into_dataclasses(arguments)
    check_output(config.output, "--output", is_file=True)
    problems = make_problems(config)
    write_json(Path(config.output), problems)
    table = Table("id", "difficulty", "function", "description", title=f"{len(problems)} problems")
    for problem in problems[:PREVIEW]:
        table.add_row(
            problem["id"], problem["difficulty"], problem["function_name"], problem["description"]
        )
    console = Console()
    console.print(table)
    console.print(f"Wrote {config.output}", highlight=False, markup=False)


if __name__ == "__main__":
    run_program(main)
