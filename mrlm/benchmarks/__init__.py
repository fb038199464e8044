"""Public benchmarks, asked and scored so that figures compare with published ones.

    loaded = load_benchmark("gsm8k", "gsm8k/test.jsonl")
    evaluate(model, tokenizer, loaded.task, params, rows=loaded.rows, protocol=loaded.protocol)

A benchmark is an entry in ``BENCHMARKS``: where its rows come from, how a row is asked, which task
scores it. The protocol (prompt, shots, what counts as the answer) goes into every result.

Not covered: prompts of base models, few-shot examples, answers that a judge has to read.
"""

from __future__ import annotations

from mrlm.benchmarks.benchmark import Benchmark, LoadedBenchmark, load, split_name
from mrlm.benchmarks.function_calls import BFCL
from mrlm.benchmarks.mathematics import AIME, GSM8K, MATH500
from mrlm.benchmarks.programs import HUMANEVAL, HUMANEVAL_PLUS, MBPP, MBPP_PLUS

__all__ = ["BENCHMARKS", "Benchmark", "LoadedBenchmark", "load_benchmark", "parse_benchmark"]

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        *(GSM8K, MATH500, AIME),
        *(HUMANEVAL, HUMANEVAL_PLUS, MBPP, MBPP_PLUS),
        *BFCL,
    )
}


def parse_benchmark(text: str) -> tuple[str, str | None]:
    """``"gsm8k"`` or ``"gsm8k=PATH"`` as a name and a file or folder.

    Raises:
        ValueError: There is no such benchmark; the message lists those that there are.
    """
    name, path = split_name(text)
    if name not in BENCHMARKS:
        raise ValueError(
            f"There is no benchmark {name!r}; choose one of {', '.join(BENCHMARKS)}. Rows of your "
            "own are evaluated with --task and a dataset."
        )
    return name, path


def load_benchmark(
    name: str,
    path: str | None = None,
    *,
    num_rows: int | None = None,
    config: str | None = None,
    split: str | None = None,
) -> LoadedBenchmark:
    """Read a benchmark: from a file or folder, its package, or the Hub.

    Args:
        name: Key in ``BENCHMARKS``.
        path: A file or folder in the benchmark's form. Without it the package that brings the
            rows, where there is one and it is installed, else the Hub.
        num_rows: At most so many rows, evenly spaced, so that every category is among them.
        config: Of a folder with several configurations, or in place of the Hub's usual one.
        split: Of a folder, or in place of the Hub's usual one.

    Raises:
        ValueError: There is no such benchmark, or ``num_rows`` is not positive.
        FileNotFoundError: ``path`` does not exist.
        DatasetError: The Hub cannot be reached, the rows are not the benchmark's, or there are
            none.
    """
    parse_benchmark(name)
    return load(BENCHMARKS[name], path, num_rows=num_rows, config=config, split=split)
