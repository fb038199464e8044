"""Test programs in three forms, run against a candidate that lives in another process.

The names that a program tests are proxies in its namespace: each call goes to the candidate. What
the program imports from a module that does not exist, or not with that name, is a proxy as well
(``from solution import total``), provided that it asks for the entry point there; nothing else of
the candidate's is ever looked up.

A program that cannot run says nothing about the candidate. A candidate must not be able to bring
that about: what is raised after its first answer counts against it, except a ``NameError`` that it
had no part in, of a name that the tests never bind.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Protocol

from mrlm.sandbox import pytest_subset
from mrlm.sandbox.remote import Candidate, Over

__all__ = ["run_suite"]

FILENAME = "<tests>"
_Unit = Callable[[], object]
_CHECK = re.compile(r"^def[ \t]+check[ \t]*\(\s*[^)\s]", re.M)
_ASSERT = re.compile(r"^assert\b", re.M)
_IMPORT = re.compile(r"\b(from|import)[ \t]+([\w.]+)([^\n]*)")
_WORD = re.compile(r"\w+")


class _Result(Protocol):
    total: int
    passed: int

    def fail(self, status: str, message: str) -> None: ...

    def write(self, report: int) -> None: ...


def run_suite(work: dict[str, Any], candidate: Candidate, result: _Result, report: int) -> None:
    """Run ``work["test"]`` on ``work["code"]`` and note in ``result`` what passed.

    Raises:
        Over: The tests cannot be used, or the candidate does not run.
    """

    def finish(over: Over) -> NoReturn:
        # At once: raised here, a test's own ``except`` could swallow it.
        result.fail(over.status, over.message)
        result.write(report)
        os._exit(0)

    test, name = work["test"], work["name"]
    try:
        code = compile(test, FILENAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise Over("invalid", f"the tests do not compile: {error}") from None
    candidate.start(work["code"], name)
    candidate.finish = finish
    namespace = {"__name__": "tests"} | _proxies(candidate, name)
    _provide_modules(test, candidate, name)
    explain = _Explainer(candidate, name, test)
    try:
        units = _units(test, code, namespace, candidate, name)
    except BaseException as error:
        raise explain(error) from None
    result.total = len(units)
    for unit in units:
        try:
            unit()
            result.passed += 1
        except BaseException as error:
            if pytest_subset.is_skip(error):
                result.total -= 1
                continue
            over = explain(error)
            if over.status == "invalid":
                raise over from None
            result.fail(over.status, over.message)
    if not candidate.calls or not result.total:
        result.passed, result.total = 0, 1
        raise Over("invalid", "the tests never called the candidate")


def _proxies(candidate: Candidate, name: str) -> dict[str, Any]:
    """What the tests may call: by the entry point's own name, or by that of its class."""
    root = name.partition(".")[0].removesuffix("()")
    return {root: _proxy(candidate, root)}


def _proxy(candidate: Candidate, name: str) -> Callable[..., Any]:
    def proxy(*args: Any, **kwargs: Any) -> Any:
        return candidate.ask("call", name, *args, **kwargs)

    proxy.__name__ = proxy.__qualname__ = name
    return proxy


def _provide_modules(test: str, candidate: Candidate, name: str) -> None:
    """Make the modules that the tests import the entry point from."""
    (root,) = _proxies(candidate, name)
    # Reading a program as a tree takes longer than most tests; few have such an import.
    found = _IMPORT.findall(test)
    if all(_is_standard(keyword, module, rest, root) for keyword, module, rest in found):
        return
    sys.modules["pytest"] = pytest_subset.module()
    for module, wanted in _imports(ast.parse(test)):
        if module and wanted & {root, "*"} and not _has(module, root if root in wanted else None):
            made = types.ModuleType(module)
            made.__getattr__ = lambda attribute: _public_proxy(candidate, attribute)  # type: ignore[method-assign]
            made.__dict__["__all__"] = [root]
            parts = module.split(".")
            for depth in range(1, len(parts)):
                sys.modules.setdefault(".".join(parts[:depth]), types.ModuleType(parts[0]))
            sys.modules[module] = made


def _is_standard(keyword: str, module: str, rest: str, root: str) -> bool:
    """Whether an import can only be of the standard library, and not of the entry point."""
    if module.partition(".")[0] not in sys.stdlib_module_names:
        return False
    # What follows may go on in the next line, or name another module.
    open_end = any(mark in rest for mark in ("(\\;" if keyword == "from" else "(\\;,"))
    return not open_end and root not in _WORD.findall(rest)


