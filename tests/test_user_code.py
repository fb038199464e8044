"""The user's own objects by name."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from mrlm.user_code import is_reference, load_object


def _file(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_name_in_a_file_is_loaded_once_and_can_be_pickled(tmp_path: Path) -> None:
    file = _file(tmp_path, "own_one.py", "import own_beside\nX = []\ndef f():\n    return 3\n")
    _file(tmp_path, "own_beside.py", "")
    function = load_object(f"{file}:f")
    assert function() == 3
    assert pickle.loads(pickle.dumps(function)) is function
    assert load_object(f"{file}:X") is load_object(f"{file}:X")


def test_a_name_in_a_module_is_loaded() -> None:
    assert load_object("mrlm.tasks.math:TASK").name == "math"


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("nothing", ValueError, "FILE.py:NAME"),
        ("no_such_package.at_all:X", ValueError, "no module"),
        ("mrlm.no_such_module:X", ValueError, "no module"),
        ("no_such_file.py:X", FileNotFoundError, "no file"),
        ("mrlm.user_code:other", ValueError, "load_object"),
    ],
)
def test_what_cannot_be_named_says_why(reference: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        load_object(reference)


def test_a_file_that_breaks_says_what_it_said_and_is_not_kept(tmp_path: Path) -> None:
    file = _file(tmp_path, "own_broken.py", "import module_that_is_missing\n")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="module_that_is_missing"):
            load_object(f"{file}:f")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("def f(:\n", 1, "SyntaxError: invalid syntax"),
        ("import json\n\nx = json.loads('{')\n", 3, "JSONDecodeError: Expecting"),
        ("def g():\n    return lost\n\ng()\n", 2, "NameError: name 'lost' is not defined"),
    ],
)
def test_a_file_that_is_wrong_says_where(text: str, line: int, said: str, tmp_path: Path) -> None:
    file = _file(tmp_path, "own_wrong.py", text)
    with pytest.raises(ValueError, match=f"own_wrong.py cannot be .* line {line}: {said}"):
        load_object(f"{file}:f")


def test_a_reference_has_a_colon() -> None:
    assert is_reference("a.py:TASK")
    assert not is_reference("math")
