from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrlm.tasks.math.numerals import MAX_CHARS, parse_literal, parse_number

ACCEPTED = {
    "42": 42,
    " 42 \n": 42,
    "+42": 42,
    "-42": -42,
    "\N{MINUS SIGN}42": -42,
    "007": 7,
    "3.0": 3,
    "3.50": Fraction(7, 2),
    ".5": Fraction(1, 2),
    "5.": 5,
    "42.": 42,
    "1,000": 1000,
    "1,234,567.5": Fraction(2469135, 2),
    r"1\,000": 1000,
    "1{,}000": 1000,
    "1_000": 1000,
    "1\N{NARROW NO-BREAK SPACE}000": 1000,
    "$5": 5,
    "-$5": -5,
    "$-5": -5,
    r"\$1,250": 1250,
    "€3.20": Fraction(16, 5),
    "50%": 50,
    r"50\%": 50,
    "3/4": Fraction(3, 4),
    r"-\frac{3}{4}": Fraction(-3, 4),
    r"\dfrac{3}{4}": Fraction(3, 4),
    "1 1/2": Fraction(3, 2),
    "1 million": 10**6,
    "2.5 million dollars": 2_500_000,
    "3 hundred": 300,
    "1e3": 1000,
    "1.5E-2": Fraction(3, 200),
    "42 apples": 42,
    "42 square meters": 42,
    "60 km/h": 60,
    "12 m^2": 12,
    "20°C": 20,
    r"90^\circ": 90,
    r"42 \text{ apples}": 42,
    "$42$": 42,
    r"\(42\)": 42,
    r"\[ 42 \]": 42,
    "**42**": 42,
    "`42`": 42,
    r"\boxed{42}": 42,
    "x = 42": 42,
    "= 42": 42,
    "\N{ARABIC-INDIC DIGIT FOUR}\N{ARABIC-INDIC DIGIT TWO}": 42,
    "\N{FULLWIDTH DIGIT FOUR}\N{FULLWIDTH DIGIT TWO}": 42,
}

REFUSED = [
    *("", ".", "-", "$", "=", "x", "inf", "-inf", "nan", "Infinity", "None", "NaN%"),
    *("43+3", "43 + 3", "50-8", "6*7", "6 x 7", "7!", "6^2", "2**5", "(42)", "|42|"),
    *(r"\sqrt{2116}", r"6 \times 7", r"\frac{84}{2}", "84/2", "2/4", "42/1", "1/0", "0/5", "1 5/4"),
    *("12 or 13", "12, 13", "12; 13", "12 13", "1 2 3 ... 12", "12-13", "12 to 13", "[12]", "{12}"),
    *("not 12", "12 is wrong", "12 not", "about 12", "~12", "12?", "maybe 12", "12 (or 13)"),
    *("forty-two", "1 dozen", "5k", "3 lakh", "2 and a half", "5x", "2 pi", "3 squared"),
    *("1,00", "1,0000", "12,34", "0,123", "3,5", "1.2.3", "1.000,5", "--5", "+-5", "- -5"),
    *("1e999999999", "1e100", "9" * (MAX_CHARS + 1), "9^{9^{9^9}}", "3:4", "12:60"),
    *("4²", "½", "④", "0x2A", "0b11", "1_0", "12!", "#42", "№42"),
]


@pytest.mark.parametrize(("text", "value"), ACCEPTED.items())
def test_accepted(text: str, value: int | Fraction) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    assert parse_literal(text) is None


def test_clock_times_are_literals_but_no_numbers() -> None:
    assert parse_literal("12:30") == parse_literal("12{:}30") is not None
    assert parse_literal("12:30 p.m.") == parse_literal("12:30pm") != parse_literal("12:30 am")
    assert parse_literal("2:05") == parse_literal("02:05") != parse_literal("2:50")
    assert parse_number("12:30") is None


@given(st.integers(-(10**60), 10**60))
def test_integers_in_every_spelling(number: int) -> None:
    spellings = [str(number), f"{number:,}", f"{number:,}".replace(",", "{,}"), f"${number}$"]
    spellings += [f"{number}.0", f"**{number:+}**", f"{number} apples", f"\\boxed{{{number}}}"]
    assert {parse_number(spelling) for spelling in spellings} == {Fraction(number)}


@given(st.decimals(-(10**15), 10**15, places=6))
def test_decimals_are_exact(number: Decimal) -> None:
    assert parse_number(f"{number:f}") == Fraction(number)
    assert parse_number(f"{number:e}") == Fraction(number)


@given(st.fractions())
def test_fractions_in_lowest_terms(fraction: Fraction) -> None:
    assert parse_number(str(fraction)) == fraction


@given(st.integers(2, 999), st.integers(2, 999), st.sampled_from("+*^!:;,|&~ "))
def test_two_numbers_are_none(first: int, second: int, joint: str) -> None:
    text = f"{first}{joint}{second}"
    is_thousands = joint == "," and second >= 100
    assert parse_number(text) is None or is_thousands


@given(st.text(max_size=300))
def test_any_text_gives_a_value_or_none(text: str) -> None:
    value = parse_literal(text)
    assert value is None or any(char.isdecimal() for char in text)


@given(st.text(alphabet="0123456789.,-+/eE%$\\{}frac:x= ", max_size=60))
def test_whitespace_around_never_matters(text: str) -> None:
    assert parse_literal(text) == parse_literal(f"  {text}\n")
