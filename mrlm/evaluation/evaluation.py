"""Evaluate a model on the held-out rows of a task, with an interval and every record kept.

What counts is ``task.score``, never the training reward; ``mrlm.evaluation.summary`` says how
samples that have no score are treated.

A task with rounds of tool calls is evaluated in whole episodes (``mrlm.sampling.episodes``). The
model may be in this process or behind a server (``mrlm.sampling.server``).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrlm.evaluation.summary import Summary, summarize
from mrlm.files import read_json, read_json_lines, write_json, write_json_lines
from mrlm.progress import progress_bar
from mrlm.sampling.rollout import Record, rollout
from mrlm.sampling.server import ChatServer
from mrlm.sampling.types import SamplingParams, SupportsGenerate
from mrlm.task import Task

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

RECORDS_FILE = "records.jsonl"
RESULTS_FILE = "results.json"
_MANY_TRUNCATED = 0.2
_NEEDED_COLUMNS = ("id", "prompt", "kind", "difficulty")
_GREEDY = SamplingParams(max_new_tokens=256, temperature=0.0)


@dataclass(frozen=True)
class EvalSettings:
    """What was evaluated and how: two evaluations compare fairly when only ``model`` differs.

    Attributes:
        task: Name of the task.
        model: Name of the model.
        split: Of the task's rows.
        seed: Of the task's rows, and of the sampling unless ``SamplingParams`` had its own; of the
            sampling alone where the rows were given.
        num_rows: Rows asked for.
        max_new_tokens: As in ``SamplingParams``, as are those up to ``top_p``.
        server: Address of the server that answered; ``None`` for a model in this process.
        protocol: Of a benchmark: how its rows are asked and scored; empty for others.
    """

    task: str
    model: str
    split: str
    seed: int
    num_rows: int
    max_new_tokens: int
    num_generations: int
    temperature: float
    top_p: float
    server: str | None = None
    protocol: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """Records of one model on one task, and what they sum up to.

    Attributes:
        settings: What was evaluated and how.
        seconds: Wall time of sampling and scoring.
        records: Every sample, those of one row adjacent.
        summary: ``summarize(records)``.
    """

    settings: EvalSettings
    seconds: float
    records: list[Record]
    summary: Summary

    def to_dict(self) -> dict[str, Any]:
        """Settings, time, summary and warnings as plain data; the records are left out."""
        return {
            "settings": asdict(self.settings),
            "seconds": self.seconds,
            "summary": asdict(self.summary),
            "warnings": self.warnings(),
        }

    def save(self, folder: str | Path) -> None:
        """Write ``results.json`` and ``records.jsonl`` into a folder, each of them atomically."""
        folder = Path(folder)
        write_json_lines(folder / RECORDS_FILE, (asdict(record) for record in self.records))
        write_json(folder / RESULTS_FILE, self.to_dict())

    @classmethod
    def load(cls, folder: str | Path) -> Evaluation:
        """Read what ``save`` wrote. The summary is computed again from the records.

        Raises:
            FileNotFoundError: The folder holds no evaluation.
            ValueError: A file is not what ``save`` writes.
        """
        folder = Path(folder)
        for name in (RESULTS_FILE, RECORDS_FILE):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"{folder} holds no {name}, so it is no evaluation: "
                    "name a folder that `mrlm eval --output_dir` or Evaluation.save wrote"
                )
        try:
            results = read_json(folder / RESULTS_FILE)
            settings = EvalSettings(**results["settings"])
            seconds = float(results["seconds"])
            records = [Record(**record) for record in read_json_lines(folder / RECORDS_FILE)]
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{folder} was not written by this version of mrlm ({error}): evaluate again"
            ) from error
        return cls(settings, seconds, records, summarize(records))

    def warnings(self) -> list[str]:
        """What a reader of the accuracy must know, in plain language."""
        summary, found = self.summary, []
        if self.settings.server is not None:
            found.append(
                f"Measured at the server {self.settings.server}, with its chat template, precision "
                "and sampling."
            )
            if summary.mean_tokens == 0 and summary.num_unscored < summary.num_samples:
                found.append("The server does not say how many tokens it wrote: 0 is no length.")
        if summary.num_unscored:
            low, high = summary.accuracy_bounds
            found.append(
                f"Samples without a score: {summary.num_unscored} of {summary.num_samples}, "
                f"left out here; with them the accuracy lies between {low:.1%} and {high:.1%}."
            )
        if summary.errors:
            message, count = next(iter(summary.errors.items()))
            found.append(
                f"Errors raised by the task's functions: {sum(summary.errors.values())}, "
                f"most often ({count}) {message!r}."
            )
        if summary.truncated_share > _MANY_TRUNCATED:
            found.append(
                f"{summary.truncated_share:.0%} of the completions were cut at "
                f"{self.settings.max_new_tokens} tokens: a larger max_new_tokens may change "
                "the accuracy."
            )
        protocol = self.settings.protocol
        if protocol.get("left_out"):
            found.append(
                f"Rows of the benchmark that cannot be scored here, left out: "
                f"{protocol['left_out']}; such as {protocol['left_out_because'][0]}."
            )
        if summary.num_rows < self.settings.num_rows:
            found.append(
                f"The task gave {summary.num_rows} of the {self.settings.num_rows} rows asked for."
            )
        return found


def evaluate(
    model: PreTrainedModel | ChatServer,
    tokenizer: PreTrainedTokenizerBase | None,
    task: Task,
    params: SamplingParams = _GREEDY,
    *,
    rows: Dataset | Sequence[Mapping[str, Any]] | None = None,
    num_rows: int = 200,
    split: str = "test",
    seed: int = 0,
    protocol: Mapping[str, Any] | None = None,
    generator: SupportsGenerate | None = None,
    output_dir: str | Path | None = None,
    progress: bool = True,
    all_processes: bool = False,
) -> Evaluation:
    """Evaluate a model on rows of a task that training does not see.

    Args:
        model: The model, or a server that has one; its name goes into the results.
        tokenizer: Its tokenizer; ``None`` for a server, which has its own.
        task: For instance ``mrlm.tasks.TASKS["math"]``.
        params: How to sample; several samples per row give pass@k. Greedy, and at most 256 tokens,
            by default.
        rows: The rows to evaluate, all of them, in the task's columns, such as
            ``mrlm.data.load_user_dataset`` reads from a file. Default: rows that
            ``task.build_dataset`` makes of the next three.
        num_rows: How many of the task's rows.
        split: ``"test"``, or ``"train"`` to look for overfitting; of given rows just a name.
        seed: Of the task's rows, and of the sampling where ``params`` has none.
        protocol: How the given rows are asked and scored, for the results; of a benchmark
            ``LoadedBenchmark.protocol``.
        generator: One that already holds the model's present weights; made when absent.
        output_dir: Where to save results and records.
        progress: Show a bar with an estimate on stderr.
        all_processes: Every process calls this with the same model, evaluates its share of the
            rows, and gets the whole result. ``output_dir`` is for one of them.

    Raises:
        ValueError: There is no row to evaluate, or of the given rows one lacks a column or has the
            id of another.
        EndpointError: A server answers nothing at all.
    """
    if rows is None and num_rows < 1:
        raise ValueError(f"num_rows must be at least 1, got {num_rows}")
    sampling_seed = seed if params.seed is None else params.seed
    params = replace(params, seed=sampling_seed)
    given = None if rows is None else _checked(rows)
    settings = EvalSettings(
        task=task.name,
        model=str(getattr(model, "name_or_path", "") or type(model).__name__),
        split=split,
        seed=seed if given is None else sampling_seed,
        num_rows=num_rows if given is None else len(given),
        max_new_tokens=params.max_new_tokens,
        num_generations=params.num_generations,
        temperature=params.temperature,
        top_p=params.top_p,
        server=model.base_url if isinstance(model, ChatServer) else None,
        protocol=dict(protocol or {}),
    )
    sampler: SupportsGenerate | ChatServer
    if isinstance(model, ChatServer):
        sampler = model
    elif generator is not None:
        sampler = generator
    else:
        from mrlm.sampling import make_generator  # imports torch

        assert tokenizer is not None
        sampler = make_generator(model, tokenizer)
    chosen = list(task.build_dataset(num_rows, seed, split)) if given is None else given
    start = time.perf_counter()
    total = len(chosen) * params.num_generations
    if all_processes:
        from mrlm.distributed import shard_for_process  # imports torch

        total = len(shard_for_process(chosen)) * params.num_generations
    bar = progress_bar(f"Evaluating on {task.name}", total) if progress else nullcontext()
    with bar as advance:
        records = rollout(
            sampler,
            tokenizer,
            chosen,
            task,
            params,
            progress=advance,
            all_processes=all_processes,
        )
    seconds = time.perf_counter() - start
    evaluation = Evaluation(settings, seconds, records, summarize(records))
    if output_dir is not None:
        evaluation.save(output_dir)
    return evaluation


def _checked(rows: Dataset | Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows, if records can be made of them: told before anything is sampled."""
    found = list(rows)
    if not found:
        raise ValueError("rows is empty: give at least one row to evaluate")
    for place, row in enumerate(found):
        missing = [name for name in _NEEDED_COLUMNS if name not in row]
        if missing:
            raise ValueError(
                f"row {place} has no {', '.join(missing)}: rows need the columns "
                f"{', '.join(_NEEDED_COLUMNS)}, and those that the task's reward reads"
            )
    row_id, count = Counter(str(row["id"]) for row in found).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{count} rows have the id {row_id!r}: ids must be distinct")
    return found
