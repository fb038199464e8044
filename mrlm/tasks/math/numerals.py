r"""What counts as a literal number, exactly: the policy that the math reward applies.

Accepted as a value:
    sign, decimals and exponent    ``-3``, ``+7``, ``3.0`` (equal to 3), ``.5``, ``1e3`` (to e±99)
    scientific notation            ``3 \times 10^{8}``, ``3 x 10^8``, of one digit before the point
    repeating decimals             ``0.\overline{3}``
    thousands                      ``1,000``  ``1\,000``  ``1{,}000``  ``1,\!000``, thin spaces
    fractions in lowest terms      ``3/4``  ``\frac{3}{4}``  ``\frac34``  ``1 1/2``
                                   ``1\frac{1}{2}``; ``84/2`` is a sum to do
    scale words                    ``1 million``, ``2.5 thousand``
    ordinals                       ``14th``, ``14^{\text{th}}``
    any Unicode decimal digits     ``٤٢``, fullwidth; not superscripts, not ``½``
    clock times                    ``12:30``, ``12{:}30``, equal only to the same clock time
    wrappers                       ``$42$``  ``\(42\)``  ``**42**``  ``\text{...}``  ``\fbox{42}``
    a name before it               ``x = 42``, ``AB = 42``, ``f(2) = 42``, ``\angle ABC = 42``
Ignored, because the reference fixes them: a currency sign and a unit of up to four words, also in
brackets. A unit has no digit but an exponent after a letter (``m^2``, ``s^{-1}``), no sign, and no
single letter that is not one: ``6-2``, ``6 -3`` and ``6a`` are no 6. A percent sign is a unit too:
``50%`` equals 50, never 0.5. Units are not converted: ``500 cents`` is 500.

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

__all__ = ["MAX_CHARS", "is_unit", "parse_literal", "parse_number", "plain_characters"]

# Bounds every integer built here far below the interpreter's limit on digits (4,300).
MAX_CHARS = 200

_PLAIN = re.compile(r"[+-]?[0-9]{1,100}")
_GROUP_MARK = re.compile(
    r"(?<=[0-9])(?:\\,|\{,\}(?:\\!)? ?|,\\! ?|\\text\{,\}|[_\u2009\u202f\u00a0])(?=[0-9]{3})"
)
_MACRO_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|normal|sf)?|math(?:rm|bf|it|sf)|mbox|operatorname|underline|bold)"
    r" ?\{([^{}]*)\}"
)
_TIE = re.compile(r"~(?= ?[A-Za-z])")  # LaTeX's space; before a number it means "about"
_ORDINAL = re.compile(r"(?<=[0-9])[ ~]?\^?[ ~]?\{?[ ~]?(?:st|nd|rd|th)\}?(?![A-Za-z0-9])", re.I)
_NAME = re.compile(
    r"(?:m ?)?(?:\\(?:angle|triangle|overline|widehat|vec|Delta|alpha|beta|theta|phi|lambda|mu)\b"
    r" ?)?"
    r"\{?([A-Za-z]{1,20})?\}?(?:_(?:[A-Za-z0-9]|\{[A-Za-z0-9, ]{1,10}\}))?'{0,2}"
    r"(?: ?\([A-Za-z0-9, ]{1,20}\))? ?= ?"
)
# Words that act on what follows them, or deny it.
_NOT_NAMES_TEXT = """
sqrt root log ln exp sin cos tan cot sec csc abs floor ceil min max half twice double triple minus
negative plus not never no isn wrong about maybe approximately roughly almost nearly less more than
or and
"""
_NOT_NAMES = frozenset(_NOT_NAMES_TEXT.split())
_WRAPPERS = (
    *(("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("*", "*"), ("__", "__")),
    *(("`", "`"), ('"', '"')),
)
_BOXES = ("\\boxed{", "\\fbox{")
_DIGIT_OR_GROUP = r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)"
_NUMBER = re.compile(
    rf"""(?P<sign>[+-]?)\ ?[$€£¥₹]?\ ?(?P<sign2>[+-]?)
    (?:(?:(?P<whole>[0-9]+)\ ?)?\\[dtc]?frac\ ?
        (?:(?P<digit>[0-9])|\{{\ ?(?P<topsign>-?)\ ?(?P<top>{_DIGIT_OR_GROUP})\ ?\}})\ ?
        (?:(?P<digit2>[0-9])|\{{\ ?(?P<under>{_DIGIT_OR_GROUP})\ ?\}})
      |(?:(?P<mixed>[0-9]+)\ )?(?P<num>{_DIGIT_OR_GROUP})\ ?/\ ?(?P<den>{_DIGIT_OR_GROUP})
      |(?P<int0>[0-9]*)\.(?P<fixed>[0-9]*)\\(?:overline|bar)\ ?\{{(?P<again>[0-9]+)\}}
      |(?P<one>[1-9](?:\.[0-9]+)?)\ ?(?:\\times|\\cdot|[\u00d7\u00b7x*])\ ?10\ ?(?:\^|\*\*)\ ?
        (?:\{{\ ?(?P<power>[+-]?[0-9]{{1,2}})\ ?\}}|(?P<power2>[+-]?[0-9]{{1,2}}))(?![0-9])
      |(?P<int>[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+(?![0-9])|[0-9]*)(?:\.(?P<dec>[0-9]*))?
       (?:[eE](?P<exp>[+-]?[0-9]{{1,2}})(?![0-9]))?
       (?:\ (?P<scale>hundred|thousand|million|billion|trillion)\b)?
    )""",
    re.VERBOSE,
)
_EXPONENT = r"(?:\^ ?(?:\{ ?-?[1-4] ?\}|-?[1-4])|[²³])"
_UNIT_WORD = (
    rf"(?:[A-Za-zµΩ°]{{1,30}}(?:-[A-Za-z]{{2,30}}){{0,3}}\.?{_EXPONENT}?"
    r"|(?:[kcdm]?m|ft|in|yd|mi)[23])"
)
_UNIT = re.compile(
    rf"(?:[%€£$°] ?)?(?:(?:per|a|an) )?"
    rf"(?:{_UNIT_WORD}(?:(?: ?[/·] ?| ?\\cdot ?| ){_UNIT_WORD}){{0,3}})?(?: ?[%€£$])?"
)
_BRACKETED = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\}")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))? ?([ap])?\.?(?:m\b)?\.?", re.I)
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_WORD = re.compile(r"[A-Za-z]+")
# Single letters that are units; others are unknowns.
_LETTER_UNITS = frozenset("mgshlLVWJNCFAΩµ")
_NOT_UNITS_TEXT = """
or and not isn aren wasn t nor neither either no never none maybe perhaps possibly probably likely
about around approximately approx roughly almost nearly than to from through between if unless but
wrong incorrect false otherwise instead is was are be equals unknown except unsure uncertain guess
estimate estimated untrue minimum maximum least most

plus minus times divided multiplied by over mod squared cubed factorial choose root power negative
twice thrice double doubled triple tripled quadruple quadrupled below base sqrt log ln sin cos tan
x y z n i e pi

k mil mn bn tn lakh lakhs crore crores dozen dozens score gross pair pairs couple half halves
third thirds fourth fourths quarter quarters fifth fifths sixth sixths seventh sevenths eighth
eighths ninth ninths tenth tenths twelfth twelfths hundredth hundredths thousandth thousandths
millionth millionths st nd rd th ths
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
    text = _unwrap(plain_characters(text))
    if clock := _CLOCK.fullmatch(text):
        hour, minute, second, half = clock.groups()
        return f"{int(hour)}:{minute}:{second or '00'}{(half or '').lower()}"
    text = _ORDINAL.sub("", text, count=1)
    match = _NUMBER.match(text)
    if match is None or not is_unit(text[match.end() :]):
        return None
    return _value(match.groupdict())


def is_unit(rest: str) -> bool:
    """Whether what follows a number is nothing, or a unit that leaves its value alone."""
    rest = rest.strip(" ~")
    if bracketed := _BRACKETED.fullmatch(rest):
        rest = next(group for group in bracketed.groups() if group is not None).strip()
        if not rest or not _UNIT.fullmatch(rest):
            return False
    elif " (" in rest and (bracketed := _BRACKETED.fullmatch(rest[rest.index(" (") + 1 :])):
        return is_unit(rest[: rest.index(" (")]) and is_unit(bracketed[0])
    if not rest:
        return True
    if not _UNIT.fullmatch(rest):
        return False
    words = _WORD.findall(rest)
    if not _NOT_UNITS.isdisjoint(word.lower() for word in words):
        return False
    return all(
        len(word) > 1 or word in _LETTER_UNITS or (word == "a" and len(words) > 1) for word in words
    )


def _value(part: dict[str, str | None]) -> Fraction | None:
    if part["sign"] and part["sign2"]:
        return None
    negative = "-" in (part["sign"], part["sign2"])
    top, under = part["digit"] or part["top"], part["digit2"] or part["under"]
    if (top and under) or part["num"]:
        value = _fraction(part["whole"] or part["mixed"], top or part["num"], under or part["den"])
        if part["topsign"]:
            if value is None or negative or part["whole"]:
                return None
            negative = True
    elif part["again"]:
        value = _repeating(part["int0"] or "0", part["fixed"] or "", part["again"])
    elif part["one"]:
        power = int(part["power"] or part["power2"] or 0)
        value = Fraction(part["one"]) * Fraction(10) ** power
    else:
        whole, decimals = (part["int"] or "").replace(",", ""), part["dec"] or ""
        if not whole and not decimals:
            return None
        exponent = int(part["exp"] or 0) + _SCALES.get(part["scale"] or "", 0) - len(decimals)
        mantissa = int(whole + decimals)
        value = Fraction(mantissa * 10 ** max(exponent, 0), 10 ** max(-exponent, 0))
    return -value if negative and value is not None else value


def _fraction(whole: str | None, top: str | None, under: str | None) -> Fraction | None:
    over, below = (int((digits or "0").replace(",", "")) for digits in (top, under))
    # A fraction that can be reduced is a division left to the reader.
    if below < 2 or gcd(over, below) != 1 or (whole and over > below):
        return None
    return Fraction(over, below) + int(whole or 0)


def _repeating(whole: str, fixed: str, again: str) -> Fraction:
    scale = 10 ** len(fixed)
    return Fraction(int(whole + fixed), scale) + Fraction(
        int(again), scale * (10 ** len(again) - 1)
    )


def plain_characters(text: str) -> str:
    """Other scripts' digits, typographic signs and LaTeX spacing as plain ASCII."""
    if not text.isascii():
        # Digits only: compatibility normalization would turn 4² into 42.
        text = "".join(_ascii_digit(char) for char in text).replace("\N{MINUS SIGN}", "-")
    text = _GROUP_MARK.sub(",", text)
    if "\\" in text:
        text = _MACRO_TEXT.sub(r" \1", text)
        for macro in ("^\\circ", "^{\\circ}", "\\degree"):
            text = text.replace(macro, "°")
        text = text.replace("\\%", "%").replace("\\$", "$")
        for space in ("\\ ", "\\;", "\\,", "\\!", "\\:", "\\quad", "\\left", "\\right"):
            text = text.replace(space, " ")
    text = _TIE.sub(" ", text) if "~" in text else text
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
        for box in _BOXES:
            if text.startswith(box) and text.endswith("}"):
                text = text[len(box) : -1].strip()
        named = _NAME.match(text) if "=" in text else None
        if named is not None and (named[1] or "").lower() not in _NOT_NAMES:
            text = text[named.end() :]
    return text
