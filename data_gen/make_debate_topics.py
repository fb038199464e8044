"""Write debate topics as a JSON file.

The file is a list of objects: ``id`` (``debate_001``), ``topic``, and the facts ``pro``, ``con``
and ``neither``, made up for the exercise. The default is the first demonstration's eight topics.

    python data_gen/make_debate_topics.py --output debate_topics.json
    python data_gen/make_debate_topics.py --topics zoos dams --output topics.json
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
from mrlm.splits import RowStream
from mrlm.tasks.debate.grounded import fill_in
from mrlm.tasks.debate.topics import ORIGINAL, TOPICS
from mrlm.termination import run_program


@dataclass
class DebateTopicsConfig:
    """What to write, and where."""

    output: str = field(default="debate_topics.json", metadata={"help": "File to write."})
    topics: list[str] = field(
        default_factory=lambda: list(ORIGINAL),
        metadata={"help": "Names of topics, or the word all."},
    )
    seed: int = field(default=0, metadata={"help": "Seed of the numbers in the facts."})


def make_topics(config: DebateTopicsConfig) -> list[dict[str, Any]]:
    """The topics in the file's layout, in the order asked for."""
    names = list(TOPICS) if config.topics == ["all"] else config.topics
    unknown = [name for name in names if name not in TOPICS]
    if unknown:
        raise ValueError(
            f"There are no topics {', '.join(unknown)}; choose from {', '.join(TOPICS)}, or all."
        )
    written = []
    for number, name in enumerate(names, start=1):
        topic, stream = TOPICS[name], RowStream(config.seed, name, 0)
        written.append(
            {
                "id": f"debate_{number:03d}",
                "topic": topic.motion,
                "pro": [fill_in(stream, point.pro) for point in topic.points],
                "con": [fill_in(stream, point.con) for point in topic.points],
                "neither": [fill_in(stream, fact) for fact in topic.neither],
            }
        )
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    parser = JobParser(DebateTopicsConfig, description=__doc__)
    (config,) = parser.parse_args_into_dataclasses(arguments)
    check_output(config.output, "--output", is_file=True)
    topics = make_topics(config)
    write_json(Path(config.output), topics)
    table = Table("id", "topic", "facts", title=f"{len(topics)} topics")
    for topic in topics:
        facts = sum(len(topic[side]) for side in ("pro", "con", "neither"))
        table.add_row(topic["id"], topic["topic"], str(facts))
    console = Console()
    console.print(table)
    console.print(f"Wrote {config.output}", highlight=False, markup=False)


if __name__ == "__main__":
    run_program(main)
