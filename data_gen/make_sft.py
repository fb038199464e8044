"""Write a model's own best answers for supervised fine-tuning (rejection sampling), for any task.

Each row is answered several times; of the answers that earn at least ``--min_reward`` the best are
kept, one per row unless ``--samples_per_row`` says more. A line of the file is an example as TRL's
``SFTTrainer`` takes it: ``prompt`` and ``completion``, or ``messages`` and ``tools`` for episodes
with tools. ``recipes/sft_tools.py --task TASK --dataset_name FILE`` trains on it.

    python data_gen/make_sft.py --task math --answer_format last_number --output sft.jsonl
    python data_gen/make_sft.py --task tools --model_name_or_path runs/sft_tools/model
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from make_preferences import SamplingConfig, parse, print_statistics, sample
from rich.console import Console

from mrlm.data.demonstrations import demonstration, row_schemas
from mrlm.data.rejection import best_samples
from mrlm.files import write_json_lines
from mrlm.termination import run_program


@dataclass
class SFTConfig(SamplingConfig):
    """What to sample and to keep, and where to write."""

    output: str = field(default="sft.jsonl", metadata={"help": "File to write."})
    samples_per_row: int = field(default=1, metadata={"help": "Most samples to keep of a row."})
    min_reward: float = field(default=1.0, metadata={"help": "Least reward of a kept sample."})


def main(arguments: Sequence[str] | None = None) -> None:
    config = parse(SFTConfig, __doc__, arguments)
    task = config.build_task()
    kept, statistics = best_samples(
        sample(task, config), min_reward=config.min_reward, samples_per_row=config.samples_per_row
    )
    write_json_lines(
        Path(config.output),
        [
            demonstration(
                record.prompt,
                record.messages or record.completion,
                row_schemas(task, record.reference),
            )
            for record in kept
        ],
    )
    print_statistics(Console(), f"Examples of {task.name}", asdict(statistics), config.output)


if __name__ == "__main__":
    run_program(main)
