"""A tiny model for the code of the pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def tiny_folder(tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path) -> str:
    tiny_llama(max_position_embeddings=1024).save_pretrained(tmp_path / "tiny")
    tiny_tokenizer.save_pretrained(tmp_path / "tiny")
    return str(tmp_path / "tiny")
