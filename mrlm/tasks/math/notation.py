r"""One spelling of LaTeX for the many in which models and data sets write the same answer.

``\dfrac12``, ``½`` and ``\frac{1}{2}`` are the same; spacing, wrappers such as ``\boxed{}`` and the
dollars around a formula say nothing. Text in, text out: nothing is parsed or evaluated here.

Not covered: what the answer means (``expressions.py``), words.
"""

from __future__ import annotations

import re

__all__ = ["normalized"]

_SYMBOLS = {
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{MULTIPLICATION SIGN}": r"\times ",
    "·": r"\cdot ",
    "⋅": r"\cdot ",
    "÷": r"\div ",
    "π": r"\pi ",
    "∞": r"\infty ",
    "≤": r"\leq ",
    "≥": r"\geq ",
    "≠": r"\neq ",
    "±": r"\pm ",
    "\N{UNION}": r"\cup ",
    "∩": r"\cap ",
    "∈": r"\in ",
    "√": r"\sqrt ",
    "≈": r"\approx ",
    "²": "^{2}",
    "³": "^{3}",
    "⁴": "^{4}",
    "°": r"^{\circ}",
    "θ": r"\theta ",
    "\N{GREEK SMALL LETTER ALPHA}": r"\alpha ",
    "β": r"\beta ",
    "∅": r"\emptyset ",
    "\N{NO-BREAK SPACE}": " ",
    "¼": r"\frac{1}{4}",
    "½": r"\frac{1}{2}",
    "¾": r"\frac{3}{4}",
}
_TRANSLATION = str.maketrans(_SYMBOLS)
_REPLACED = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\\(?:displaystyle|textstyle|left|right|[bB]igg?[lr]?|limits)(?![A-Za-z])", " "),
        (r"\\(?:boxed|fbox) ?(?=\{)", ""),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac"),
        (r"(?<=\d)(?:\{,\}(?:\\!)?|,\\!|\\,|\\text\{,\}|[_\u2009\u202f](?=\d{3})) ?(?=\d{3})", ""),
        (
            r"\\(?:text(?:bf|it|rm|normal|sf)|mbox|mathrm|mathbf|mathit|operatorname\*?|rm) ?\{",
            r"\\text{",
        ),
        (r"\\text\{\s*([A-Za-z])\s*\}", r"{\1}"),
        (r"(?<!\\)\\(?:[,;:!> ]|quad|qquad|hspace\{[^{}]*\})|~(?= ?[A-Za-z\\])", " "),
        (r"\\(?:leqslant|leqq|le)(?![A-Za-z])|<=", r"\\leq "),
        (r"\\(?:geqslant|geqq|ge)(?![A-Za-z])|>=", r"\\geq "),
        (r"\\ne(?![A-Za-z])|!=", r"\\neq "),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        (r"\\(?:varnothing)(?![A-Za-z])", r"\\emptyset"),
        (r"\\l(?:brace|vert)(?![A-Za-z])", r"\\{"),
        (r"\\r(?:brace|vert)(?![A-Za-z])", r"\\}"),
        (r"\\(begin|end)\{(?:[bBvV]?matrix|smallmatrix)\}", r"\\\1{pmatrix}"),
        (
            r"\[ ?\\begin\{array\} ?(?:\{[clr| ]*\})?(.*?)\\end\{array\} ?\]",
            r"\\begin{pmatrix}\1\\end{pmatrix}",
        ),
        (r"\^ ?\\circ|\^ ?\{ ?\\circ ?\}|\\degree", r"^{\\circ}"),
        (r"\*\*", "^"),
        (r"\*", r"\\cdot "),
        (r"(?<![\\A-Za-z])sqrt ?\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"\\sqrt ?\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"\\sqrt ?(\d+|[A-Za-z])", r"\\sqrt{\1}"),
        (r"\\frac ?(\d) ?(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac ?(\d) ?\{", r"\\frac{\1}{"),
        (r"(\\frac ?\{[^{}]*\}) ?(\d)(?!\d)", r"\1{\2}"),
        (r"(?<![\\A-Za-z])(pi|infty|infinity|sin|cos|tan|ln|log|exp)(?![A-Za-z])", r"\\\1 "),
        (r"\\infinity", r"\\infty"),
        (r"\{,\}", ","),
    )
)
_PAIRS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("`", "`"))


def normalized(text: str) -> str:
    """The text in one spelling of LaTeX, without wrappers; equal results are equal answers."""
    text = _unwrapped(text)
    text = text.translate(_TRANSLATION) if not text.isascii() else text
    for pattern, by in _REPLACED:
        text = pattern.sub(by, text)
    return _unwrapped(" ".join(text.split()))


def _unwrapped(text: str) -> str:
    before = None
    while before != text:
        before = text
        text = text.strip()
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1]
        for opening, closing in _PAIRS:
            inner = text[len(opening) : -len(closing)]
            if (
                text.startswith(opening)
                and text.endswith(closing)
                and inner
                and (opening not in inner)
            ):
                text = inner.strip()
        for box in ("\\boxed{", "\\fbox{"):
            if text.startswith(box) and _closing_brace(text, len(box) - 1) == len(text) - 1:
                text = text[len(box) : -1]
    return text


def _closing_brace(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if not depth:
            return index
    return -1
