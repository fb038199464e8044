r"""What counts as a literal number, exactly: the policy that the math reward applies.

Accepted as a value:
    sign, decimals and exponent    ``-3``, ``+7``, ``3.0`` (equal to 3), ``.5``, ``1e3`` (to e±99)
    thousands                      ``1,000``  ``1\,000``  ``1{,}000``  ``1_000``, thin spaces
    fractions in lowest terms      ``3/4``  ``\frac{3}{4}``  ``1 1/2``; ``84/2`` is a sum to do
    scale words                    ``1 million``, ``2.5 thousand``
    any Unicode decimal digits     ``٤٢``, fullwidth; not superscripts, not ``½``
    clock times                    ``12:30``, ``12{:}30``, equal only to the same clock time
    wrappers                       ``$42$``  ``\(42\)``  ``**42**``  ``\text{...}``  ``x = 42``
Ignored, because the reference fixes them: a currency sign and a unit of up to four words. A percent
sign is a unit too: ``50%`` equals 50, never 0.5. Units are not converted: ``500 cents`` is 500.

Refused: expressions (``43+3``, ``7!``, ``\sqrt{2116}``, ``6^2``), two numbers, hedges and negations
(``12 or 13``, ``not 12``, ``about 12``), number words (``forty-two``, ``dozen``), ``5k``, decimal
commas, infinities, and anything over ``MAX_CHARS`` characters. Known limit: a unit that changes the
meaning but is not in ``_NOT_UNITS`` is ignored like any other.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from math import gcd

__all__ = ["MAX_CHARS", "parse_literal", "parse_number"]

# Bounds every integer built here far below the interpreter's limit on digits (4,300).
MAX_CHARS = 200

_PLAIN = re.compile(r"[+-]?[0-9]{1,100}")
_GROUP_MARK = re.compile(r"(?<=[0-9])(?:\\,|\{,\}(?:\\!)?|,\\!|[_\u2009\u202f\u00a0])(?=[0-9]{3})")
_MACRO_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\{([^{}]*)\}")
_ASSIGNED = re.compile(r"(?:[A-Za-z] ?)?= ?")
_WRAPPERS = (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("*", "*"), ("`", "`"))
_BOXED = "\\boxed{"
_NUMBER = re.compile(
    r"""(?P<sign>[+-]?)\ ?[$€£¥₹]?\ ?(?P<sign2>[+-]?)
    (?:\\[dt]?frac\{(?P<top>[0-9]+)\}\{(?P<under>[0-9]+)\}
      |(?:(?P<mixed>[0-9]+)\ )?(?P<num>[0-9]+)\ ?/\ ?(?P<den>[0-9]+)
      |(?P<int>[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]*)(?:\.(?P<dec>[0-9]*))?
       (?:[eE](?P<exp>[+-]?[0-9]{1,2})(?![0-9]))?
       (?:\ (?P<scale>hundred|thousand|million|billion|trillion)\b)?
    )""",
    re.VERBOSE,
)
_UNIT = re.compile(r"[-A-Za-zµ°%€£$]{1,30}(?:[ /·][A-Za-zµ°]{1,30}){0,3}(?:\^?\{?[23²³]\}?)?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))? ?([ap])?\.?(?:m\b)?\.?", re.I)
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_WORD = re.compile(r"[A-Za-z]+")
_NOT_UNITS_TEXT = """
or and not isn aren wasn t nor neither either no never none maybe perhaps possibly probably likely
about around approximately approx roughly almost nearly than to from through between if unless but
wrong incorrect false otherwise instead is was are be equals unknown except

plus minus times divided multiplied by over mod squared cubed factorial choose root power
x y z n i e pi

k mil mn bn tn lakh lakhs crore crores dozen dozens score gross pair pairs couple half halves
third thirds fourths quarter quarters fifths tenth tenths hundredth hundredths thousandths
hundred hundreds thousand thousands million millions billion billions trillion trillions
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
"""
# Hedges, negations and connectives; operations and unknowns; words that change the value.
_NOT_UNITS = frozenset(_NOT_UNITS_TEXT.split())


def parse_number(text: str) -> Fraction | None:
    """The exact value of a literal number under this module's policy, or ``None``."""
    value = parse_literal(text)
    return value if isinstance(value, Fraction) else None


def parse_literal(text: str) -> Fraction | str | None:
    """A number as ``Fraction``, a clock time as ``"H:MM"`` text, anything else as ``None``."""
    text = text.strip()
    if len(text) > MAX_CHARS:
        return None
    if _PLAIN.fullmatch(text):
        return Fraction(int(text))
    text = _unwrap(_plain_characters(text))
    if clock := _CLOCK.fullmatch(text):
        hour, minute, second, half = clock.groups()
        return f"{int(hour)}:{minute}:{second or '00'}{(half or '').lower()}"
    match = _NUMBER.match(text)
    if match is None or not _is_unit(text[match.end() :]):
        return None
    return _value(match)


def _value(match: re.Match[str]) -> Fraction | None:
    part = match.groupdict()
    if part["sign"] and part["sign2"]:
        return None
    negative = "-" in (part["sign"], part["sign2"])
    if part["top"] or part["num"]:
        over, under = int(part["top"] or part["num"]), int(part["under"] or part["den"])
        # A fraction that can be reduced is a division left to the reader.
        if under < 2 or gcd(over, under) != 1 or (part["mixed"] and over > under):
            return None
        value = Fraction(over, under) + int(part["mixed"] or 0)
    else:
        whole, decimals = part["int"].replace(",", ""), part["dec"] or ""
        if not whole and not decimals:
            return None
        exponent = int(part["exp"] or 0) + _SCALES.get(part["scale"] or "", 0) - len(decimals)
        mantissa = int(whole + decimals)
        value = Fraction(mantissa * 10 ** max(exponent, 0), 10 ** max(-exponent, 0))
    return -value if negative else value


def _is_unit(rest: str) -> bool:
    rest = rest.strip()
    if not rest:
        return True
    if not _UNIT.fullmatch(rest):
        return False
    return _NOT_UNITS.isdisjoint(word.lower() for word in _WORD.findall(rest))


def _plain_characters(text: str) -> str:
    """Other scripts' digits, typographic signs and LaTeX spacing as plain ASCII."""
    if not text.isascii():
        # Digits only: compatibility normalization would turn 4² into 42.
        text = "".join(_ascii_digit(char) for char in text).replace("\N{MINUS SIGN}", "-")
    text = _GROUP_MARK.sub(",", text)
    if "\\" in text:
        text = _MACRO_TEXT.sub(r" \1", text)
        for macro in ("^\\circ", "^{\\circ}"):
            text = text.replace(macro, "°")
        text = text.replace("\\%", "%").replace("\\$", "$")
        for space in ("\\ ", "\\;", "\\,", "\\!", "\\:"):
            text = text.replace(space, " ")
    return " ".join(text.replace("{:}", ":").split())


def _ascii_digit(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)


def _unwrap(text: str) -> str:
    """Without the markup, the full stop and the ``x =`` around a value."""
    before = None
    while before != text:
        before = text
        if text.endswith(".") and text[-2:-1].isalnum():
            text = text[:-1]
        text = text.removesuffix("}.") + "}" if text.endswith("}.") else text
        for opening, closing in _WRAPPERS:
            inner = text[len(opening) : -len(closing)]
            if text.startswith(opening) and text.endswith(closing) and inner:
                text = inner.strip()
        if text.startswith(_BOXED) and text.endswith("}"):
            text = text[len(_BOXED) : -1].strip()
        if match := _ASSIGNED.match(text):
            text = text[match.end() :]
    return text