def _public_proxy(candidate: Candidate, attribute: str) -> Callable[..., Any]:
    if attribute.startswith("_"):
        raise AttributeError(attribute)
    return _proxy(candidate, attribute)


def _imports(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Modules, and what is used of each; imports stand on the margin or in a function."""
    nodes = list(_statements(tree))
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            yield node.module or "", {alias.name for alias in node.names}
    plain = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    unknown = [alias for alias in plain if alias.name not in sys.stdlib_module_names]
    if unknown:
        used: dict[str, set[str]] = {}
        for part in ast.walk(tree):
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                used.setdefault(part.value.id, set()).add(part.attr)
        for alias in unknown:
            yield alias.name, used.get(alias.asname or alias.name, set())


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements of a program, without a look into their expressions."""
    for field in ("body", "orelse", "handlers", "finalbody"):
        for part in getattr(node, field, ()) if not isinstance(node, ast.expr) else ():
            if isinstance(part, ast.stmt):
                yield part
            yield from _statements(part)


def _has(module: str, name: str | None) -> bool:
    try:
        found = importlib.import_module(module)
        return name is None or hasattr(found, name)
    except (ImportError, OSError):
        return False


def _units(
    test: str,
    code: types.CodeType,
    namespace: dict[str, Any],
    candidate: Candidate,
    name: str,
) -> list[_Unit]:
    """The tests of a program, one by one; runs what stands around them."""
    if _ASSERT.search(test) and not _CHECK.search(test):
        body = ast.parse(test).body
        if any(isinstance(node, ast.Assert) for node in body):
            # Each with what stands before it; a class or a helper belongs to the next one.
            return _grouped(body, [_statement(node, namespace) for node in body])
    exec(code, namespace)
    check = namespace.get("check") if _CHECK.search(test) else None
    # HumanEval's prompts, which bring the tests' helpers, define an empty entry point as well.
    namespace |= _proxies(candidate, name)
    if check is not None:
        return [lambda: check(_proxy(candidate, name))]
    units = pytest_subset.collect(namespace, _proxies(candidate, name))
    if not units:
        raise Over("invalid", "the tests define no function check(candidate), and no other test")
    return units


def _statement(node: ast.stmt, namespace: dict[str, Any]) -> _Unit:
    code = compile(ast.Module([node], []), FILENAME, "exec", dont_inherit=True)
    return lambda: exec(code, namespace)


def _grouped(nodes: list[ast.stmt], statements: list[_Unit]) -> list[_Unit]:
    """One unit for each assert statement: what stands since the last one, then itself."""
    units: list[_Unit] = []
    before: list[_Unit] = []
    for node, statement in zip(nodes, statements, strict=True):
        before.append(statement)
        if isinstance(node, ast.Assert):
            units.append(lambda group=tuple(before): [run() for run in group])  # type: ignore[misc]
            before = []
    return units


def _bound(tree: ast.Module) -> set[str]:
    """The names that a program binds somewhere."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.ExceptHandler, ast.FunctionDef, ast.ClassDef)):
            names.add(node.name or "")
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


class _Explainer:
    """Says what an exception means that came out of the tests."""

    def __init__(self, candidate: Candidate, name: str, test: str) -> None:
        self.candidate = candidate
        self.name = name
        self.test = test

    def __call__(self, error: BaseException) -> Over:
        if isinstance(error, Over):
            return error
        last = self.candidate.last
        if last is not None and error is last.exception:
            return Over(last.status, f"{self.name} {last.message}")
        text = f"{type(error).__name__}: {error}"
        # A candidate's own NameError may be passed on by the tests in another form.
        misled = last is not None and isinstance(last.exception, NameError)
        # It may also keep them from reaching the line that binds a name.
        unbound = isinstance(error, NameError) and error.name not in _bound(ast.parse(self.test))
        unbound = unbound and not isinstance(error, UnboundLocalError)
        if unbound and not misled:
            hint = "`test` must define what it uses: for HumanEval pass the prompt and the test"
            return Over("invalid", f"the tests are unusable: {text}; {hint}")
        if not self.candidate.calls:
            return Over("invalid", f"the tests are unusable: {text}")
        numbers = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == FILENAME and frame.lineno
        ]
        source = self.test.splitlines()[numbers[-1] - 1].strip()[:300] if numbers else ""
        return Over("failed", f"{source} ({text})" if str(error) else source or text)
