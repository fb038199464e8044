"""Reading a file that grows: each line once, none by halves, and a new file from its begin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mrlm.report import tail
from mrlm.report.tail import read_all, read_piece


def line(number: int, **more: Any) -> str:
    return json.dumps({"i": number, **more}) + "\n"


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    return [row["i"] for row in rows]


def test_each_read_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert read_piece(path).rows == []
    path.write_text(line(0) + line(1))
    first = read_piece(path)
    assert numbers(first.rows) == [0, 1] and first.restart and not first.more
    assert read_piece(path, first.cursor).rows == []
    with path.open("a") as file:
        file.write(line(2) + '{"i": 3')  # its end is not written yet
    second = read_piece(path, first.cursor)
    assert numbers(second.rows) == [2] and not second.restart and not second.more
    with path.open("a") as file:
        file.write("}\n")
    assert numbers(read_piece(path, second.cursor).rows) == [3]


def test_another_file_in_its_place_is_read_from_its_begin(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(map(line, range(10))))
    cursor = read_piece(path).cursor
    for text in (line(7), "".join(line(i) for i in range(20, 40)), ""):
        path.write_text(text)
        again = read_piece(path, cursor)
        assert again.restart and len(again.rows) == text.count("\n")
    path.unlink()
    assert read_piece(path, cursor).restart


def test_the_same_file_written_anew_goes_on(tmp_path: Path) -> None:
    """At its end a run writes its log once more, as a whole."""
    path = tmp_path / "log.jsonl"
    path.write_text(line(0) + line(1))
    cursor = read_piece(path).cursor
    path.unlink()
    path.write_text(line(0) + line(1) + line(2))
    piece = read_piece(path, cursor)
    assert numbers(piece.rows) == [2] and not piece.restart


def test_a_large_file_comes_in_pieces_and_only_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(line(i, text="x" * 80) for i in range(100)))
    monkeypatch.setattr(tail, "_PIECE", 300)
    piece = read_piece(path)
    assert len(piece.rows) == 2 and piece.more
    assert numbers(read_all(path)) == list(range(100))
    end = read_all(path, max_bytes=1000)
    assert 5 < len(end) < 11 and numbers(end) == list(range(100 - len(end), 100))
    assert read_piece(path, max_bytes=1000).skipped == path.stat().st_size - 1000
    monkeypatch.setattr(tail, "_PIECE", 10)  # less than a line
    assert numbers(read_all(path)) == list(range(100))


@pytest.mark.parametrize(
    "cursor", ["x", "1-2", "9-1-0", "0-5-0", "-1-2-3", f"0-{10**40}-0", "٣-1-2"]
)
def test_a_cursor_that_is_none_starts_anew(cursor: str, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(line(0) + line(1))
    piece = read_piece(path, cursor)
    assert piece.restart and numbers(piece.rows) == [0, 1]


def test_what_is_no_json_object_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"i": 0}\nnot json\n[1]\n\n\xff\xfe\n{"i": 1, "t": "\xe2\x80\xa8"}\n')
    assert numbers(read_piece(path).rows) == [0, 1]
