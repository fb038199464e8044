"""How varied generated rows are: texts, words and repeated prompts. ``make bench-variety``.

Texts are prompts with numbers and names masked, where a name is any word that is written with a
capital inside a sentence somewhere in the rows (so days and towns are masked, too). Half of the
rows come from the number of texts in the column "half".
Rows a second are counted in processor time, which other work on the machine hardly changes.

    python tests/bench/variety.py --tasks math tools --size 10000

With ``--reasoning_gym``, and that package installed, its gsm_symbolic and our math take turns, and
the rates of each round stand beside each other.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from mrlm.tasks.code.problems import generate_rows as code_rows
from mrlm.tasks.debate.dataset import generate_rows as debate_rows
from mrlm.tasks.math.problems import generate_rows as math_rows
from mrlm.tasks.tools.scenarios import generate_rows as tools_rows

GENERATORS = {"math": math_rows, "tools": tools_rows, "code": code_rows, "debate": debate_rows}
_NUMBER = re.compile(r"\d+(?:[.,/:]\d+)*")
_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
_INSIDE = re.compile(r"(?<=[a-z,\d] )[A-Z][a-z]+")


@dataclass(frozen=True)
class Variety:
    """What a list of texts holds; all are counts."""

    rows: int
    texts: int  # with numbers and names masked
    half: int  # of these texts, the most frequent, are half of the rows
    words: int  # different ones, names left out
    repeated: int  # rows whose text came before, nothing masked


def variety(texts: Sequence[str]) -> Variety:
    """Count the different texts and words."""
    names = {name for text in texts for name in _INSIDE.findall(text)}
    words: set[str] = set()
    masked: Counter[str] = Counter()
    for text in texts:
        found = _WORD.findall(text)
        words.update(word.lower() for word in found if word not in names)
        plain = _WORD.sub(lambda match: "N" if match[0] in names else match[0], text)
        masked[_NUMBER.sub("0", plain)] += 1
    shares = accumulate(count for _, count in masked.most_common())
    half = next((i + 1 for i, share in enumerate(shares) if 2 * share >= len(texts)), 0)
    return Variety(len(texts), len(masked), half, len(words), len(texts) - len(set(texts)))


def prompts(task: str, size: int, seed: int, split: str) -> list[str]:
    """The user's texts of generated rows."""
    rows = GENERATORS[task](size, seed, split)
    return ["\n".join(message["content"] for message in row["prompt"]) for row in rows]


def side_by_side(size: int, rounds: int = 6) -> None:
    """Rates of reasoning-gym's gsm_symbolic and of our math rows, in turns."""
    from reasoning_gym import create_dataset

    theirs = create_dataset("gsm_symbolic", size=rounds * size, seed=1)
    prompts("math", 500, 0, "train")  # reads the texts
    print("| round | gsm_symbolic, rows a second | math, rows a second | ratio |")
    print("|---|---|---|---|")
    for number in range(rounds):
        start = time.process_time()
        for index in range(number * size, (number + 1) * size):
            theirs[index]
        between = time.process_time()
        for _ in math_rows(size, number, "train"):
            pass
        end = time.process_time()
        rates = size / (between - start), size / (end - between)
        print(f"| {number} | {rates[0]:,.0f} | {rates[1]:,.0f} | {rates[1] / rates[0]:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", nargs="+", choices=sorted(GENERATORS), default=["math", "tools"])
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reasoning_gym", action="store_true")
    arguments = parser.parse_args()
    if arguments.reasoning_gym:
        side_by_side(arguments.size)
        return
    print("| task | split | rows | texts | half | words | repeated | rows a second |")
    print("|---|---|---|---|---|---|---|---|")
    for task in arguments.tasks:
        prompts(task, 500, arguments.seed, "train")  # reads the texts, builds the search index
        for split in ("train", "test"):
            start = time.process_time()
            texts = prompts(task, arguments.size, arguments.seed, split)
            rate = len(texts) / (time.process_time() - start)
            found = variety(texts)
            print(
                f"| {task} | {split} | {found.rows:,} | {found.texts:,} | {found.half:,} "
                f"| {found.words:,} | {found.repeated / found.rows:.2%} | {rate:,.0f} |"
            )


if __name__ == "__main__":
    main()
