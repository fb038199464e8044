"""Made-up evaluations, and a toy task with a generator that says what it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mrlm.evaluation.evaluation import EvalSettings, Evaluation
from mrlm.evaluation.summary import summarize
from mrlm.sampling.rollout import Record
from mrlm.sampling.types import SamplingParams
from mrlm.task import Task

SETTINGS = EvalSettings(
    task="toy",
    model="tiny",
    split="test",
    seed=0,
    num_rows=4,
    max_new_tokens=8,
    num_generations=1,
    temperature=0.0,
    top_p=1.0,
)


def make_record(row: int, score: float | None, sample: int = 0, **changes: Any) -> Record:
    record = Record(
        id=f"row-{row}",
        sample=sample,
        kind="even" if row % 2 == 0 else "odd",
        difficulty=row % 3,
        prompt=[{"role": "user", "content": f"What is {row} + 1?"}],
        completion=f"It is {row + 1}",
        answer=str(row + 1),
        reference={"answer": str(row + 1)},
        score=score,
        rewards={"toy_reward": score},
        num_tokens=4,
        truncated=False,
    )
    return replace(record, **changes)


def make_evaluation(
    scores: Sequence[float | Sequence[float | None] | None], **settings: Any
) -> Evaluation:
    """One row per entry: its score, or the scores of its samples."""
    rows = [entry if isinstance(entry, list | tuple) else [entry] for entry in scores]
    records = [
        make_record(i, score, sample)
        for i, samples in enumerate(rows)
        for sample, score in enumerate(samples)
    ]
    shape = {"num_rows": len(rows), "num_generations": max(len(samples) for samples in rows)}
    return Evaluation(replace(SETTINGS, **shape, **settings), 1.5, records, summarize(records))


@pytest.fixture(scope="session")
def evaluation() -> Callable[..., Evaluation]:
    return make_evaluation


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    return make_record


def _build_dataset(size: int, seed: int, split: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{split}-{seed}-{i}",
            "task": "toy",
            "prompt": [{"role": "user", "content": f"Say {i}"}],
            "answer": str(i),
            "kind": "even" if i % 2 == 0 else "odd",
            "difficulty": i,
        }
        for i in range(size)
    ]


def _extract(completion: str, row: Mapping[str, Any]) -> str | None:
    if completion == "break extract":
        raise KeyError("no slot")
    return completion or None


def _score(completion: str, row: Mapping[str, Any]) -> float | None:
    if completion == "break score":
        raise ZeroDivisionError("division by zero")
    return float("nan") if completion == "nan" else float(completion == row["answer"])


def exact_reward(
    completions: list[list[dict[str, str]]], answer: list[str], **columns: Any
) -> list[float | None]:
    texts = [completion[0]["content"] for completion in completions]
    if "break reward" in texts:
        raise RuntimeError("grader is down")
    return [float(text == right) for text, right in zip(texts, answer, strict=True)]


def short_reward(completion_ids: list[list[int]], **columns: Any) -> list[float | None]:
    return [None if len(ids) > 20 else 0.5 for ids in completion_ids]


@pytest.fixture
def toy_task() -> Task:
    """Rows ask for a number; a few completions break one function each."""
    return Task(
        name="toy",
        build_dataset=_build_dataset,  # type: ignore[arg-type]
        reward_funcs=(exact_reward, short_reward),
        score=_score,
        extract=_extract,
    )


@dataclass
class SpokenCompletion:
    token_ids: list[int]
    finished: bool
    logprobs: list[float] | None = None


class ScriptedGenerator:
    """Says the given texts in turn; a text that ends in ``...`` was cut."""

    def __init__(self, tokenizer: Any, texts: Sequence[str]) -> None:
        self.tokenizer, self.texts = tokenizer, list(texts)
        self.calls: list[tuple[list[list[int]], SamplingParams]] = []

    def generate(
        self,
        prompt_ids: list[list[int]],
        params: SamplingParams,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> list[SpokenCompletion]:
        self.calls.append((prompt_ids, params))
        count = len(prompt_ids) * params.num_generations
        said, self.texts = self.texts[:count], self.texts[count:]
        if progress:
            progress(count)
        return [
            SpokenCompletion(
                self.tokenizer.encode(text)
                + ([] if text.endswith("...") else [self.tokenizer.eos_token_id]),
                not text.endswith("..."),
            )
            for text in said
        ]


@pytest.fixture
def says(tiny_tokenizer: Any) -> Callable[..., ScriptedGenerator]:
    """``says("1", "2")``: a generator of these completions."""
    return lambda *texts: ScriptedGenerator(tiny_tokenizer, texts)
