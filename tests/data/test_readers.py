"""Files as people have them: compressed, wrapped, with other delimiters, broken in one place."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from datasets import Dataset

from mrlm.data import load_user_dataset, readers
from mrlm.data.readers import BrokenRow, read_file
from mrlm.errors import DatasetError
from mrlm.tasks import TASKS

MATH = TASKS["math"]
ROWS = [{"question": f"How many, then, is {i} + 1?", "answer": str(i + 1)} for i in range(5)]
JSON_LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def _csv(delimiter: str, rows: list[dict[str, str]] = ROWS) -> str:
    lines = [delimiter.join(rows[0])]
    for row in rows:
        cells = (f'"{cell}"' if delimiter in cell else cell for cell in row.values())
        lines.append(delimiter.join(cells))
    return "\n".join(lines) + "\n"


def _read(path: Path, content: str | bytes, split: str = "train") -> list[Any]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_file(path, split))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.jsonl", JSON_LINES),
        ("d.jsonl", "\ufeff" + JSON_LINES),
        ("d.jsonl", JSON_LINES.replace("\n", "\r\n\r\n").rstrip()),
        ("d.jsonl", json.dumps(ROWS)),
        ("d.ndjson", JSON_LINES),
        ("d.json", JSON_LINES),
        ("d.json", json.dumps(ROWS)),
        ("d.json", "\n" + json.dumps(ROWS, indent=2)),
        ("d.json", json.dumps({"version": "1", "data": ROWS})),
        ("d.json", json.dumps({"examples": ROWS, "tags": ["a"]}, indent=2)),
        ("d.json", json.dumps({"test": ROWS[:1], "train": ROWS})),
        *(("d.csv", _csv(delimiter)) for delimiter in ",;\t|"),
        ("d.csv", "\ufeff" + _csv(";")),
        ("d.CSV", _csv(",").replace("\n", "\r\n")),
        ("d.csv", _csv(",").replace("question,", " question , ", 1)),
        ("d.tsv", _csv("\t")),
        ("d.tsv", _csv(",")),
    ],
)
def test_every_form_gives_the_same_rows(name: str, content: str, tmp_path: Path) -> None:
    assert _read(tmp_path / name, content) == ROWS


@pytest.mark.parametrize("kind", [".jsonl", ".json", ".csv", ".tsv", ".parquet", ".arrow"])
@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_any_kind_may_be_compressed(kind: str, suffix: str, pack: Any, tmp_path: Path) -> None:
    plain = tmp_path / f"d{kind}"
    if kind == ".parquet":
        Dataset.from_list(ROWS).to_parquet(plain)
    elif kind == ".arrow":
        Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
        (tmp_path / "saved" / "data-00000-of-00001.arrow").rename(plain)
    else:
        plain.write_text(_csv("\t" if kind == ".tsv" else ",") if kind[-2] == "s" else JSON_LINES)
    packed = tmp_path / f"d{kind}{suffix}"
    packed.write_bytes(pack(plain.read_bytes()))
    assert list(read_file(plain)) == list(read_file(packed)) == ROWS
    packed.write_bytes(pack(plain.read_bytes())[:60])
    with pytest.raises(DatasetError, match=rf"d{kind}{suffix} "):
        list(read_file(packed))


def test_both_of_arrow_s_formats(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_file(tmp_path / "d.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=2)
    assert list(read_file(tmp_path / "d.arrow")) == ROWS
    with pytest.raises(DatasetError, match=r"no arrow file"):
        _read(tmp_path / "e.arrow", b"no arrow at all")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", b"", "is empty: it has 0 bytes"),
        ("d.json", b"", "is empty: it has 0 bytes"),
        ("d.csv.gz", gzip.compress(b"", mtime=0), "is empty: it has 0 bytes"),
        ("d.csv", b"question,answer\n", r"header only \(question, answer\)"),
        ("d.csv", b"question;answer\n\n\n", r"header only \(question, answer\)"),
        ("d.csv", b"question,answer,answer\n1,2,3\n", "names the column 'answer' 2 times"),
        ("d.csv", JSON_LINES.encode("utf-16"), "looks like UTF-16"),
        ("d.csv", JSON_LINES.encode("utf-16-le"), "looks like UTF-16"),
        ("d.jsonl", JSON_LINES.encode("utf-16"), "looks like UTF-16"),
        ("d.csv", _csv(",").encode() + b"\xe9,1\n", "not UTF-8 text"),
        ("d.json", b"[1,\n2,\n", "line 3: not JSON"),
        ("d.json", b'[{"a": 1},\n{"a": 1}\n{"a": 2}]', "line 3: not JSON"),
        ("d.json", b'[{"a": 1},\n{"a": tru},\n {"a": 2}]', "line 2: not JSON"),
        ("d.json", b"[1] [2]", "more after the end"),
        ("d.json", b"hello", "not JSON"),
        ("d.json", b'"hello"', "got str"),
        ("d.json", b'{"a": [1, 2], "b": [3, 4]}', "got an object with a, b"),
        (
            "d.json",
            b'{"dev": [{"a": 1}], "eval": [{"a": 2}]}',
            r"several lists of rows \(dev, eval",
        ),
        ("d.json", b'{"a": 1\n', "not JSON"),
        ("d.csv.gz", b"no gzip", r"no .gz file"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        _read(tmp_path / name, content)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("content", ["[]", '{"data": []}', "\n \n"])
def test_no_rows_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(content)
    with pytest.raises(DatasetError, match="is empty: it holds no rows"):
        load_user_dataset(str(tmp_path / "d.json"), MATH)


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "Hi"}], "source": "me"},
        {"id": "x", "question": [[{"role": "user"}]], "function": [{"name": "f"}]},
        {"id": "x", "function": [{"name": "f"}], "ground_truth": [{"f": {}}]},
        {"id": "x", "ground_truth": [{"f": {"a": [1]}}]},
        {"description": "Add.", "tests": [{"input": "1", "output": "2"}]},
        {"a": 1},
    ],
)
def test_a_lone_object_with_columns_of_a_row_is_a_row(row: dict[str, Any], tmp_path: Path) -> None:
    for indent in (None, 2):
        assert _read(tmp_path / "d.json", json.dumps(row, indent=indent)) == [row]


@pytest.mark.parametrize(
    ("name", "lines", "place"),
    [
        ("d.jsonl", [*JSON_LINES.splitlines()[:2], '{"question": "a', JSON_LINES], "line 3"),
        ("d.jsonl", [*JSON_LINES.splitlines()[:2], "", "nonsense", JSON_LINES], "line 4"),
        ("d.csv", [*_csv(",").splitlines()[:3], "a,b,c", *_csv(",").splitlines()[3:]], "line 4"),
        (
            "d.csv",
            [*_csv(",").splitlines()[:3], "question,answer", *_csv(",").splitlines()[3:]],
            "line 4",
        ),
    ],
)
def test_a_broken_line_has_its_number_and_can_be_dropped(
    name: str, lines: list[str], place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = _read(tmp_path / name, "\n".join(lines))
    (broken,) = (row for row in rows if isinstance(row, BrokenRow))
    assert place in broken.message and str(tmp_path / name) in broken.message
    with pytest.raises(DatasetError, match=place):
        load_user_dataset(str(tmp_path / name), MATH)
    kept = load_user_dataset(str(tmp_path / name), MATH, drop_invalid=True)
    assert len(kept) == len(rows) - 1 and "dropped 1 rows" in caplog.text


def test_a_line_that_is_no_utf8_is_broken_and_the_next_is_not(tmp_path: Path) -> None:
    lines = [JSON_LINES.splitlines()[0].encode(), b'{"question": "\xff"}', b'{"a": 1}']
    rows = _read(tmp_path / "d.jsonl", b"\n".join(lines))
    assert rows[0] == ROWS[0] and rows[2] == {"a": 1} and "line 2" in rows[1].message


def test_cells_may_hold_lines_and_other_delimiters(tmp_path: Path) -> None:
    rows = [{"question": 'One;\n"two", or\tthree?', "answer": "4"}] * 60
    with (tmp_path / "d.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    assert list(read_file(tmp_path / "d.csv")) == rows


def test_a_json_list_is_read_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the pieces' size, the values are the same, and no more is read than asked for."""
    rows = [{"text": 'é\\"\n' * i, "numbers": [1.5e3, -2, True, None]} for i in range(40)] + [12345]
    path = tmp_path / "d.json"
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    for size in (1, 7, 64, 1 << 16):
        monkeypatch.setattr(readers, "_CHUNK", size)
        assert list(read_file(path)) == rows
    path.write_text(json.dumps(rows[:20])[:-1] + ", nonsense", encoding="utf-8")
    monkeypatch.setattr(readers, "_CHUNK", 64)
    opened = read_file(path)
    assert [next(opened) for _ in range(10)] == rows[:10]
