"""What a run says about itself while it goes: ``live.json`` and the trainer's log, as it grows.

``live.json`` is there from the start of a run to its end, so a folder that still has one is of a
run that goes on, or of one that was stopped. ``mrlm board`` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mrlm.files import append_json_lines, read_json, write_json, write_json_lines
from mrlm.runs.folder import LIVE_FILE, METRICS_FILE

__all__ = ["LiveMetrics", "LiveStatus", "stopped_in_training"]


class LiveStatus:
    """``live.json`` of a run folder: the phase that the run is in, and what was found so far.

    Args:
        folder: Of the run.
        **facts: Known from the start: ``title``, ``task``, ``model``, ``max_steps``; and
            ``training``, whether it trains or has trained, for a run that is resumed.
    """

    def __init__(self, folder: Path, **facts: Any) -> None:
        self._path = folder / LIVE_FILE
        self._facts: dict[str, Any] = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "phase": "",
            "training": False,
            "stopped": None,
            "findings": [],
            **facts,
        }

    def update(self, **facts: Any) -> None:
        """Change some of the facts, and write all of them."""
        self._facts |= facts
        write_json(self._path, self._facts)

    def end(self) -> None:
        """The run has written its results: they say more."""
        self._path.unlink(missing_ok=True)


def stopped_in_training(folder: Path) -> bool:
    """Whether the run in a folder began to train and did not come to its end."""
    try:
        return bool(read_json(folder / LIVE_FILE)["training"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


class LiveMetrics(TrainerCallback):
    """Keeps ``metrics.jsonl`` up to date while a trainer works, one line for each of its logs.

    Args:
        folder: Of the run.
        status: Gets what the trainer's diagnostics find.
        trainer: Any of TRL's, or ours; one with ``diagnostics`` has findings.
    """

    def __init__(self, folder: Path, status: LiveStatus, trainer: Any) -> None:
        self._path = folder / METRICS_FILE
        self._status, self._trainer = status, trainer
        self._num_findings = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            write_json_lines(self._path, state.log_history)  # of a run that is resumed, not empty
            self._status.update(training=True, max_steps=state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if not state.is_world_process_zero:
            return
        append_json_lines(self._path, state.log_history[-1:])
        findings: Sequence[Any] = getattr(self._trainer, "diagnostics", ())
        if len(findings) > self._num_findings:
            self._num_findings = len(findings)
            self._status.update(findings=[_as_data(finding) for finding in findings])


def _as_data(finding: Any) -> Mapping[str, Any]:
    return {"step": finding.step, "name": finding.name, "message": finding.message}
