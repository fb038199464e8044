"""Installed packages that candidates may import, found without running them.

A package is opened by the name that code imports. Its own folder becomes readable, and the folder
of shared libraries that its wheel brought beside it; nothing else that is installed does, its
dependencies included: what it imports of them on its own import is in memory, and the rest is not
there unless it is named, too.

Not covered: namespace packages, and packages that are not files (in a zip).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["find_packages", "import_packages"]


def find_packages(names: Sequence[str]) -> dict[str, list[str]]:
    """Package -> its folder or file, then the folders of its libraries.

    Raises:
        ValueError: A name is not that of an installed package; the message says which.
    """
    if isinstance(names, str):
        raise ValueError(f"packages is {names!r}; give a list of names, such as ['numpy'].")
    return {name: _files(name) for name in dict.fromkeys(names)}


def _files(name: str) -> list[str]:
    spec = None
    if isinstance(name, str) and name.isidentifier() and name not in sys.stdlib_module_names:
        spec = importlib.util.find_spec(name)
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise ValueError(
            f"packages has {name!r}, which is no installed package; name what code imports "
            f"('sklearn', not 'scikit-learn') and install it beside mrlm. The standard library is "
            f"open anyway."
        )
    # Not resolved: an environment's links may point to one store of all packages.
    found = Path(spec.origin)
    found = found.parent if spec.submodule_search_locations else found
    libraries = sorted(found.parent.glob(f"{name}*.libs"))
    return [str(path.absolute()) for path in (found, *libraries)]


def import_packages(packages: Mapping[str, Sequence[str]]) -> list[str]:
    """Import the packages that are open to candidates, and give their folders and files.

    Their own dependencies are imported with them, from the folder that they are installed in, and
    are then in memory. That folder does not stay on the path: what else is installed is not found.
    For the process that candidates are forked from.
    """
    # Threads of a numerical library would not survive the fork that makes a candidate.
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
    os.environ.update(dict.fromkeys(threads, "1"))
    path = list(sys.path)
    opened: list[str] = []
    for name, files in packages.items():
        sys.path[:] = [*path, os.path.dirname(files[0])]
        importlib.import_module(name)
        opened += files
    sys.path[:] = path
    sys.path_importer_cache.clear()
    return opened
