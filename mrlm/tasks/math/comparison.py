r"""Whether an answer is the reference, by the type of answer that was asked for.

``number``      a literal number, exactly (``numerals.py``); a question restated is no answer
``expression``  equal text, equal numbers, else algebra; lists, intervals, relations, words
``choice``      letters (``choices.py``)
``list``        several answers, in any order unless the reference has brackets

Decimals stand for fractions and roots within a millionth of their size. What is asked of algebra is
one expression or relation at a time, and only where the answer holds nothing that a formula for the
reference would not: no words, no other letters, no second number, no relation but ``x = ...``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from mrlm.tasks.math.answer_format import ANSWER_TYPES
from mrlm.tasks.math.choices import parse_choice, same_choice
from mrlm.tasks.math.expressions import (
    Items,
    Leaf,
    is_formula,
    is_name,
    letters_fit,
    parse_answer,
    parse_leaf,
    sides,
)
from mrlm.tasks.math.notation import normalized
from mrlm.tasks.math.numerals import parse_literal

__all__ = ["MAX_INPUT", "MAX_ITEMS", "compare", "is_reference"]

MAX_INPUT = 2_048  # bytes of reference and of answer, each
MAX_ITEMS = 50  # of a list: each may be compared with each
# Relative: six digits, as math-verify rounds to.
_TOLERANCE = Fraction(1, 10**6)
_ROUNDED = Fraction(1, 50)  # what follows "≈" after the exact value
_SPACED_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(?: \d{3})+")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_LONE_LETTER = re.compile(r"[A-Z]")
_parse_reference = lru_cache(maxsize=4096)(parse_literal)
_normalized_reference = lru_cache(maxsize=4096)(normalized)

# (reference, answer, relative tolerance of decimals) -> what ``compare`` returns.
Ask = Callable[[str, str, float], str]


class _UndecidedError(Exception):
    """Algebra gave no verdict; the argument is the outcome."""


def is_reference(reference: str, answer_type: str) -> bool:
    """Whether answers can be compared with it."""
    if answer_type == "number":
        return _parse_reference(reference) is not None
    if answer_type == "choice":
        return parse_choice(reference) is not None
    return bool(_normalized_reference(reference))


def compare(answer: str | None, reference: str, answer_type: str, ask: Ask) -> str:
    """``"same"``, ``"different"``, ``"timeout"``, ``"bad_reference"`` or ``"error"``.

    Args:
        answer: What the answer slot holds; ``None`` for nothing.
        reference: The right answer.
        answer_type: ``"number"``, ``"expression"``, ``"choice"`` or ``"list"``.
        ask: Compares two expressions by algebra.
    """
    if answer_type == "number":
        gold = _parse_reference(reference)
        if gold is None:
            return "bad_reference"
        if answer == reference:
            return "same"
        given = None if answer is None else parse_literal(answer)
        return "same" if given is not None and _same_literal(gold, given) else "different"
    if answer_type not in ANSWER_TYPES:
        return "error"
    if not is_reference(reference, answer_type):
        return "bad_reference"
    if answer is None:
        return "different"
    if answer_type == "choice":
        chosen, right = parse_choice(answer), parse_choice(reference)
        same = chosen is not None and right is not None and same_choice(right, chosen)
        return "same" if same else "different"
    if max(len(text.encode(errors="replace")) for text in (answer, reference)) > MAX_INPUT:
        return "timeout"
    try:
        return "same" if _same_answer(answer, reference, answer_type, ask) else "different"
    except _UndecidedError as error:
        return str(error.args[0])


def _same_literal(gold: Fraction | str, given: Fraction | str) -> bool:
    if isinstance(gold, str) and isinstance(given, str) and gold[-1].isdigit():
        return gold == given.rstrip("ap")  # a clock time without am or pm
    return gold == given


def _same_answer(answer: str, reference: str, answer_type: str, ask: Ask) -> bool:
    wanted, text = _normalized_reference(reference), normalized(answer)
    gold = parse_answer(wanted, answer_type)
    if text == wanted:
        return True
    if gold is None or not text:
        return False
    if isinstance(gold, Leaf):
        if gold.value is not None:
            text = _as_number(text, "." in wanted)
        if _LONE_LETTER.fullmatch(gold.text) and (choice := parse_choice(answer)):
            return choice.letters == {gold.text}
        if gold.is_word:
            given = parse_answer(text)
            return isinstance(given, Leaf) and given.text == gold.text
    elif "=" not in wanted:
        text = _without_name(text)
    if not is_formula(text.replace("\\text", "").replace("\\approx", ""), wanted):
        return False
    given = parse_answer(text, answer_type)
    return given is not None and _same(gold, given, ask, any_brackets=answer_type == "list")


def _as_number(text: str, has_decimals: bool) -> str:
    """Spaces between thousands, and a decimal comma, which here cannot mean a list."""
    if _SPACED_THOUSANDS.fullmatch(text):
        return text.replace(" ", "")
    return text.replace(",", ".") if has_decimals and _DECIMAL_COMMA.fullmatch(text) else text


def _without_name(text: str) -> str:
    r"""Without ``x =`` or ``x \in`` before a whole list or interval."""
    found = sides(text)
    if len(found) == 2 and found[1][0] in ("=", "\\in") and is_name(found[0][1]):
        return found[1][1]
    return text


def _same(gold: Leaf | Items, given: Leaf | Items, ask: Ask, *, any_brackets: bool = False) -> bool:
    if isinstance(gold, Leaf):
        if isinstance(given, Leaf):
            return _same_leaf(gold, given, ask)
        # Inequalities and intervals can say the same.
        return len(sides(gold.latex)) > 1 and _by_algebra(gold.latex, _interval(given), ask)
    if isinstance(given, Leaf):
        return False
    wanted, found = gold.items, list(given.items)
    if len(wanted) != len(found) or len(wanted) > MAX_ITEMS:
        return False
    if not (any_brackets or _same_brackets(gold.brackets, given.brackets)):
        return False
    if gold.brackets[:1] in ("(", "["):
        return all(_same(g, a, ask) for g, a in zip(wanted, found, strict=True))
    for item in wanted:
        # Equality is transitive, so the first match is as good as any.
        match = next((i for i, one in enumerate(found) if _same(item, one, ask)), None)
        if match is None:
            return False
        del found[match]
    return True


def _same_brackets(wanted: str, found: str) -> bool:
    """A tuple may come without brackets, a set as a bare list; intervals must be the same."""
    return found in ("", "{}", wanted) if wanted in ("", "{}", "()") else found == wanted


def _interval(given: Items) -> str:
    """An interval, a tuple or a union, written again."""
    parts = [item.latex if isinstance(item, Leaf) else _interval(item) for item in given.items]
    if given.brackets == "U":
        return " \\cup ".join(parts)
    opening, closing = (given.brackets or "{}")[0], (given.brackets or "{}")[1]
    return f"{opening}{', '.join(parts)}{closing}".replace("{", "\\{", opening == "{")


def _same_leaf(gold: Leaf, given: Leaf, ask: Ask) -> bool:
    if gold.text == given.text:
        return True
    if gold.is_word or given.is_word:
        return False
    wanted, found = sides(gold.latex), sides(given.latex)
    if _have_other_names(wanted, found):
        return False
    if gold.value is not None and given.value is not None:
        return _same_value(gold, given)
    if len(wanted) > 1:
        return _same_relation(wanted, found, gold, given, ask)
    return _same_forms(gold, found, ask)


def _have_other_names(wanted: list[tuple[str, str]], found: list[tuple[str, str]]) -> bool:
    """``x = 5`` is not ``y = 5``."""
    if not len(wanted) == len(found) == 2 or wanted[1][0] != "=" or found[1][0] != "=":
        return False
    names = wanted[0][1], found[0][1]
    return all(map(is_name, names)) and _head(names[0]) != _head(names[1])


def _same_value(gold: Leaf, given: Leaf) -> bool:
    if gold.value == given.value:
        return True
    if not (isinstance(gold.value, Fraction) and isinstance(given.value, Fraction)):
        return False
    rounded = ("." in given.latex and not _terminates(gold.value)) or (
        "." in gold.latex and not _terminates(given.value)
    )
    return rounded and abs(gold.value - given.value) <= _TOLERANCE * abs(gold.value)


def _terminates(value: Fraction) -> bool:
    """Whether it has finitely many decimals, so that there is no need to round it."""
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1


def _same_forms(gold: Leaf, found: list[tuple[str, str]], ask: Ask) -> bool:
    r"""``x = 12``, ``24/2 = 12`` and ``\frac{1}{3} \approx 0.33`` for a reference without sides."""
    relations = [relation for relation, _ in found[1:]]
    forms = [parse_leaf(side) for _, side in found]
    if relations and is_name(found[0][1]):
        forms = forms[1:]
        relations = relations[1:] if relations[0] == "=" else ["\\to"]
    if relations[-1:] == ["\\approx"]:
        rounded, forms, relations = forms[-1], forms[:-1], relations[:-1]
        if not _is_rounding(gold, rounded, ask):
            return False
    if any(relation != "=" for relation in relations):
        return False
    return bool(forms) and all(_same_form(gold, form, ask) for form in forms)


def _same_form(gold: Leaf, form: Leaf, ask: Ask) -> bool:
    if form.value is not None and gold.value is not None:
        return _same_value(gold, form)
    if not form.latex or not letters_fit(form.latex, gold.latex):
        return False
    return form.text == gold.text or _by_algebra(gold.latex, form.latex, ask)


def _is_rounding(gold: Leaf, rounded: Leaf, ask: Ask) -> bool:
    if not isinstance(rounded.value, Fraction):
        return False
    if isinstance(gold.value, Fraction):
        return abs(gold.value - rounded.value) <= _ROUNDED * abs(gold.value)
    return _by_algebra(gold.latex, rounded.latex, ask, _ROUNDED)


def _same_relation(
    wanted: list[tuple[str, str]], found: list[tuple[str, str]], gold: Leaf, given: Leaf, ask: Ask
) -> bool:
    """A reference with sides: an assignment also by its value, others by the same relation."""
    is_assignment = [relation for relation, _ in wanted[1:]] == ["="] and is_name(wanted[0][1])
    if is_assignment and (len(found) == 1 or is_name(found[0][1])):
        value = parse_answer(wanted[-1][1])
        said = parse_answer(found[-1][1])
        if len(found) > 2 or value is None or said is None:
            return False
        return _same(value, said, ask)
    if [relation for relation, _ in found[1:]] == ["\\in"] and is_name(found[0][1]):
        interval = parse_answer(found[1][1])
        return isinstance(interval, Items) and _same(gold, interval, ask)
    if not letters_fit(given.latex, gold.latex) or len(found) != len(wanted):
        return False
    return _by_algebra(gold.latex, given.latex, ask)


def _head(name: str) -> str:
    """``f`` of ``f(x)``; another name as it is, without spaces and braces."""
    function = re.fullmatch(r"([A-Za-z]) ?\([a-z]\)", name)
    return function[1] if function else re.sub(r"[\s{}]", "", name)


def _by_algebra(reference: str, answer: str, ask: Ask, tolerance: Fraction = _TOLERANCE) -> bool:
    verdict = ask(reference, answer, float(tolerance))
    if verdict not in ("same", "different"):
        raise _UndecidedError(verdict)
    return verdict == "same"
