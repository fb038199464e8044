"""Files are whole or absent, strict JSON, and give back what was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrlm import files

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(values=st.lists(json_values.filter(lambda value: value is not None), max_size=5))
def test_lines_round_trip(values: list[object], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("lines") / "values.jsonl"

    files.write_json_lines(path, values)

    assert files.read_json_lines(path) == values


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    values = [{"text": "a\u2028b\x85c\r\nd"}, {"text": "e"}]

    files.write_json_lines(tmp_path / "x.jsonl", values)

    assert files.read_json_lines(tmp_path / "x.jsonl") == values


def test_what_json_cannot_say_becomes_null(tmp_path: Path) -> None:
    files.write_json(
        tmp_path / "x.json", {"a": float("nan"), "b": [float("inf"), 1.5], 3: Path("p")}
    )

    written = json.loads(
        (tmp_path / "x.json").read_text(),
        parse_constant=lambda word: pytest.fail(f"{word} is not strict JSON"),
    )
    assert written == {"a": None, "b": [None, 1.5], "3": "p"}


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.json"
    files.write_json(path, {"run": 1})

    def full(source: object, target: object) -> None:
        raise OSError("disk is full")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="disk is full"):
        files.write_json(path, {"run": 2})

    assert files.read_json(path) == {"run": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.json"]


def test_records_that_break_half_way_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    files.write_json_lines(path, [{"row": 1}])

    def rows() -> object:
        yield {"row": 2}
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        files.write_json_lines(path, rows())  # type: ignore[arg-type]

    assert files.read_json_lines(path) == [{"row": 1}]


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"row": 1}\n{"row": \n')

    with pytest.raises(ValueError, match=r"records\.jsonl:2 is not JSON"):
        files.read_json_lines(path)


def test_lines_are_added_and_a_last_one_without_its_end_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.jsonl"
    files.append_json_lines(path, [{"a": 1}, {"a": float("nan")}])
    files.append_json_lines(path, [{"a": "\ud83d"}])  # half a character is text, too
    with path.open("a") as file:
        file.write('{"a": ')
    assert files.read_json_lines(path, is_growing=True)[:2] == [{"a": 1}, {"a": None}]
    assert len(files.read_json_lines(path, is_growing=True)) == 3
    with pytest.raises(ValueError, match=r"x\.jsonl:4 is not JSON"):
        files.read_json_lines(path)


def test_a_place_that_cannot_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for place, is_file in (("folder", False), ("new/er", False), ("file", True), ("new/x", True)):
        files.check_output(tmp_path / place, "--out", is_file=is_file)
    assert not (tmp_path / "new").exists()
    for place, is_file, error, said in (
        ("file", False, FileExistsError, "there is a file of this name; name a folder"),
        ("folder", True, FileExistsError, "there is a folder of this name; name a file"),
        ("file/x", False, NotADirectoryError, "file is a file"),
        ("file/x/y", True, NotADirectoryError, "file is a file"),
    ):
        with pytest.raises(error, match=said):
            files.check_output(tmp_path / place, "--out", is_file=is_file)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(PermissionError, match=r"--out .*new: writing into .* is not allowed"):
        files.check_output(tmp_path / "new", "--out")
