"""The dataset card: a README.md for people, from which ``load_dataset`` takes files and types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from datasets import Features

from mrlm.data.statistics import in_order

__all__ = ["render_card"]

_SHOWN = 400  # characters of a value in the example
_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")


def render_card(
    *,
    name: str,
    location: str,
    license_id: str,
    features: Mapping[str, Features],
    patterns: Mapping[str, Mapping[str, str]],
    statistics: Mapping[str, Any],
    example: Mapping[str, Mapping[str, Any]],
    digests: Mapping[str, str],
) -> str:
    """The card as Markdown with its YAML header.

    Args:
        name: The title.
        location: What ``load_dataset`` is given: a Hub id or a folder.
        license_id: The Hub's identifier.
        features: Columns and types by task.
        patterns: Task -> split -> where the files are.
        statistics: The content of ``statistics.json``.
        example: A row of each task.
        digests: Of each task's files. ``load_dataset`` knows a folder by its name and this header
            alone, and would give the rows of another export out of its cache. On the Hub, where a
            commit tells datasets apart, none is needed.
    """
    tasks = statistics["tasks"]
    header = {
        "license": license_id,
        "language": ["en"],
        "tags": ["mrlm", "reinforcement-learning", *tasks],
        "size_categories": [_size(_num_rows(tasks))],
        "configs": [
            {
                "config_name": task,
                "data_files": [{"split": split, "path": path} for split, path in paths.items()],
            }
            for task, paths in patterns.items()
        ],
        "dataset_info": [
            {
                "config_name": task,
                "features": types._to_yaml_list(),
                **({"description": f"Content {digests[task]}"} if task in digests else {}),
            }
            for task, types in features.items()
        ],
    }
    if "dataset_name" in statistics["settings"]:
        del header["language"]  # whatever the user's rows are written in
    first = next(iter(patterns))
    snippet = [
        "```python",
        "from datasets import load_dataset",
        "",
        f'rows = load_dataset("{location}", "{first}", split="{next(iter(patterns[first]))}")',
        "print(rows[0])",
        "```",
    ]
    if len(patterns) > 1:
        snippet += ["", f"The configurations are the tasks: {', '.join(patterns)}."]
    parts = [
        f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n# {name}",
        _origin(statistics),
        "\n".join(snippet),
        *(_task(task, tasks[task], features[task], example.get(task)) for task in tasks),
        f"## Licence\n\n{license_id}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _num_rows(tasks: Mapping[str, Any]) -> int:
    return sum(split["num_rows"] for task in tasks.values() for split in task["splits"].values())


def _size(num_rows: int) -> str:
    for power, label in enumerate(_SIZES[:-1], start=3):
        if num_rows < 10**power:
            return label
    return _SIZES[-1]


def _origin(statistics: Mapping[str, Any]) -> str:
    settings = statistics["settings"]
    made = (
        f"Rows of the dataset {settings['dataset_name']}, brought into the columns of the task"
        if "dataset_name" in settings
        else "Generated problems with known answers: the same settings give the same rows"
    )
    listed = "\n".join(f"- {key}: {_inline(value)}" for key, value in settings.items())
    return f"{made}.\nGenerator: mrlm {statistics['generator_version']}.\n\n{listed}"


def _inline(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _task(
    task: str, counted: Mapping[str, Any], types: Features, example: Mapping[str, Any] | None
) -> str:
    splits = counted["splits"]
    lines = [
        f"## {task}",
        "",
        *_table(["column", "type"], [[n, _type(t)] for n, t in types.items()]),
    ]
    rows = [
        [
            name,
            _count(split["num_rows"]),
            _count(split["num_repeated_prompts"]),
            _count(split["num_dropped"]),
        ]
        for name, split in splits.items()
    ]
    lines += ["", *_table(["split", "rows", "repeated prompts", "dropped"], rows)]
    difficulties = in_order(d for split in splits.values() for d in split["difficulties"])
    for name, split in splits.items():
        by_kind: dict[str, dict[str, int]] = {}
        for cell in split["kinds_and_difficulties"]:
            by_kind.setdefault(cell["kind"], {})[cell["difficulty"]] = cell["num_rows"]
        table = [
            [kind, *(_count(cells.get(difficulty, 0)) for difficulty in difficulties)]
            for kind, cells in by_kind.items()
        ]
        lines += ["", *_table([f"{name}: kind", *difficulties], table)]
    lines += ["", *(check["message"] for check in counted["split_checks"])]
    if example is not None:
        shown = json.dumps(_shortened(example), ensure_ascii=False, indent=2)
        # A longer fence than any that a code row's prompt holds.
        lines += ["", "The first row, long texts cut:", "", f"````json\n{shown}\n````"]
    return "\n".join(lines).rstrip()


def _count(number: int) -> str:
    return f"{number:,}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(text.replace("|", "\\|") for text in row) + " |" for row in cells]


def _type(feature: Any) -> str:
    """A column's type in few words, such as ``list of {role: string, content: string}``."""
    if isinstance(feature, dict):
        return "{" + ", ".join(f"{name}: {_type(inner)}" for name, inner in feature.items()) + "}"
    inner = getattr(feature, "feature", None)
    if inner is not None:
        return f"list of {_type(inner)}"
    return str(getattr(feature, "dtype", None) or type(feature).__name__).lower()


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
    if isinstance(value, Mapping):
        return {key: _shortened(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(inner) for inner in value[:4]]
    return value
