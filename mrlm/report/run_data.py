"""What the page shows of a run, as plain data: read from its folder, finished or not.

The board asks again and again while a run goes, so what was read of a file is kept until the file
changes. No link leads out of a run's folder: what is not in it is not read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mrlm.files import read_json
from mrlm.report import format
from mrlm.report.tail import read_all
from mrlm.runs.folder import (
    COMPLETIONS_FILE,
    CONFIG_FILE,
    LIVE_FILE,
    METRICS_FILE,
    RESULTS_FILE,
)

__all__ = [
    "ROW_FILES",
    "STAGES",
    "checked_results",
    "find_runs",
    "run_data",
    "run_line",
    "stays_inside",
]

STAGES = ("before", "sft", "after")
# What the page reads row by row, by the name it has there.
ROW_FILES = {
    "metrics": METRICS_FILE,
    "completions": COMPLETIONS_FILE,
    **{stage: f"eval_{stage}/records.jsonl" for stage in STAGES},
}
_MARKS = (LIVE_FILE, METRICS_FILE, COMPLETIONS_FILE, RESULTS_FILE)
_NOT_RUNS = ("model", "adapter")  # folders of a run that hold none
_MAX_DEPTH = 4
_MAX_RUNS = 500
_SILENT = 15 * 60  # seconds without a word after which a run may be dead
_SPARK = 40  # points of a curve in a list


def find_runs(root: Path) -> dict[str, Path]:
    """Folders of runs at and below a folder, by their path from there; the newest first.

    Links are not followed. The folder itself is called ``"."``.
    """
    root = root.resolve()
    found = {}
    for place, folders, _ in os.walk(root):
        folder = Path(place)
        depth = len(folder.relative_to(root).parts)
        folders[:] = [
            name
            for name in sorted(folders)
            if depth < _MAX_DEPTH
            and name not in _NOT_RUNS
            and not name.startswith((".", "checkpoint-"))
        ]
        if _is_run(folder):
            found[folder.relative_to(root).as_posix()] = folder
    newest = sorted(found, key=lambda name: -last_written(found[name]))
    return {name: found[name] for name in newest[:_MAX_RUNS]}


def run_line(folder: Path, name: str) -> dict[str, Any]:
    """What a list says of a run."""
    data = run_data(folder, name)
    comparison = (data["results"] or {}).get("comparison")
    before = data["stages"].get("before") or {}
    rewards = _recent_rewards(folder) if data["trains"] else []
    return {
        **{key: data[key] for key in ("id", "name", "title", "task", "model", "state", "age")},
        **{key: data[key] for key in ("phase", "step", "max_steps")},
        "findings": len(data["findings"]),
        "reward": rewards[-1] if rewards else None,
        "rewards": rewards[-_SPARK:],
        "before": comparison["accuracy_before"]["accuracy"]
        if comparison
        else before.get("accuracy"),
        "after": comparison["accuracy_after"]["accuracy"] if comparison else None,
        "difference": comparison["difference"] if comparison else None,
        "is_clear": format.is_clear(comparison) if comparison else None,
        "p_value": format.p_value(comparison["p_value"]) if comparison else None,
    }


def run_data(folder: Path, name: str, *, is_finished: bool = False) -> dict[str, Any]:
    """Everything about a run but its rows.

    Args:
        folder: Of the run.
        name: By which the page asks for it.
        is_finished: Its results count, although the run may not have come to its end.

    Raises:
        ValueError: A file is not what a run writes.
    """
    live = {} if is_finished else _json(folder, LIVE_FILE) or {}
    results = None if live else _json(folder, RESULTS_FILE)
    if results is not None:
        results = checked_results(results, folder / RESULTS_FILE)
    stages = {
        stage: (_json(folder, f"eval_{stage}/{RESULTS_FILE}") or {}).get("summary")
        for stage in STAGES
        if not (live and stage == "after")  # of an earlier run in this folder
    }
    comparison = results["comparison"] if results else {}
    settings = comparison.get("settings", {})
    age = max(0.0, time.time() - last_written(folder))
    # Until a new run trains, the log is that of an earlier one in its folder.
    trains = bool(live.get("training", True))
    return {
        "id": name,
        "name": folder.name if name == "." else name,
        "title": results["title"] if results else live.get("title") or folder.name,
        "task": settings.get("task") or live.get("task"),
        "model": comparison.get("model_before") or live.get("model"),
        "state": _state(live, bool(results or _stat(folder, CONFIG_FILE)), age),
        "age": age,
        "phase": live.get("phase"),
        "stopped": live.get("stopped"),
        "started": live.get("started"),
        "step": _last_step(folder) if trains else None,
        "trains": trains,
        "max_steps": live.get("max_steps"),
        "findings": live.get("findings", []),
        "stages": {stage: summary for stage, summary in stages.items() if summary},
        "config": _json(folder, CONFIG_FILE) if not live else None,
        "results": results,
        "derived": _derived(results) if results else None,
    }


def checked_results(results: Any, path: Path) -> dict[str, Any]:
    """``results.json`` if it is what this version writes.

    Raises:
        ValueError: It is of an evaluation, of another version, or something else.
    """
    if not isinstance(results, dict) or "comparison" not in results:
        raise ValueError(
            f"{path} holds no comparison: name the folder of a run; two "
            "evaluations become one with `mrlm compare BEFORE AFTER --output_dir DIR`"
        )
    try:
        _derived(results)
        return {
            **{key: results[key] for key in ("title", "created", "command", "wall_seconds")},
            **{key: results[key] for key in ("phases", "warnings", "environment", "comparison")},
            "notes": results.get("notes", []),
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} was not written by this version of mrlm ({error})") from error


def last_written(folder: Path) -> float:
    """When a run last wrote one of its files, in seconds since the epoch."""
    times = [_stat(folder, name) for name in _MARKS]
    return max((found.st_mtime for found in times if found), default=0.0)


def _is_run(folder: Path) -> bool:
    if any(_stat(folder, name) for name in (LIVE_FILE, METRICS_FILE, COMPLETIONS_FILE)):
        return True
    try:
        results = _json(folder, RESULTS_FILE)
    except ValueError:
        return False
    return isinstance(results, dict) and "comparison" in results


def _state(live: Mapping[str, Any], has_ended: bool, age: float) -> str:
    if live.get("stopped"):
        return "stopped"
    if has_ended and not live:  # of several tasks at once, each has its results in a folder below
        return "finished"
    return "running" if age < _SILENT else "silent"


def _derived(results: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says about the results beside the results themselves."""
    comparison = results["comparison"]
    return {
        "facts": _facts(results),
        "is_clear": format.is_clear(comparison),
        "measures": format.measures(comparison),
        "p_value": format.p_value(comparison["p_value"]),
        "verdict": format.verdict(comparison),
    }


