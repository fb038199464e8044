"""``mrlm new``: a small working task in a file of the user's own, to be changed."""

from __future__ import annotations

import argparse
import keyword
import sys
from pathlib import Path

from mrlm.cli.command import Commands, add_command

_EXAMPLES = """
mrlm new my_task.py
mrlm new my_task.py --tools       # with an environment whose tools the model calls
"""
_TEMPLATES = Path(__file__).with_name("templates")


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    summary = "write a small working task into a file, to be changed"
    parser = add_command(commands, "new", summary, _run, _EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="must not exist; its name is the task's")
    parser.add_argument("--tools", action="store_true", help="a task with tools")


def _run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.file)
    _check_name(path)
    template = _TEMPLATES / ("tools_task.txt" if arguments.tools else "task.txt")
    text = template.read_text(encoding="utf-8")
    text = text.replace("{name}", path.stem).replace("{file}", arguments.file)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(f"{path} exists and is left as it is; give another name.") from None
    sys.stdout.write(
        f"Wrote {path}. Next:\n"
        f"  mrlm tasks --check {path}:TASK\n"
        f"  mrlm sample --task {path}:TASK\n"
        f"  mrlm train grpo --task {path}:TASK\n"
    )
    return 0


def _is_module_name(name: str) -> bool:
    return name.isidentifier() and name[0] != "_" and not keyword.iskeyword(name)


def _check_name(path: Path) -> None:
    """Refuse a name that Python or mrlm could not tell from another one."""
    from mrlm.tasks import TASKS

    if path.suffix != ".py" or not _is_module_name(path.stem):
        raise ValueError(
            f"{path} is no name for a Python module; letters, digits and _ make one, such as "
            "my_task.py."
        )
    if path.stem in TASKS:
        raise ValueError(f"{path.stem!r} is a task of mrlm's; give another name.")
    if path.stem in sys.stdlib_module_names:
        raise ValueError(f"{path.stem!r} is a module of Python's own; give another name.")
    if not path.parent.is_dir():
        raise ValueError(f"There is no folder {path.parent}; make it first.")
