"""Commands go through the parser of the program that they name, and nothing is run.

``check(words)`` raises ``Wrong``, which says what is: an unknown program or flag, a wrong choice, a
file that does not exist. Left out: files of the reader's own and folders of runs, which need not
exist, and what other projects' programs make of their arguments.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import importlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from _pytest.config import get_config
from pytest import UsageError
from reader import write_files

ROOT = Path(__file__).parents[2]
# Other projects' programs, and the shell's own.
# One of each, for its flags.
COMMANDS = (
    "doctor",
    "tasks",
    "eval --task math",
    "sample --task math",
    "reward a.py:f --task math",
    "compare a b",
    "report a",
    "board a",
    "train ppo",
    "export",
)
FOREIGN = ("cd", "curl", "export", "git", "hf", "mypy", "pip", "rm", "ruff", "source", "trl")
FOREIGN += ("llama-server", "ollama", "trackio", "vllm")


class Wrong(Exception):
    """What is wrong with a command."""


class Parsed(BaseException):
    """A program has read its arguments; nothing of ours catches it."""


@cache
def _readers_folder() -> str:
    """A folder with the files that the pages say the reader has."""
    folder = tempfile.mkdtemp(prefix="mrlm-reader-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()):
        write_files(Path(folder))
    return folder


def check(words: Sequence[str]) -> None:
    with contextlib.chdir(_readers_folder()):
        _check(words)


def _check(words: Sequence[str]) -> None:
    program, *arguments = words
    name = program.removeprefix(".venv/bin/")
    if name in CHECKS:
        CHECKS[name](arguments)
    elif name not in FOREIGN:
        raise Wrong(f"{program!r} is no program that the pages may name")


@contextlib.contextmanager
def _complaints() -> Iterator[None]:
    """What a parser says before it gives up."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            yield
    except (SystemExit, ValueError, FileNotFoundError, UsageError) as error:
        raise Wrong(f"{said.getvalue()[-1500:]}{error}") from error


def _must_exist(path: str) -> None:
    if not (ROOT / path).exists():
        raise Wrong(f"there is no {path}")


def _stop(*arguments: Any, **options: Any) -> None:
    raise Parsed


def _then_stop(parse: Callable[..., Any]) -> Callable[..., Any]:
    def parse_and_stop(*arguments: Any, **options: Any) -> None:
        parse(*arguments, **options)
        raise Parsed

    return parse_and_stop


@cache
def _script(path: str, arguments: tuple[str, ...]) -> None:
    """``main()`` of a recipe, data job or benchmark, up to where it has its arguments."""
    from transformers import HfArgumentParser

    from mrlm.data.ready import ReadyDataset
    from mrlm.data.user import UserDataset

    _must_exist(path)
    script = ROOT / path
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", [path, *arguments]))
        stack.enter_context(mock.patch.object(sys, "path", [str(script.parent), *sys.path]))
        # Only compared with, and installed by `make bench-sandbox`.
        for name in ("evalplus", "evalplus.eval"):
            sys.modules[name] = mock.MagicMock()
            stack.callback(sys.modules.pop, name)
        module: Any = importlib.import_module(script.stem)
        places = (
            (argparse.ArgumentParser, "parse_args", _then_stop(argparse.ArgumentParser.parse_args)),
            (
                HfArgumentParser,
                "parse_args_into_dataclasses",
                _then_stop(HfArgumentParser.parse_args_into_dataclasses),
            ),
        )
        if hasattr(module, "parse_arguments") and script.parent.name == "recipes":
            # Datasets of the reader's own are not there, and recipes look into them at once.
            places = (
                (module, "parse_arguments", _then_stop(module.parse_arguments)),
                (UserDataset, "rows", lambda dataset: iter(())),
                (ReadyDataset, "form", lambda dataset: None),
            )
        elif hasattr(module, "build_mixture"):
            places = ((module, "build_mixture", _stop),)
        for owner, name, replacement in places:
            stack.enter_context(mock.patch.object(owner, name, replacement))
        with _complaints(), contextlib.suppress(Parsed):
            module.main()
            raise ValueError(f"{path} did not take its arguments")


def _python(arguments: list[str]) -> None:
    if arguments[0] == "-c":
        compile(arguments[1], "-c", "exec")
    elif arguments[0] == "-m":
        _check(arguments[1:])
    elif arguments[0] == "data_gen/make_datasets.py":
        _must_exist(arguments[0])
        _data(arguments[1:])
    elif arguments[0].startswith(("recipes/", "data_gen/", "tests/bench/")):
        _script(arguments[0], tuple(arguments[1:]))
    else:
        _must_exist(arguments[0])


