"""Commands go through the parser of the program that they name, and nothing is run.

``check(words)`` returns the flags that the program knows, or raises ``Wrong``. What other projects'
programs make of their arguments is left out.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import importlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from _pytest.config import get_config
from accelerate.commands.launch import launch_command_parser
from pages import ROOT, split_commands, write_files
from pytest import UsageError
from torch.distributed.run import get_args_parser
from transformers import HfArgumentParser

from mrlm import cli
from mrlm.benchmarks import parse_benchmark
from mrlm.cli.command import chosen_task
from mrlm.cli.train import _accelerate_config, find_recipe
from mrlm.data import job
from mrlm.data.job_parser import JobParser

# Other projects' programs, and the shell's own.
FOREIGN = ("cd", "curl", "export", "git", "hf", "llama-server", "mkdocs", "mypy", "ollama", "pip")
FOREIGN += ("rm", "ruff", "source", "trackio", "trl", "vllm")
PARSE = (
    (argparse.ArgumentParser, "parse_args"),
    (HfArgumentParser, "parse_args_into_dataclasses"),
    (JobParser, "parse_args_into_dataclasses"),
)
_PARSE_KNOWN = argparse.ArgumentParser.parse_known_args
_flags: set[str] = set()


class Wrong(Exception):
    """What is wrong with a command."""


class _Parsed(BaseException):
    """A program has read its arguments; nothing of ours catches it."""


def _stop(*arguments: Any, **options: Any) -> None:
    raise _Parsed


def _after(owner: type, parse: Any) -> Any:
    def read(parser: Any, *arguments: Any, **options: Any) -> Any:
        found = parse(parser, *arguments, **options)
        is_base = owner is HfArgumentParser and isinstance(parser, JobParser)
        return found if is_base else _stop()  # a job's parser goes on to refuse unknown flags

    return read


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="mrlm-reader-")
    atexit.register(folder.cleanup)
    write_files(Path(folder.name))
    return Path(folder.name)


@cache
def check(words: tuple[str, ...]) -> frozenset[str]:
    """Every flag of the parsers that read the command.

    Raises:
        Wrong: An unknown program or flag, a wrong choice, a file that does not exist.
    """
    _flags.clear()
    said = io.StringIO()
    python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # starts MCP servers
    remember = mock.patch.object(argparse.ArgumentParser, "parse_known_args", _remembering)
    with contextlib.chdir(_folder()), mock.patch.dict(os.environ, PATH=python), remember:
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                _check(list(words))
        except (SystemExit, ValueError, OSError, SyntaxError, UsageError) as error:
            if getattr(error, "code", 1):  # --help ends with 0
                raise Wrong(f"{said.getvalue()[-1500:]}{error!r}") from error
    return frozenset(_flags)


def _remembering(parser: argparse.ArgumentParser, *arguments: Any, **options: Any) -> Any:
    _flags.update(parser._option_string_actions)
    return _PARSE_KNOWN(parser, *arguments, **options)


def _check(words: list[str]) -> None:
    while re.match(r"[A-Z]\w*=", words[0]):  # a setting for this one command
        words = words[1:]
    name, *arguments = words
    name = name.removeprefix(".venv/bin/")
    if name in CHECKS:
        CHECKS[name](arguments)
    elif name not in FOREIGN:
        raise ValueError(f"{name!r} is no program that the pages may name")


def _must_exist(path: str) -> Path:
    if not (ROOT / path).exists():
        raise ValueError(f"there is no {path}")
    return ROOT / path


def _script(path: str, arguments: list[str]) -> None:
    """``main()`` of a recipe, data job or benchmark, up to where it has its arguments."""
    script = _must_exist(path)
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", [path, *arguments]))
        stack.enter_context(mock.patch.object(sys, "path", [str(script.parent), *sys.path]))
        for name in ("evalplus", "evalplus.eval"):  # installed by `make bench-sandbox` alone
            sys.modules[name] = mock.MagicMock()
            stack.callback(sys.modules.pop, name)
        # Packages are the reader's to install.
        stack.enter_context(mock.patch("mrlm.experiment.arguments.check_packages"))
        module: Any = importlib.import_module(script.stem)
        ends = [(module, name) for name in ("build_mixture", "start_run") if hasattr(module, name)]
        for owner, name in ends:
            stack.enter_context(mock.patch.object(owner, name, _stop))
        for owner, name in () if ends else PARSE:
            stack.enter_context(mock.patch.object(owner, name, _after(owner, getattr(owner, name))))
        with contextlib.suppress(_Parsed):
            module.main()
            raise ValueError(f"{path} did not take its arguments")


def _python(arguments: list[str]) -> None:
    if arguments[0] == "-c":
        compile(arguments[1], "-c", "exec")
    elif arguments[0] == "-m":
        _check(arguments[1:])
    elif arguments[0] == "data_gen/make_datasets.py":
        _mrlm(["data", *arguments[1:]])
    elif arguments[0].startswith(("recipes/", "data_gen/", "tests/bench/")):
        _script(arguments[0], arguments[1:])
    else:
        _must_exist(arguments[0])


def _launch(parser: argparse.ArgumentParser, arguments: list[str]) -> None:
    if not any(word.endswith(".py") for word in arguments):
        arguments = [*arguments, "recipes/ppo_math.py"]  # in a sentence, only its flags
    parsed = parser.parse_args(arguments)
    _must_exist(getattr(parsed, "config_file", None) or "recipes")
    _python([parsed.training_script, *parsed.training_script_args])


def _make(arguments: list[str]) -> None:
    """The Makefile's own recipe, with every command in it; what would install counts as done."""
    make = ["make", "-n", "-o", "install", "-o", ".venv/.installed", *arguments]
    told = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode:
        raise ValueError(told.stderr)
    for line in told.stdout.splitlines():
        if re.match(r"\S+ ", line) and not line.startswith("make"):
            for words in split_commands(line):
                _check(list(words))


def _pytest(arguments: list[str]) -> None:
    config = get_config()
    config.pluginmanager.load_setuptools_entrypoints("pytest11")  # xdist's options
    for path in config._parser.parse(arguments).file_or_dir:
        _must_exist(str(path).partition("::")[0])


def _mrlm(arguments: list[str]) -> None:
    if len(arguments) == 1 and arguments[0] not in ("board", "data", "doctor", "export", "tasks"):
        arguments = [*arguments, "--help"]  # in a sentence, only its name
    parsed, rest = cli._parser().parse_known_args(arguments)
    if rest and not parsed.takes_rest:
        parsed.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    parsed.rest = rest
    if parsed.command == "data":
        with contextlib.suppress(_Parsed), mock.patch.object(job, "run", _stop):
            raise ValueError(f"exit code {job.main(rest)}")
    elif parsed.command == "train":
        recipe = find_recipe(parsed.algorithm, parsed.task, parsed.recipes)
        _accelerate_config(parsed.accelerate_config or "cpu")
        own = ["--task", parsed.task] if parsed.task else []
        _script(f"recipes/{recipe.name}", [*own, *rest])
    elif getattr(parsed, "benchmark", None):
        parse_benchmark(parsed.benchmark)
    elif getattr(parsed, "task", None):
        chosen_task(parsed)


CHECKS: dict[str, Callable[[list[str]], Any]] = {
    "accelerate": lambda arguments: _launch(launch_command_parser(), arguments[1:]),
    "bash": lambda arguments: _must_exist(arguments[0]),
    "make": _make,
    "mrlm": _mrlm,
    "pytest": _pytest,
    "python": _python,
    "torchrun": lambda arguments: _launch(get_args_parser(), arguments),
}
