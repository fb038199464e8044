"""The part of pytest that tests of a single solution use, for a process that cannot import it.

``raises``, ``approx``, ``fixture``, ``mark.parametrize``, ``param``, ``skip`` and ``fail``; test
functions, test classes and ``unittest`` cases. Marks that change nothing are accepted; a fixture of
pytest's own (``tmp_path``, ``capsys``) makes the tests unusable.

Source: https://docs.pytest.org/en/stable/reference/reference.html
"""

from __future__ import annotations

import inspect
import itertools
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from mrlm.sandbox.comparison import agrees

__all__ = ["collect", "is_skip", "module"]


class Skipped(Exception):
    """Raised by ``skip``."""


def is_skip(error: BaseException) -> bool:
    """Whether a test asked to be left out, as pytest's or as a ``unittest`` case."""
    unittest = sys.modules.get("unittest")
    return isinstance(error, Skipped) or (
        unittest is not None and isinstance(error, unittest.SkipTest)
    )


class _ExceptionInfo:
    """What ``with raises(...) as info`` gives."""

    value: Any = None
    type: Any = None

    def match(self, pattern: str) -> bool:
        if not re.search(pattern, str(self.value)):
            raise AssertionError(f"{str(self.value)!r} does not match {pattern!r}")
        return True


@contextmanager
def _raising(expected: Any, match: str | None) -> Iterator[_ExceptionInfo]:
    info = _ExceptionInfo()
    try:
        yield info
    except BaseException as error:
        if not _is_expected(error, expected):
            raise
        info.value, info.type = error, type(error)
        if match is not None:
            info.match(match)
        return
    raise AssertionError(f"it did not raise {getattr(expected, '__name__', expected)}")


def _is_expected(error: BaseException, expected: Any) -> bool:
    """An exception class of the candidate's own is known by its name."""
    kinds = expected if isinstance(expected, tuple) else (expected,)
    return any(
        isinstance(error, kind)
        if isinstance(kind, type)
        else getattr(error, "candidate_type", None) == kind.__name__
        for kind in kinds
    )


def raises(expected: Any, *call: Any, match: str | None = None, **kwargs: Any) -> Any:
    """As a context, or of ``call``."""
    if not call:
        return _raising(expected, match)
    with _raising(expected, match) as info:
        call[0](*call[1:], **kwargs)
    return info


class approx:
    """Equal to numbers, and lists or dicts of numbers, that are close."""

    def __init__(self, expected: Any, rel: float | None = None, abs: float | None = None) -> None:
        self.expected = expected
        # Relative or absolute, whichever is wider; pytest's defaults are 1e-6 and 1e-12.
        self.tolerance = rel if rel is not None else abs if abs is not None else 1e-6
        self.absolute = abs

    def __eq__(self, value: object) -> bool:
        plain = (bool, int, float, complex)
        if self.absolute is not None and type(value) in plain and type(self.expected) in plain:
            return bool(abs(value - self.expected) <= self.absolute)
        return agrees(value, self.expected, "equal", self.tolerance)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"


def param(*values: Any, **_: Any) -> tuple[Any, ...]:
    """The values of one row of ``parametrize``."""
    return _Values(values)


class _Values(tuple[Any, ...]):
    pass


def skip(reason: str = "", **_: Any) -> None:
    """Leave the test out."""
    raise Skipped(reason)


def fail(reason: str = "", **_: Any) -> None:
    """Fail the test."""
    raise AssertionError(reason)


def fixture(function: Any = None, **options: Any) -> Any:
    """Mark a function whose value tests take by its name."""
    if options.get("params"):
        raise NotImplementedError("fixtures with params")
    if function is None:
        return fixture
    function.is_fixture = True
    return function