def _accelerate(arguments: list[str]) -> None:
    from accelerate.commands.launch import launch_command_parser

    if arguments[0] != "launch":
        raise Wrong(f"accelerate {arguments[0]}: only launch is known here")
    if not any(word.endswith(".py") for word in arguments):
        arguments = [*arguments, "recipes/ppo_math.py"]  # in a sentence, only its flags
    with _complaints():
        parsed = launch_command_parser().parse_args(arguments[1:])
    if parsed.config_file:
        _must_exist(parsed.config_file)
    _python([parsed.training_script, *parsed.training_script_args])


def _torchrun(arguments: list[str]) -> None:
    from torch.distributed.run import get_args_parser

    with _complaints():
        parsed = get_args_parser().parse_args(arguments)
    _python([parsed.training_script, *parsed.training_script_args])


def _make(arguments: list[str]) -> None:
    """The Makefile's own recipe, with every command in it."""
    # Taken for done: what would install.
    told = subprocess.run(
        ["make", "-n", "-o", "install", "-o", ".venv/.installed", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise Wrong(told.stderr)
    for line in told.stdout.splitlines():
        if re.match(r"\S+ ", line) and not line.startswith("make"):
            _check(shlex.split(line))


def _pytest(arguments: list[str]) -> None:
    config = get_config()
    config.pluginmanager.load_setuptools_entrypoints("pytest11")  # xdist's options
    with _complaints():
        parsed = config._parser.parse(arguments)
    for path in parsed.file_or_dir:
        _must_exist(str(path).partition("::")[0])


def _data(arguments: list[str]) -> None:
    from mrlm.data import job

    with _complaints(), contextlib.suppress(Parsed), mock.patch.object(job, "run", _stop):
        raise ValueError(f"exit code {job.main(arguments)}")


def _mrlm(arguments: list[str]) -> None:
    from mrlm import cli
    from mrlm.benchmarks import parse_benchmark
    from mrlm.cli.command import chosen_task
    from mrlm.cli.train import find_recipe

    if len(arguments) == 1 and arguments[0] not in ("doctor", "tasks", "data"):
        return _mrlm_help(arguments)  # in a sentence, only its name
    with _complaints():
        parsed, rest = cli._parser().parse_known_args(arguments)
        if rest and not parsed.takes_rest:
            parsed.parser.error(f"unrecognized arguments: {' '.join(rest)}")
        parsed.rest = rest
        if parsed.command == "data":
            return _data(rest)
        if parsed.command == "train":
            recipe = find_recipe(parsed.algorithm, parsed.task, parsed.recipes)
            if parsed.accelerate_config:
                _must_exist(parsed.accelerate_config)
            own = ("--task", parsed.task) if parsed.task else ()
            return _script(f"recipes/{recipe.name}", (*own, *rest))
        if getattr(parsed, "benchmark", None):
            parse_benchmark(parsed.benchmark)
        elif getattr(parsed, "task", None):
            chosen_task(parsed)
    return None


def _mrlm_help(arguments: list[str]) -> None:
    from mrlm import cli

    with _complaints():
        try:
            cli.main([*arguments, "--help"])
        except SystemExit as end:
            if end.code:
                raise


def known_flags() -> set[str]:
    """Of all that the pages are about: recipes, data jobs, ``mrlm`` and ``accelerate launch``."""
    seen: set[str] = {"--help", "--config"}
    remember = argparse.ArgumentParser.parse_known_args

    def parse(parser: argparse.ArgumentParser, *arguments: Any, **options: Any) -> Any:
        seen.update(parser._option_string_actions)
        return remember(parser, *arguments, **options)

    _script.cache_clear()
    with mock.patch.object(argparse.ArgumentParser, "parse_known_args", parse):
        for path in sorted((ROOT / "recipes").glob("*.py")):
            _script(f"recipes/{path.name}", ())
        for job in ("make_sft", "make_preferences"):
            _script(f"data_gen/{job}.py", ("--task", "math"))
        check(["mrlm", "data"])
        check(["accelerate", "launch"])
        for command in COMMANDS:
            check(["mrlm", *command.split()])
    return seen


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "accelerate": _accelerate,
    "bash": lambda arguments: _must_exist(arguments[0]),
    "make": _make,
    "mrlm": _mrlm,
    "pytest": _pytest,
    "python": _python,
    "torchrun": _torchrun,
}
