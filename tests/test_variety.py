"""Generated rows are varied: the figures of ``make bench-variety`` and their floors."""

from __future__ import annotations

import pytest
from bench.variety import Variety, prompts, variety


def test_masks_numbers_and_names() -> None:
    texts = ["Ada has 3 red hats.", "Bo has 12.5 red hats.", "It is Bo or Ada.", "It is Bo or Ada."]
    words = {"has", "red", "hats", "it", "is", "or"}
    assert variety(["Now Ada goes. See, Bo too.", *texts]) == Variety(
        rows=5, texts=3, half=2, words=len(words | {"now", "goes", "see", "too"}), repeated=1
    )


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize(("task", "num_words"), [("math", 1_200), ("tools", 800)])
def test_ten_thousand_rows_are_varied(task: str, num_words: int, split: str) -> None:
    found = variety(prompts(task, 10_000, 5, split))
    assert found.texts >= 6_000 and found.half >= 1_500, found
    assert found.words >= num_words, found
    assert found.repeated < 100, found


@pytest.mark.slow
def test_prompts_of_a_hundred_thousand_math_rows_hardly_repeat() -> None:
    for split in ("train", "test"):
        assert variety(prompts("math", 100_000, 5, split)).repeated < 1_000
