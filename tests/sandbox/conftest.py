"""One sandbox for the tests that do not need their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mrlm.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as shared:
        yield shared


@pytest.fixture(scope="session")
def quick_sandbox() -> Iterator[Sandbox]:
    """For candidates that hang on purpose."""
    with Sandbox(workers=2, time_limit=1.0, memory_mb=192) as shared:
        yield shared


@pytest.fixture(scope="session")
def patient_sandbox() -> Iterator[Sandbox]:
    """For candidates that fill their memory; on a busy machine that may take long."""
    with Sandbox(workers=1, time_limit=60.0, memory_mb=192) as shared:
        yield shared
