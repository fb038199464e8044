"""A run's outcome, small enough to be committed: the score of every held-out row at every stage.

``mrlm results`` makes its tables from these alone. A result is read from a run's folder, or from
the file of a few kilobytes that ``RunResult.keep`` wrote. All numbers are computed from the
scores again, so a table cannot say more than its files do.

Not covered: runs on several tasks at once, and evaluations with several samples per row.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from mrlm.evaluation.evaluation import Evaluation
from mrlm.files import read_json, read_json_lines, write_json
from mrlm.runs.folder import CONFIG_FILE, METRICS_FILE, RESULTS_FILE, is_run

__all__ = ["STAGES", "TRAINER_SETTINGS", "RunResult", "find_results"]

STAGES = ("before", "sft", "after")
# What a training's outcome depends on, whatever the algorithm.
TRAINER_SETTINGS = (
    "learning_rate",
    "lr_scheduler_type",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "num_generations",
    "max_completion_length",
    "temperature",
    "beta",
)
# What makes two runs repetitions of each other, besides the model, the rows and the steps.
_SETTINGS = (
    "kinds",
    "difficulties",
    "answer_format",
    "time_limit",
    "dataset_name",
    "train_file",
    "train_rows",
    "curriculum",
    "sft_rows",
    "sft_learning_rate",
    "sft_batch_size",
    "use_peft",
    *TRAINER_SETTINGS,
    "update_fraction",
)
_ENVIRONMENT = ("cpu_cores", "gpu", "torch", "transformers", "trl")


@dataclass(frozen=True)
class RunResult:
    """What one run did and what came of it.

    Attributes:
        algorithm: ``"PPO"``, ``"GRPO"``, ``"DPO"`` or ``"SFT"``.
        task: Name of the task.
        model: What was trained.
        seed: Of the training.
        steps: Steps of the algorithm; ``None`` where the run logged none.
        settings: Others that the outcome depends on.
        rows: Digest of the held-out rows and of how they were sampled.
        scores: Stage (of ``STAGES``) -> score of each held-out row; ``None`` where it has none.
        minutes: Wall time of all phases, measuring included.
        command: Repeats the run.
        environment: Machine and versions.
    """

    algorithm: str
    task: str
    model: str
    seed: int
    steps: int | None
    settings: dict[str, Any]
    rows: str
    scores: dict[str, list[float | None]]
    minutes: float
    command: str
    environment: dict[str, Any]

    @classmethod
    def from_run(cls, folder: Path) -> RunResult:
        """Read a finished run's folder.

        Raises:
            FileNotFoundError: A file or an evaluation is missing.
            ValueError: The run is none on one task, or its stages were evaluated on different rows.
        """
        results, config = read_json(folder / RESULTS_FILE), read_json(folder / CONFIG_FILE)
        if "mixture" in config:
            raise ValueError(f"{folder} is a run on several tasks at once")
        # Runs of before the configuration named it: "PPO on the task math".
        algorithm = config.get("algorithm") or results["title"].partition(" on ")[0]
        metrics = folder / METRICS_FILE
        log = read_json_lines(metrics) if metrics.is_file() else []
        stages = {
            stage: Evaluation.load(folder / f"eval_{stage}")
            for stage in STAGES
            if stage != "sft" or (folder / "eval_sft").is_dir()
        }
        rows = {_digest(evaluation, folder) for evaluation in stages.values()}
        if len(rows) > 1:
            raise ValueError(f"{folder}: its stages were evaluated on different rows; run it again")
        settings = stages["before"].settings
        return cls(
            algorithm=algorithm,
            task=settings.task,
            model=_without_folder(settings.model),
            seed=config["seed"],
            steps=max((line["step"] for line in log if "step" in line), default=None),
            settings={name: _without_folder(config[name]) for name in _SETTINGS if name in config},
            rows=rows.pop(),
            scores={
                stage: [record.score for record in evaluation.records]
                for stage, evaluation in stages.items()
            },
            minutes=round(sum(phase["seconds"] for phase in results["phases"]) / 60, 2),
            command=_without_output(results["command"]),
            environment={
                name: results["environment"][name]
                for name in _ENVIRONMENT
                if name in results["environment"]
            },
        )

    @classmethod
    def from_file(cls, path: Path) -> RunResult:
        """Read what ``keep`` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is something else.
        """
        data = read_json(path)
        try:
            scores = {stage: _parse(text) for stage, text in data["scores"].items()}
            result = cls(**{**data, "scores": scores})
            lengths = {len(result.scores[stage]) for stage in ("before", "after", *scores)}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} is no result of a run ({error!r}): name folders of runs, or files that "
                "`mrlm results --keep` wrote"
            ) from error
        if len(lengths) > 1 or not set(scores) <= set(STAGES):
            raise ValueError(
                f"{path}: each of its stages, {', '.join(scores)}, needs one score for each row"
            )
        return result

    def keep(self, folder: Path) -> Path:
        """Write it as ``<algorithm>_<task>_seed<seed>.json``; the same run is replaced.

        Raises:
            ValueError: There is a run of that name with other settings.
        """
        path = folder / f"{self.algorithm}_{self.task}_seed{self.seed}.json".lower()
        if path.is_file() and RunResult.from_file(path).repetition != self.repetition:
            raise ValueError(
                f"{path} keeps a run with other settings: delete it first, or keep this one in "
                "another folder"
            )
        scores = {stage: " ".join(map(_text, values)) for stage, values in self.scores.items()}
        write_json(path, asdict(self) | {"scores": scores})
        return path

    @property
    def repetition(self) -> str:
        """The same for runs that differ in nothing but their seed."""
        chosen = [self.algorithm, self.task, self.model, self.steps, self.settings, self.rows]
        return json.dumps([*chosen, sorted(self.scores)], sort_keys=True)


def find_results(paths: Iterable[Path]) -> tuple[list[RunResult], list[str]]:
    """Results of runs, and why others were left out.

    Args:
        paths: Each a run's folder, a kept file, or a folder with any of them: kept files directly
            in it, runs at any depth.

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: A path that was named itself is no run of one task, or a run is there twice.
    """
    found: dict[Path, RunResult] = {}
    left_out: list[str] = []
    for path in paths:
        if path.is_file():
            found[path] = RunResult.from_file(path)
        elif is_run(path):
            found[path] = RunResult.from_run(path)
        elif path.is_dir():
            found |= {file: RunResult.from_file(file) for file in sorted(path.glob("*.json"))}
            for file in sorted(path.rglob(RESULTS_FILE)):
                if is_run(file.parent):
                    try:
                        found[file.parent] = RunResult.from_run(file.parent)
                    except (FileNotFoundError, ValueError, KeyError) as error:
                        left_out.append(f"{file.parent}: {error}")
        else:
            raise FileNotFoundError(f"{path} does not exist: name runs, kept results, or a folder")
    places: dict[tuple[str, int], Path] = {}
    for path, result in found.items():
        first = places.setdefault((result.repetition, result.seed), path)
        if first != path:
            raise ValueError(
                f"{first} and {path} are the same run, seed included: name one of them"
            )
    return list(found.values()), left_out


def _digest(evaluation: Evaluation, folder: Path) -> str:
    settings = asdict(evaluation.settings)
    if settings["num_generations"] > 1:
        raise ValueError(f"{folder} has several samples per row; a table takes one")
    del settings["model"]
    rows = [[record.id, record.prompt, record.reference] for record in evaluation.records]
    text = json.dumps([settings, rows], sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _without_output(command: str) -> str:
    """A command line without the folder it wrote to, which says nothing about the run."""
    words = shlex.split(command)
    return shlex.join(
        word
        for before, word in zip(["", *words], words, strict=False)
        if "--output_dir" not in (before, word.partition("=")[0])
    )


def _without_folder(value: Any) -> Any:
    """A file's or folder's name, where it stands on this machine being nobody's business."""
    return Path(value).name if isinstance(value, str) and Path(value).exists() else value


def _text(score: float | None) -> str:
    return "-" if score is None else repr(float(score)).removesuffix(".0")


def _parse(scores: Sequence[str] | str) -> list[float | None]:
    if not isinstance(scores, str):
        raise TypeError("scores are one text for each stage")
    return [None if score == "-" else float(score) for score in scores.split()]
