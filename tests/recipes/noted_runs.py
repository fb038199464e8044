"""Recipes in one start of torchrun: ``noted_runs.py NOTES RECIPE FLAGS ... + RECIPE FLAGS ...``

Each process notes which rows it sampled and scored, one ``OUTPUT_DIR id`` a line, in
``NOTES/<rank>``. The recipes run as they are.
"""

from __future__ import annotations

import itertools
import os
import runpy
import sys
from pathlib import Path
from typing import Any

from mrlm.sampling import rollout


def note(file: Path) -> None:
    """From now on."""
    record = rollout.Record

    def noted(*, id: str, **columns: Any) -> rollout.Record:
        with file.open("a", encoding="utf-8") as notes:
            folder = sys.argv[sys.argv.index("--output_dir") + 1]
            notes.write(f"{Path(folder).name} {id}\n")
        return record(id=id, **columns)

    rollout.Record = noted  # type: ignore[assignment, misc]


if __name__ == "__main__":
    notes, *words = sys.argv[1:]
    note(Path(notes) / os.environ["RANK"])
    for is_end, run in itertools.groupby(words, lambda word: word == "+"):
        if not is_end:
            sys.argv = list(run)
            runpy.run_path(sys.argv[0], run_name="__main__")
