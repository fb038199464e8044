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


# Forms that models and people write, and what looks like them and is another number.
WRITTEN = {
    r"1\frac{1}{2}": Fraction(3, 2),
    r"\frac32": Fraction(3, 2),
    r"\frac{-3}{4}": Fraction(-3, 4),
    r"5 \mathrm{~cm}": 5,
    "5 sq. ft.": 5,
    "7/10,000": Fraction(7, 10000),
    r"14^{\text{th}}": 14,
    "9 (apples)": 9,
    "AB = 5": 5,
    "10{,}000": 10000,
    r"1,\!000": 1000,
    r"-1\frac12": Fraction(-3, 2),
    r"2 \dfrac{3}{4}": Fraction(11, 4),
    r"\frac 3 4": Fraction(3, 4),
    r"\frac3{4}": Fraction(3, 4),
    r"\tfrac{1}2": Fraction(1, 2),
    r"5\text{ cm}^2": 5,
    r"5 \text{ cm}^{3}": 5,
    r"5\,\mathrm{cm}": 5,
    "5 ft.": 5,
    "5 in.": 5,
    "14th": 14,
    "1st": 1,
    "22nd": 22,
    r"14\text{th}": 14,
    "x_1 = 5": 5,
    "f(2) = 5": 5,
    r"\angle ABC = 30^\circ": 30,
    r"m\angle A=30°": 30,
    "AB=5 cm": 5,
    r"1,\! 000": 1000,
    r"11,\! 111,\! 111,\! 100": 11111111100,
    r"3 \times 10^{8}": 300000000,
    "3 x 10^8": 300000000,
    "6.02\xd710^{23}": 602000000000000000000000,
    r"6.6\times10^{-34}": Fraction(33, 50000000000000000000000000000000000),
    r"0.\overline{3}": Fraction(1, 3),
    r"0.1\overline{6}": Fraction(1, 6),
    r"\fbox{42}": 42,
    r"\frac{1}{10{,}000}": Fraction(1, 10000),
    "5 m/s^2": 5,
    "5 m s^{-1}": 5,
    "5 km/h": 5,
    "12 foot-pounds": 12,
    "12 m2": 12,
    "12 m\xb2": 12,
    "50 %": 50,
    "9 apples (green)": 9,
    "42 apples.": 42,
    "5 lbs.": 5,
    "-5\xb0C": -5,
    "5 a day": 5,
    r"\$5": 5,
    r"5\%": 5,
    r"$5\frac{1}{3}$": Fraction(16, 3),
    "8 US dollars": 8,
    r"\textbf{42}": 42,
    r"\mathbf{42}": 42,
    "**AB = 5 cm**": 5,
    r"5 \operatorname{cm}": 5,
    r"x=\frac{1}{2}": Fraction(1, 2),
    "$5 per hour": 5,
    "5 dollars per hour": 5,
    "3/4 cup": Fraction(3, 4),
    r"\frac{3}{4} \text{ cup}": Fraction(3, 4),
    r"2\frac{3}{4}\text{ hours}": Fraction(11, 4),
    "x = y = 5": 5,
    "= 42": 42,
    "42 (m)": 42,
    "4.5 (kg)": Fraction(9, 2),
    r"\theta = 30": 30,
    "1,000,000": 1000000,
    "S = 5": 5,
    "5\xa0km": 5,
    r"5 \text{ square feet}": 5,
}
NOT_THE_NUMBER = [
    "6-2",
    "6 -3",
    "24-3",
    "6\u20132",
    "6 - 2",
    "6-a",
    "6a",
    "6 b",
    "6+2",
    "6k",
    "6 x",
    "6^2",
    "6m-2",
    "6 m - 2",
    "6 m3.5",
    "6 cm 2",
    "6 (2)",
    "6(2)",
    "6 (or 7)",
    "6 (not)",
    "6 (7 apples)",
    "3,4",
    "$35,36,37$",
    "3,5",
    "12 34",
    "1,2",
    "6.2.3",
    "6 to 7",
    "6~7",
    r"1\frac{3}{2}",
    r"\frac{6}{4}",
    r"\frac{4}{1}",
    r"-\frac{-3}{4}",
    "--5",
    "+-5",
    r"\frac{3}{-4}",
    "7/10,00",
    "14ths",
    "3 14ths",
    "3 tenths",
    "1 third",
    "not = 5",
    "twice = 5",
    "sqrt x = 5",
    "sqrt = 5",
    "2 AB = 5",
    "2x = 5",
    "5 = 6",
    "43 + 3 = 46",
    "x^2 = 25",
    "x != 5",
    "x <= 5",
    r"2 \times 23",
    r"12 \times 10^2",
    "10^3",
    r"3 \times 10",
    r"3 \times 10^{8}0",
    r"3 \times 5^2",
    "6 (wrong)",
    "6 wrong",
    "12 negative",
    "12 base five",
    r"0.\overline{}",
    "9 (",
    "9 ()",
    "9 (1)",
    "6-",
    "-6-",
    "6 %2",
    "6%2",
    "6 m^5",
    "6 ^2",
    "6\xb2 ",
    "6\xb2",
    "{6}",
    "(6)",
    "[6]",
    "6 cm-2",
    "6 degrees-3",
    r"1\frac{1}{2}3",
    r"\frac323",
    r"\frac1",
    "6_5",
    "6_{5}",
    "3102_5",
    "6!",
    r"6 \text{-2}",
    r"6\text{ -2}",
    r"6 \mathrm{2}",
    r"6\%2",
    "6 m/2",
    "6/x",
    "6 a b c d e",
    "6..7",
    "1 000",
    "6,000,00",
    "6 $7",
    "$6 $7",
    r"6 \$ 7",
    "6e",
    "6i",
    "6 n",
    "6 points or 7",
    "5 thousandths",
    "AB = CD",
    "x = ",
    "=",
    "5 sixths",
    r"\frac{1}{2}\frac{1}{3}",
    "1/2/3",
    "1/2 1/3",
    r"1 \frac{1}{2} 3",
    r"-1 -\frac12",
    r"6\mathrm{-2}",
]


@pytest.mark.parametrize(("text", "value"), WRITTEN.items())
def test_written_by_people(text: str, value: int | Fraction) -> None:
    assert parse_literal(text) == value


@pytest.mark.parametrize("text", NOT_THE_NUMBER)
def test_another_number_or_none(text: str) -> None:
    assert parse_literal(text) is None


@given(
    st.integers(1, 999), st.integers(1, 999), st.sampled_from(["", " ", "cm", " cm", " apples "])
)
def test_a_unit_never_has_a_sign_or_a_digit(first: int, second: int, unit: str) -> None:
    for sign in ("-", " -", "+", " - ", "\N{MINUS SIGN}"):
        assert parse_literal(f"{first}{unit}{sign}{second}") is None


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
