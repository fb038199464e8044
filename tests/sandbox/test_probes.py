"""Nothing outside can be read or harmed, and outside the sandbox every probe works."""

from __future__ import annotations

import importlib.util
import os
import platform
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from probes import DAMAGE, LEAKS
from processes import until
from victim import Victim

from mrlm.sandbox import Sandbox

pytestmark = [
    pytest.mark.skipif(
        platform.machine() != "x86_64", reason="the probes name x86_64's system calls"
    ),
    pytest.mark.xdist_group("sandbox"),
]


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    with Victim(tmp_path_factory.mktemp("victim"), secrets.token_hex(12)) as victim:
        yield victim


OPEN = [(), ("numpy",)] if importlib.util.find_spec("numpy") else [()]


@pytest.fixture(scope="module", params=OPEN, ids=lambda names: "+".join(names) or "bare")
def exposed_sandbox(victim: Victim, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Its trainer has the secret in its environment and in an inheritable descriptor."""
    descriptor = os.open(victim.file, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    os.environ["SECRET_OF_THE_TRAINER"] = victim.secret
    with Sandbox(workers=1, time_limit=1.0, packages=request.param) as sandbox:
        yield sandbox
    del os.environ["SECRET_OF_THE_TRAINER"]
    os.close(descriptor)


def run_unconfined(code: str, victim: Victim, folder: Path) -> str:
    """What a plain subprocess prints that has what the trainer above has."""
    try:
        with open(victim.file) as file:
            os.set_inheritable(file.fileno(), True)
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", code],
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "SECRET_OF_THE_TRAINER": victim.secret},
                close_fds=False,
                capture_output=True,
                timeout=3,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode("latin1")


@pytest.mark.parametrize("name", LEAKS)
def test_no_secret_is_read(name: str, victim: Victim, exposed_sandbox: Sandbox) -> None:
    case = {"input": "", "output": victim.secret}
    verdict = exposed_sandbox.check_program(victim.target(LEAKS[name]), [case])
    assert victim.secret not in verdict.output
    assert not verdict.passed
    assert verdict.status in ("failed", "error", "blocked", "crash", "timeout")


@pytest.mark.parametrize("name", DAMAGE)
def test_no_harm_is_done(name: str, victim: Victim, exposed_sandbox: Sandbox) -> None:
    before = victim.condition()
    exposed_sandbox.check_program(victim.target(DAMAGE[name]), [{"input": "", "output": "x"}])
    assert victim.condition() == before


@pytest.mark.integration
def test_the_leaks_are_real(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with Victim(tmp_path, secrets.token_hex(12)) as victim:
        read = {
            name
            for name, code in LEAKS.items()
            if victim.secret in run_unconfined(victim.target(code), victim, tmp_path / "work")
        }
    print(f"\nread by a plain subprocess: {len(read)} of {len(LEAKS)}")
    assert len(LEAKS) >= 20
    # A kernel may forbid tracing or shared memory to everyone.
    assert len(read) >= 0.8 * len(LEAKS), sorted(set(LEAKS) - read)


def is_harmed(victim: Victim, code: str, folder: Path) -> bool:
    """By a plain subprocess, until it ends or for five seconds."""
    before = victim.condition()
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", code], cwd=folder)
    until(lambda: process.poll() is not None or victim.condition() != before, 5)
    harmed = victim.condition() != before
    process.kill()
    process.wait()
    return harmed


@pytest.mark.integration
def test_the_damage_is_real(tmp_path: Path) -> None:
    done = set()
    for number, (name, code) in enumerate(DAMAGE.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Victim(folder, "secret") as victim:
            (folder / "work").mkdir()
            if is_harmed(victim, victim.target(code), folder / "work"):
                done.add(name)
    print(f"\ndone by a plain subprocess: {len(done)} of {len(DAMAGE)}")
    assert len(done) >= 0.8 * len(DAMAGE), sorted(set(DAMAGE) - done)
