"""``report.html``: everything about a run on one page that needs no other file and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from mrlm.files import read_json, read_json_lines, write_text
from mrlm.report import format
from mrlm.report.charts import curves
from mrlm.report.rendering import render
from mrlm.runs.folder import (
    COMPLETIONS_FILE,
    CONFIG_FILE,
    METRICS_FILE,
    REPORT_FILE,
    RESULTS_FILE,
)

_SAMPLED_PER_STEP = 3


def write_report(folder: str | Path) -> Path:
    """Make ``report.html`` from the JSON of a run folder; see ``mrlm.runs.folder``.

    ``results.json`` is needed; ``config.json``, ``metrics.jsonl`` and ``completions.jsonl`` are
    shown where they exist.

    Returns:
        Where the page is.

    Raises:
        FileNotFoundError: The folder holds no ``results.json``.
        ValueError: A file is not what a run writes.
    """
    folder = Path(folder)
    if not (folder / RESULTS_FILE).is_file():
        raise FileNotFoundError(
            f"{folder} holds no {RESULTS_FILE}: name the folder of a finished run, "
            "or make one from two evaluations with `mrlm compare BEFORE AFTER --output_dir DIR`"
        )
    results = read_json(folder / RESULTS_FILE)
    config = read_json(folder / CONFIG_FILE) if (folder / CONFIG_FILE).is_file() else {}
    log, completions = (
        read_json_lines(folder / name) if (folder / name).is_file() else []
        for name in (METRICS_FILE, COMPLETIONS_FILE)
    )
    if not isinstance(results, dict) or "comparison" not in results:
        raise ValueError(
            f"{folder / RESULTS_FILE} holds no comparison: name the folder of a run; two "
            "evaluations become one with `mrlm compare BEFORE AFTER --output_dir DIR`"
        )
    try:
        page = render(
            "run.html",
            results=results,
            config=config,
            charts=curves(log),
            sampled=_sampled(completions),
            **_derived(results),
        )
    except (KeyError, TypeError, UndefinedError) as error:
        raise ValueError(
            f"{folder / RESULTS_FILE} was not written by this version of mrlm ({error})"
        ) from error
    write_text(folder / REPORT_FILE, page)
    return folder / REPORT_FILE


def _derived(results: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says about the results beside the results themselves."""
    comparison = results["comparison"]
    return {
        "facts": _facts(results),
        "is_clear": format.is_clear(comparison),
        "measures": format.measures(comparison),
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
    return facts


def _sampled(completions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A few of ``completions.jsonl``, from the first, the middle and the last step it holds."""
    steps = sorted({row["step"] for row in completions})
    if not steps:
        return []
    rows = []
    for step in sorted({steps[0], steps[len(steps) // 2], steps[-1]}):
        for row in [row for row in completions if row["step"] == step][:_SAMPLED_PER_STEP]:
            asked = row["prompt"]
            rewards = [reward for reward in row["rewards"].values() if reward is not None]
            rows.append(
                {
                    "step": step,
                    "asked": asked if isinstance(asked, str) else format.question(asked),
                    "completion": row["completion"],
                    "reward": sum(rewards) if rewards else None,
                    "advantage": row["advantage"],
                }
            )
    return rows