def _facts(results: Mapping[str, Any]) -> dict[str, str]:
    """The line under the headline, by name."""
    comparison = results["comparison"]
    settings = comparison["settings"]
    samples, temperature = settings["num_generations"], settings["temperature"]
    facts = {
        "rows": f"{comparison['num_pairs']:,}" + (f" x {samples} samples" if samples > 1 else ""),
        "gained": f"{comparison['num_gained']:,}",
        "lost": f"{comparison['num_lost']:,}",
        "sampling": "greedy" if temperature == 0 else f"temperature {temperature:g}",
    }
    if results["phases"]:  # two evaluations that were made elsewhere have no time of their own
        facts["wall time"] = format.duration(results["wall_seconds"])
        facts["cores"] = str(results["environment"]["cpu_cores"])
    if results.get("peak_memory"):
        facts["peak memory"] = f"{results['peak_memory'] / 2**30:.1f} GiB"
    return facts


def _recent_rewards(folder: Path) -> list[float]:
    """The last rewards of the trainer's log."""
    return [
        row["reward"]
        for row in _recent_metrics(folder)
        if isinstance(row.get("reward"), int | float)
    ]


def _last_step(folder: Path) -> int | None:
    steps = (row.get("step") for row in reversed(_recent_metrics(folder)))
    return next((step for step in steps if isinstance(step, int)), None)


def _recent_metrics(folder: Path) -> list[dict[str, Any]]:
    path, found = folder / METRICS_FILE, _stat(folder, METRICS_FILE)
    return _read_end(path, found.st_mtime_ns, found.st_size) if found else []


@lru_cache(maxsize=1024)
def _read_end(path: Path, mtime: int, size: int) -> list[dict[str, Any]]:
    return read_all(path, max_bytes=1 << 18)


def _json(folder: Path, name: str) -> Any:
    """A file's JSON value; ``None`` where the folder does not have it.

    Raises:
        ValueError: It is not JSON.
    """
    found = _stat(folder, name)
    try:
        return _read(folder / name, found.st_mtime_ns, found.st_size) if found else None
    except FileNotFoundError:  # it went meanwhile: the run has ended
        return None


@lru_cache(maxsize=1024)
def _read(path: Path, mtime: int, size: int) -> Any:
    return read_json(path)


def _stat(folder: Path, name: str) -> os.stat_result | None:
    """Of a file in the folder itself; ``None`` where it is not there, or a link leads elsewhere."""
    path = folder / name
    try:
        return path.stat() if stays_inside(folder, name) and path.is_file() else None
    except OSError:
        return None


def stays_inside(folder: Path, name: str) -> bool:
    """Whether a file of a folder is there itself, and not by a link that leads elsewhere."""
    return (folder / name).resolve() == folder.resolve() / name
