"""One sandbox for the tests that do not need their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrlm.sandbox import Sandbox

# The attacks and the naive runner are modules beside the tests.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as shared:
        yield shared


@pytest.fixture(scope="session")
def quick_sandbox() -> Iterator[Sandbox]:
    """For candidates that hang on purpose, or fill their memory, which takes its time."""
    with Sandbox(workers=2, time_limit=1.0, memory_mb=192) as shared:
        yield shared
