"""Code of the user's own by name: ``FILE.py:NAME`` or ``package.module:NAME``.

What is named here is trusted as a script is that the user starts: it runs in this process, with the
user's rights.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["is_reference", "load_object"]

_FILES: set[str] = set()  # the modules that are files named here


def is_reference(text: str) -> bool:
    """Whether the text names an object in a file or module, rather than something of ours."""
    return ":" in text


def load_object(reference: str) -> Any:
    """The object that ``FILE.py:NAME`` or ``package.module:NAME`` names.

    Raises:
        ValueError: The text is not of this form, the module cannot be found, it has no such name,
            a file is called as another module is, or fails while it is imported; says in which
            line.
        ImportError: What it imports cannot be imported.
        FileNotFoundError: There is no such file.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name:
        raise ValueError(f"{reference!r} names nothing; write FILE.py:NAME or package.module:NAME.")
    module = _load_file(Path(place)) if place.endswith(".py") else _import(place)
    if not hasattr(module, name):
        own = [key for key, value in vars(module).items() if _is_own(module, key, value)]
        raise ValueError(f"{place} has no {name!r}; it has {', '.join(own) or 'nothing'}.")
    return getattr(module, name)


def _load_file(path: Path) -> ModuleType:
    path = path.expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}; give the path of a Python file.")
    path = path.resolve()
    loaded = sys.modules.get(path.stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded  # named twice, it is one module with one state
    # A file of the user's takes the place of another one of this name, and of nothing else.
    if path.stem not in _FILES and (loaded is not None or path.stem in sys.stdlib_module_names):
        other = getattr(loaded, "__file__", None) or "Python's own"
        raise ValueError(
            f"{path.name} is called as the module {path.stem!r} ({other}) is, and would take its "
            "place; rename the file."
        )
    # As for a script: the file may import what lies beside it.
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what it defines can be pickled
    _FILES.add(path.stem)
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[path.stem]
        if isinstance(error, ImportError) or not isinstance(error, Exception):
            raise
        raise ValueError(
            f"{path.name} cannot be imported, because of its line {_line(error, path)}: "
            f"{type(error).__name__}: {getattr(error, 'msg', error)}"
        ) from error
    return module


def _line(error: Exception, path: Path) -> int | None:
    """The last line of a file that an error went through, or that is no Python."""
    if isinstance(error, SyntaxError):
        return error.lineno
    places = traceback.extract_tb(error.__traceback__)
    return next((p.lineno for p in reversed(places) if p.filename == str(path)), None)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there; something that it imports is not
        raise ValueError(
            f"There is no module {name!r}; write FILE.py:NAME for a file, and install a package "
            "before it is named."
        ) from error


def _is_own(module: ModuleType, key: str, value: Any) -> bool:
    if key.startswith("_") or inspect.ismodule(value):
        return False
    is_imported = inspect.isroutine(value) or inspect.isclass(value)
    return not is_imported or value.__module__ == module.__name__
