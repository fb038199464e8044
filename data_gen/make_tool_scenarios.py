"""Write tool scenarios as a JSON file.

The file is a list of objects: ``id`` (``tool_001``), ``question``, ``tools`` (what it takes),
``calls`` (the right calls, step by step), ``answer``, ``files``, ``difficulty``. The first five
take the calculator twice, the search once, the file system once and the Python prompt twice (one of
them reads a file and then runs code); more go round the same mix.

    python data_gen/make_tool_scenarios.py --size 5 --output tool_scenarios.json
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
from mrlm.tasks.tools.scenarios import generate_rows
from mrlm.termination import run_program

MIX = (
    {"calculator"},
    {"calculator"},
    {"web_search"},
    {"file_system", "python_repl"},
    {"python_repl"},
)
PREVIEW = 5


@dataclass
class ToolScenariosConfig:
    """What to write, and where."""

    output: str = field(default="tool_scenarios.json", metadata={"help": "File to write."})
    size: int = field(default=5, metadata={"help": "Number of scenarios."})
    seed: int = field(default=0, metadata={"help": "Any integer; same seed, same scenarios."})
    split: str = field(default="train", metadata={"help": "train or test."})


def make_scenarios(config: ToolScenariosConfig) -> list[dict[str, Any]]:
    """The scenarios in the file's layout."""
    generate_rows(config.size, config.seed, config.split)  # refuses wrong arguments
    # The mix is rarer than the rows: take from plenty, in their order.
    rows = list(generate_rows(200 + 60 * config.size, config.seed, config.split))
    scenarios: list[dict[str, Any]] = []
    for number in range(config.size):
        wanted = MIX[number % len(MIX)]
        row = next(row for row in rows if _tools(row) == wanted)
        rows.remove(row)
        steps = [[_shown(call) for call in step] for step in row["calls"]]
        scenarios.append(
            {
                "id": f"tool_{number + 1:03d}",
                "question": row["prompt"][-1]["content"].partition("\n")[0],
                "tools": sorted(wanted),
                "calls": steps,
                "answer": row["answer"],
                "files": row["files"],
                "difficulty": row["difficulty"],
            }
        )
    return scenarios


def _tools(row: dict[str, Any]) -> set[str]:
    return {call["name"] for step in row["calls"] for call in step}


def _shown(call: dict[str, Any]) -> dict[str, Any]:
    """A right call with the first of its allowed values."""
    arguments = {name: values[0] for name, values in call["arguments"].items() if values[0] != ""}
    return {"name": call["name"], "arguments": arguments}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = JobParser(ToolScenariosConfig, description=__doc__)
    (config,) = parser.parse_args_into_dataclasses(arguments)
    check_output(config.output, "--output", is_file=True)
    scenarios = make_scenarios(config)
    write_json(Path(config.output), scenarios)
    table = Table("id", "tools", "question", "answer", title=f"{len(scenarios)} scenarios")
    for scenario in scenarios[:PREVIEW]:
        table.add_row(
            scenario["id"], ", ".join(scenario["tools"]), scenario["question"], scenario["answer"]
        )
    console = Console()
    console.print(table)
    console.print(f"Wrote {config.output}", highlight=False, markup=False)


if __name__ == "__main__":
    run_program(main)
