"""Public names: sorted, complete, importable."""

from __future__ import annotations

import pytest

import mrlm


def test_all_is_sorted_and_listed_in_dir() -> None:
    assert list(mrlm.__all__) == sorted(set(mrlm.__all__))
    assert set(mrlm.__all__) <= set(dir(mrlm))


@pytest.mark.parametrize("name", mrlm.__all__)
def test_name_is_importable(name: str) -> None:
    assert getattr(mrlm, name) is not None


def test_unknown_name_raises() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mrlm.no_such_name
