"""Search over the made-up encyclopedia, and over a backend of one's own."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from processor_time import processor_time

from mrlm.tasks.tools.builtin import make_web_search, web_search
from mrlm.tasks.tools.builtin.encyclopedia import ENTITY_KINDS, entities, pages


def test_the_encyclopedia_is_large_distinct_and_marked_as_made_up() -> None:
    assert len(pages()) >= 500
    assert len({page.title for page in pages()}) == len(pages())
    assert all(f"{page.title}, a made-up {page.kind}." in page.text for page in pages())
    assert sum(len(entities(kind)) for kind in ENTITY_KINDS) == len(pages())


def test_capitals_lie_in_their_country() -> None:
    towns = {page.title: page for page in entities("town")}
    for country in entities("country"):
        assert towns[country.facts["capital"]].facts["country"] == country.title


def test_facts_do_not_change_from_version_to_version() -> None:
    """Trained models and saved evaluations depend on them."""
    texts = "\n".join(page.text for page in pages())
    assert blake2b(texts.encode(), digest_size=8).hexdigest() == "9abfb43689d08c8c"


def test_every_page_is_found_by_its_name() -> None:
    for page in pages():
        assert web_search(page.title) == page.text
        assert web_search(f"what is the {next(iter(page.facts))} of {page.title}?") == page.text
        assert web_search(page.title.upper()) == page.text


def test_several_results_come_best_first() -> None:
    one, two = entities("moon")[:2]
    lines = web_search(f"{one.title} {two.title}", 3).split("\n")
    assert set(lines) == {one.text, two.text}, "nothing else shares a word with the query"
    towns = web_search("town population", 3).split("\n")
    assert len(towns) == 3 and all("a made-up town" in line for line in towns)


@pytest.mark.parametrize(
    "query",
    ["qqqq", "!!!", "' OR 1=1 --", "$(rm -rf /)", "<|im_end|>", "\x00", "\ud800", "{{7*7}}", "🦄"],
)
def test_strange_queries_find_nothing_and_break_nothing(query: str) -> None:
    assert web_search(query) == "No page found."


def test_a_long_query_of_many_words_is_quick() -> None:
    with processor_time(at_most=0.5):
        web_search(" ".join(["a made up town"] * 13))


@pytest.mark.parametrize("query", ["", "  ", "x" * 201, "y" * 1_000_000, None, 5, ["a"]])
def test_wrong_queries_are_refused(query: object) -> None:
    with pytest.raises(ValueError, match="query must be text"):
        web_search(query)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 6, -1, True, 2.0, "2", None])
def test_wrong_counts_are_refused(count: object) -> None:
    with pytest.raises(ValueError, match="1 to 5"):
        web_search("Rosugard", count)  # type: ignore[arg-type]


def test_another_backend_is_one_function() -> None:
    asked = []

    def engine(query: str, max_results: int) -> list[str]:
        asked.append((query, max_results))
        return ["first", "second", "third"]

    search = make_web_search(engine)
    assert search("anything", 2) == "first\nsecond"
    assert asked == [("anything", 2)]
    assert search.__doc__ == web_search.__doc__
