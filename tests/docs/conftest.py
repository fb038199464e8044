"""A tiny model for the commands and the code of the pages."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def tiny(tiny_llama: Any, bpe_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its context holds a prompt with tools, almost byte by byte."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = bpe_tokenizer()
    tiny_llama(vocab_size=len(tokenizer), max_position_embeddings=4096).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
