"""Search: offline over the made-up encyclopedia by default, or any backend that is one function.

Ranking is BM25 (bm25s), built once per process. A backend is ``(query, max_results) -> texts``;
``make_web_search`` turns it into the tool. What a backend returns is bounded by the environment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from mrlm.tasks.tools.builtin.encyclopedia import pages

__all__ = [
    "MAX_QUERY_LENGTH",
    "MAX_RESULTS",
    "SearchBackend",
    "make_web_search",
    "search_pages",
    "web_search",
]

SearchBackend = Callable[[str, int], Sequence[str]]

MAX_QUERY_LENGTH = 200
MAX_RESULTS = 5
_WORD = re.compile(r"\w+")


def search_pages(query: str, max_results: int) -> list[str]:
    """The pages of the made-up encyclopedia that fit a query, best first.

    Only pages that share a word with the query; ties are broken by the pages' order.
    """
    retriever, vocabulary = _index()
    words = [word for word in _words(query) if word in vocabulary]
    if not words:
        return []
    scores = retriever.get_scores(words)
    found = [(-score, i) for i, score in enumerate(scores.tolist()) if score > 0]
    return [pages()[i].text for _, i in sorted(found)[:max_results]]


def make_web_search(backend: SearchBackend = search_pages) -> Callable[..., str]:
    """The search tool over a backend.

    Args:
        backend: ``(query, max_results) -> texts``; for a real search engine, a function of yours.
    """

    def web_search(query: str, max_results: int = 1) -> str:
        """Search an encyclopedia.

        Args:
            query: A few words.
            max_results: Number of pages, 1 to 5.

        Returns:
            The pages found, one per line.
        """
        if not isinstance(query, str) or not 0 < len(query.strip()) <= MAX_QUERY_LENGTH:
            raise ValueError(f"query must be text of 1 to {MAX_QUERY_LENGTH} characters")
        if type(max_results) is not int or not 1 <= max_results <= MAX_RESULTS:
            raise ValueError(f"max_results must be an integer from 1 to {MAX_RESULTS}")
        found = [str(text) for text in backend(query, max_results)][:max_results]
        return "\n".join(found) or "No page found."

    return web_search


web_search = make_web_search()


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


@cache
def _index() -> tuple[Any, frozenset[str]]:
    import bm25s  # imports scipy's and numpy's parts, which rewards alone do not need

    # The title counts threefold: who asks for a country wants its page before those of its towns.
    words = [_words(f"{page.title} {page.title} {page.text}") for page in pages()]
    retriever = bm25s.BM25()
    retriever.index(words, show_progress=False)
    return retriever, frozenset(word for page in words for word in page)