class _Marks:
    """``mark.parametrize``; every other mark changes nothing, but one that skips."""

    @staticmethod
    def parametrize(names: Any, rows: Any, **_: Any) -> Callable[[Any], Any]:
        split = names.replace(",", " ").split() if isinstance(names, str) else list(names)
        given = []
        for row in rows:
            values = row if isinstance(row, _Values) or len(split) > 1 else (row,)
            given.append(dict(zip(split, values, strict=True)))

        def decorate(function: Any) -> Any:
            function.parameters = [given, *getattr(function, "parameters", ())]
            return function

        return decorate

    @staticmethod
    def skip(*_: Any, **__: Any) -> Any:
        raise NotImplementedError("mark.skip")

    def __getattr__(self, name: str) -> Any:
        def mark(*args: Any, **_: Any) -> Any:
            return args[0] if len(args) == 1 and callable(args[0]) else lambda function: function

        return mark


def module() -> types.ModuleType:
    """What ``import pytest`` gives to tests."""
    made = types.ModuleType("pytest")
    made.__dict__.update(
        raises=raises, approx=approx, fixture=fixture, mark=_Marks(), param=param, skip=skip
    )
    made.__dict__["fail"] = fail
    return made


def collect(namespace: Mapping[str, Any], leave_out: Mapping[str, Any]) -> list[Callable[[], Any]]:
    """The tests of a module, in the order of their definitions, for each set of parameters."""
    fixtures = {name: item for name, item in namespace.items() if hasattr(item, "is_fixture")}
    unittest: Any = sys.modules.get("unittest")  # there if the tests have imported it
    tests: list[Callable[[], Any]] = []
    for name, item in namespace.items():
        if name in leave_out:
            continue
        if unittest and isinstance(item, type) and issubclass(item, unittest.TestCase):
            methods = unittest.defaultTestLoader.getTestCaseNames(item)
            if methods:
                item.setUpClass()  # type: ignore[attr-defined]
                tests += [item(method).debug for method in methods]
        elif isinstance(item, type) and name.startswith("Test"):
            methods = [method for method in vars(item) if method.startswith("test")]
            for method in methods:
                tests += _runs(vars(item)[method], fixtures, item)
        elif isinstance(item, types.FunctionType) and name.startswith("test"):
            tests += _runs(item, fixtures, None)
    return tests


def _runs(
    function: Any, fixtures: Mapping[str, Any], owner: type | None
) -> list[Callable[[], None]]:
    rows = [*getattr(owner, "parameters", ()), *getattr(function, "parameters", ())]
    runs: list[Callable[[], None]] = []
    for chosen in itertools.product(*rows):
        values = {name: value for row in chosen for name, value in row.items()}
        runs.append(lambda values=values: _run(function, values, fixtures, owner))  # type: ignore[misc]
    return runs


def _run(
    function: Any, values: dict[str, Any], fixtures: Mapping[str, Any], owner: type | None
) -> None:
    with ExitStack() as stack:
        arguments = _arguments(function, values, fixtures, stack, owner is not None)
        if owner is None:
            function(**arguments)
            return
        instance = owner()
        for hook in ("setup_method", "setUp"):
            getattr(instance, hook, lambda: None)()
        stack.callback(getattr(instance, "teardown_method", lambda: None))
        function(instance, **arguments)


def _arguments(
    function: Any,
    values: Mapping[str, Any],
    fixtures: Mapping[str, Any],
    stack: ExitStack,
    is_method: bool,
) -> dict[str, Any]:
    """What a test or a fixture takes: parameters, and other fixtures' values."""
    names = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty
    ][int(is_method) :]
    found = dict(values)
    for name in names:
        if name not in found:
            if name not in fixtures:
                raise NameError(f"there is no fixture {name!r}")
            found[name] = _fixture_value(fixtures[name], fixtures, stack)
    return found


def _fixture_value(function: Any, fixtures: Mapping[str, Any], stack: ExitStack) -> Any:
    arguments = _arguments(function, {}, fixtures, stack, False)
    if inspect.isgeneratorfunction(function):
        return stack.enter_context(contextmanager(function)(**arguments))
    return function(**arguments)
