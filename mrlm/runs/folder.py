"""Where a run keeps what it did, machine-readable first.

::

    runs/demo/
      config.json                  what was asked for
      eval_before/, eval_after/    results.json and records.jsonl of each evaluation
      metrics.jsonl                the trainer's log, one step per line; grows as the run goes on
      completions.jsonl            of an online trainer: some of what was sampled, with its rewards
      model/                       what was trained, with a model card (README.md)
      results.json                 comparison, times, warnings, environment, command
      live.json                    until the run has ended: its phase, what was found so far
      report.html                  made from the JSON alone: `mrlm report runs/demo` makes it again
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mrlm.evaluation.comparison import Comparison
from mrlm.files import read_json, write_json, write_json_lines
from mrlm.memory import peak_memory, reset_peak_memory

CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.jsonl"
COMPLETIONS_FILE = "completions.jsonl"
RESULTS_FILE = "results.json"
REPORT_FILE = "report.html"
LIVE_FILE = "live.json"
MODEL_FOLDER = "model"

_PACKAGES = ("mrlm", "torch", "transformers", "trl", "peft", "accelerate", "datasets")
_SECRET = re.compile(r"(?i)--?[\w-]*(hub_token|api_key|password|secret)")


class RunFolder:
    """The files of one run, and the clock and memory of its phases, which start here.

    Attributes:
        phases: Each with its ``name``, its ``seconds``, and its ``peak_memory`` in bytes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.eval_before = self.path / "eval_before"
        self.eval_after = self.path / "eval_after"
        self.model = self.path / MODEL_FOLDER
        self._start = time.perf_counter()
        self.phases: list[dict[str, Any]] = []

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self._start

    @property
    def report(self) -> Path:
        return self.path / REPORT_FILE

    def subfolder(self, name: str) -> RunFolder:
        """A part of the run with files of its own and the same clock; for ``""`` the run itself."""
        if not name:
            return self
        part = RunFolder(self.path / name)
        part._start, part.phases = self._start, self.phases
        return part

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a part of the run and measure its memory; kept also where the part fails.

        What the part before it freed goes back to the system first.
        """
        reset_peak_memory()
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self.phases.append({"name": name, "seconds": seconds, "peak_memory": peak_memory()})

    @property
    def peak_memory(self) -> int:
        """Bytes that the main process held at most in one of the phases."""
        return max((phase["peak_memory"] for phase in self.phases), default=0)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Keep what was asked for, as plain data."""
        write_json(self.path / CONFIG_FILE, config)

    def write_metrics(self, log_history: Iterable[Mapping[str, Any]]) -> None:
        """Keep a trainer's log, for instance ``trainer.state.log_history``."""
        write_json_lines(self.path / METRICS_FILE, log_history)

    def write_results(
        self,
        comparison: Comparison,
        *,
        title: str,
        warnings: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Write and return ``results.json``.

        Args:
            comparison: The run's model before and after.
            title: What the run did, for the head of its report.
            warnings: Of the run, in plain language; those of the comparison are added.
            notes: What else there is to say, in plain language.
        """
        results = {
            "title": title,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command_line(sys.orig_argv),
            "wall_seconds": self.seconds,
            "phases": self.phases,
            "peak_memory": self.peak_memory,
            "warnings": [*warnings, *comparison.warnings],
            "notes": list(notes),
            "environment": describe_environment(),
            "comparison": comparison.to_dict(),
        }
        write_json(self.path / RESULTS_FILE, results)
        return results


def is_run(folder: str | Path) -> bool:
    """Whether a folder holds a finished run rather than an evaluation."""
    path = Path(folder) / RESULTS_FILE
    return path.is_file() and "comparison" in read_json(path)


def command_line(argv: Sequence[str]) -> str:
    """``sys.orig_argv`` as a line for a shell, with secrets left out and no machine's own paths."""
    program, *arguments = argv
    if any(word.endswith("kernel_launcher") for word in arguments):  # and a file of the session's
        return "cells of a notebook"
    words = [re.sub(r"^python[\d.]*$", "python", Path(program).name)]
    script = Path(arguments[0]) if arguments else Path()
    if script.is_absolute() and script.parent == Path(program).parent:  # a console script
        words = [Path(arguments.pop(0)).name]
    hide = False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        secret = _SECRET.fullmatch(name) is not None
        words.append("..." if hide else f"{name}=..." if secret and equals else argument)
        hide = secret and not equals
    return shlex.join(words)


def describe_environment() -> dict[str, str | int]:
    """Versions and machine, without importing what the run has not imported."""
    environment: dict[str, str | int] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
    }
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        environment["gpu"] = f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    for package in _PACKAGES:
        try:
            environment[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            environment[package] = "not installed"
    return environment
