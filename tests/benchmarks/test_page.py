"""The table of docs/benchmarks.md is the code's."""

from __future__ import annotations

import pages

from mrlm.benchmarks import BENCHMARKS


def test_the_table_of_benchmarks_is_the_code_s() -> None:
    rows = pages.table(
        "benchmarks.md", "name", "rows", "prompt", "answer", "room, tokens", "source"
    )
    assert list(rows) == [name for name in BENCHMARKS if not name.startswith("bfcl_")]
    for name, (*_, room, source) in rows.items():
        assert int(room.replace(",", "")) == BENCHMARKS[name].max_new_tokens
        assert all(hub.repo_id in source for hub in BENCHMARKS[name].hub)
