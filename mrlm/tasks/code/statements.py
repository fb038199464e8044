"""Imports and definitions that a block of code takes from the blocks before it.

A model may put its imports, or a helper, into a block of their own. Blocks are read line by line,
never parsed: a statement on the margin reaches to the next line on the margin that does not close a
bracket. Only what the later block uses is taken, so that an earlier draft, an example or an import
of something that is not installed costs nothing.

Not covered: names that are bound in any other way (``for``, ``with``, ``if``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["after_setup", "borrowed"]

_NAME = re.compile(r"[^\W\d]\w*")
_DEFINITION = re.compile(r"(?:async[ \t]+)?(?:def|class)[ \t]+([^\W\d]\w*)")
# A constant, without a call: it could fail, or belong to an example.
_CONSTANT = re.compile(r"([^\W\d]\w*)[ \t]*(?::[^=\n]*)?=(?!=)[^(]*\Z")
_IMPORT = re.compile(r"import[ \t]+(.+)", re.S)
_FROM = re.compile(r"from[ \t]+\S+[ \t]+import[ \t]+(.+)", re.S)
_FUTURE = re.compile(r"^from[ \t]+__future__[ \t]+import[^\n]*\n?", re.M)
_MAX_ROUNDS = 20  # of helpers that need helpers


def after_setup(code: str, setup: str | None) -> str:
    """The code with what stands before it; ``from __future__`` has to come first."""
    if not setup:
        return code
    future = "".join(line.rstrip() + "\n" for line in _FUTURE.findall(code))
    # An empty line in its place, so that a message's line number stays right.
    return f"{future}{setup.rstrip()}\n{_FUTURE.sub(chr(10), code) if future else code}"


def borrowed(code: str, earlier: Sequence[str]) -> str:
    """The statements of ``earlier`` blocks that bind what ``code`` uses and does not bind."""
    bound = {name for statement in _statements(code) for name in _binds(statement)}
    available: dict[str, tuple[int, str]] = {}
    stars: list[tuple[int, str]] = []
    for position, statement in enumerate(s for block in earlier for s in _statements(block)):
        names = _binds(statement)
        if "*" in names:
            stars.append((position, statement))
        available |= dict.fromkeys(names, (position, statement))  # the last one counts
    taken = set(stars)
    missing = set(_NAME.findall(code)) - bound
    for _ in range(_MAX_ROUNDS):
        found = {available[name] for name in missing if name in available} - taken
        if not found:
            break
        taken |= found
        missing = {name for _, statement in found for name in _NAME.findall(statement)} - bound
    return "".join(f"{statement}\n" for _, statement in sorted(taken))


def _statements(code: str) -> Iterator[str]:
    """The statements on the margin, decorators with what they decorate."""
    lines: list[str] = []
    for line in code.split("\n"):
        continues = not line.strip() or line[0] in " \t)]}#" or (lines and lines[-1][:1] == "@")
        if lines and not continues:
            yield "\n".join(lines).rstrip()
            lines = []
        lines.append(line)
    if lines:
        yield "\n".join(lines).rstrip()


def _binds(statement: str) -> list[str]:
    """The names that a statement binds, ``*`` for all of a module's; none where it may do more."""
    while statement.startswith("@"):
        statement = statement.partition("\n")[2]
    if found := _DEFINITION.match(statement):
        return [found[1]]
    if found := _FROM.match(statement) or _IMPORT.match(statement):
        parts = re.sub(r"#[^\n]*", "", found[1]).strip("() \t\n\\").split(",")
        # ``a.b`` binds ``a``, ``a as b`` binds ``b``.
        words = [part.split() for part in parts]
        return [w[2] if len(w) == 3 else w[0].partition(".")[0] for w in words if w]
    if found := _CONSTANT.match(statement):
        return [found[1]]
    return []
