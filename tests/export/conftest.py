"""Text that splits differ on."""

from __future__ import annotations

import pytest


@pytest.fixture
def texts() -> tuple[str, ...]:
    """Digits, spaces, contractions, other scripts, special tokens."""
    return (
        "What is 3 + 4?\n\nIt's  12 and\t345, I'LL say.\n    1",
        "naïve façade — 東京 🙂 <|im_start|>user\n2 + 3<|im_end|>",
        "x =  10\n\n\n  return  x's",
    )
