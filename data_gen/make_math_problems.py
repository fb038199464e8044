"""Write math word problems as a JSON file.

The file is a list of objects: ``id`` (``math_001``), ``question``, ``answer``, ``difficulty``. The
answer is a number; one that is asked for as a fraction, as in some hard problems, is its text, such
as ``"3/8"``. The difficulties share the problems evenly.

    python data_gen/make_math_problems.py --size 20 --output math_problems.json
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
from mrlm.tasks.math.problems import generate_rows
from mrlm.termination import run_program

PREVIEW = 5


@dataclass
class MathProblemsConfig:
    """What to write, and where."""

    output: str = field(default="math_problems.json", metadata={"help": "File to write."})
    size: int = field(default=20, metadata={"help": "Number of problems."})
    seed: int = field(default=0, metadata={"help": "Any integer; same seed, same problems."})
    split: str = field(default="train", metadata={"help": "train or test."})
    difficulties: list[str] = field(
        default_factory=lambda: ["easy", "medium"],
        metadata={"help": "Some of easy, medium, hard."},
    )


def make_problems(config: MathProblemsConfig) -> list[dict[str, Any]]:
    """The problems in the file's layout, ordered by difficulty as configured."""
    count = len(config.difficulties)
    problems: list[dict[str, Any]] = []
    for place, difficulty in enumerate(config.difficulties):
        share = config.size // count + (place < config.size % count)
        rows = generate_rows(share, config.seed, config.split, difficulties=[difficulty])
        for row in rows:
            problems.append(
                {
                    "id": f"math_{len(problems) + 1:03d}",
                    "question": row["question"],
                    "answer": _number(row["answer"]),
                    "difficulty": difficulty,
                }
            )
    return problems


def _number(answer: str) -> int | float | str:
    """An integer or a decimal as a number of JSON, a fraction as it is."""
    if "/" in answer:
        return answer
    return float(answer) if "." in answer else int(answer)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = JobParser(MathProblemsConfig, description=__doc__)
    (config,) = parser.parse_args_into_dataclasses(arguments)
    check_output(config.output, "--output", is_file=True)
    problems = make_problems(config)
    write_json(Path(config.output), problems)
    table = Table("id", "difficulty", "question", "answer", title=f"{len(problems)} problems")
    for problem in problems[:PREVIEW]:
        table.add_row(
            problem["id"], problem["difficulty"], problem["question"], str(problem["answer"])
        )
    console = Console()
    console.print(table)
    console.print(f"Wrote {config.output}", highlight=False, markup=False)


if __name__ == "__main__":
    run_program(main)
