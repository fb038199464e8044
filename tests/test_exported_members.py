"""Public names: sorted, complete, importable."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mrlm

PAGE = Path(mrlm.__file__).parent.parent / "docs" / "public_api.md"


def test_all_is_sorted_and_listed_in_dir() -> None:
    assert list(mrlm.__all__) == sorted(set(mrlm.__all__))
    assert {*mrlm.__all__, "__version__"} <= set(dir(mrlm))


@pytest.mark.parametrize("name", mrlm.__all__)
def test_name_is_importable(name: str) -> None:
    assert getattr(mrlm, name).__name__ == name if name != "TASKS" else mrlm.TASKS


def test_the_page_of_public_names_has_all_of_them() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page.partition("| names | for |")[2].partition("\n\n")[0]
    first_column = re.findall(r"^\|([^|]*)", table, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(first_column))) == mrlm.__all__


def test_unknown_name_raises() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mrlm.no_such_name


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, mrlm; assert not {'torch', 'transformers', 'datasets'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
