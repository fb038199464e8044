r"""Answers that are no single number, read as lists, intervals, relations and expressions.

``parse_answer`` gives leaves and lists of them. ``is_formula`` and ``letters_fit`` say whether an
answer holds only what its reference gives a reason for: no words, no letters, no LaTeX commands but
those of a formula, no two numbers side by side. Words and numbers to another base are text. Nothing
is evaluated here.

Not covered: decimal commas in a reference (``3,5`` is a list), prose, number words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product

from mrlm.tasks.math.numerals import MAX_CHARS, is_unit, parse_literal

__all__ = [
    "Items",
    "Leaf",
    "is_formula",
    "is_name",
    "letters_fit",
    "parse_answer",
    "parse_leaf",
    "sides",
]

_CLOSING = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}
_TOKEN = re.compile(r"\\begin\{[a-z]*\*?\}|\\end\{[a-z]*\*?\}|\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
_AND = re.compile(
    r"\\text\{\s*,?\s*(?:and|or)\s*\}|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])"
    r"|(?<=[\d)])(?:and|or)(?=[^a-z])"
)
_THOUSANDS = re.compile(r"(?<![\d,.])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_WHOLE_THOUSANDS = re.compile(r"[-+]?\$?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_RELATIONS = frozenset(
    ("=", "<", ">", r"\leq", r"\geq", r"\neq", r"\in", r"\notin", r"\approx", r"\equiv", r"\sim")
) | frozenset((r"\to", r"\cong"))
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[a-z]*\*?\}|\\mathbb\{[A-Z]\}")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_LETTERS = re.compile(r"[A-Za-z]+")
_BASE = re.compile(r"\(?([0-9A-Za-z]+(?:\.[0-9A-Za-z]+)?)\)?_\{?(?:\\text\{)?([0-9a-z]+)\}{0,2}")
_NAME = re.compile(
    r"(?:\\(?:angle|triangle|overline|vec|widehat|frac|text|[a-z]+)(?![A-Za-z])|[A-Za-z]"
    r"|_\{?\w{1,8}\}?|[{}()|:,' ])+"
)
_COMMAND = re.compile(r"\\(?:[A-Za-z]+|.)", re.DOTALL)
_KNOWN_TEXT = r"""
\frac \sqrt \cdot \times \div \pm \mp \pi \sin \cos \tan \cot \sec \csc \arcsin \arccos \arctan
\sinh \cosh \tanh \log \ln \lg \exp \infty \cup \cap \in \leq \geq \neq \begin \end \binom \choose
\circ \overline \bar \lfloor \rfloor \lceil \rceil \{ \} \| \\ \emptyset \mathbb \alpha \beta \gamma
\delta \epsilon \theta \lambda \mu \nu \phi \varphi \psi \rho \sigma \tau \omega \Delta \Omega \det
\max \min \gcd \mathbf \vec \angle \triangle \setminus \% \$ \sum \int \lim \prod
"""
_KNOWN = frozenset(_KNOWN_TEXT.split())
_FUNCTIONS = frozenset(
    ("max", "min", "gcd", "lcm", "mod", "det", "lg", "arcsin", "arccos", "arctan")
)
_TWO_NUMBERS = re.compile(r"\d\s+\.?\d")
_BAR_BETWEEN = re.compile(r"[\w)}] ?\|[^|]*\| ?[\w({]")
_ALLOWED = re.compile(r"[0-9A-Za-z+\-/^_(){}\[\]|.,!'<>=:;&\\%$\s]*")
_VOWEL = re.compile(r"[aeiou]", re.IGNORECASE)
_MAX_PLUS_MINUS = 3
_UNIT_AFTER = re.compile(
    r"(?:\s*\\text\{[^{}]*\}|\s+(?:cm|mm|km|in|inches|feet|ft|met(?:er|re)s?|units?|square|cubic"
    r"|degrees|dollars|cents|hours?|minutes|seconds|days|years|percent|mph|kg|grams|pounds|miles"
    r"|yards|lit(?:er|re)s)\b)+(?:\s*\^ ?\{?[23]\}?)?\.?$"
)


@dataclass(frozen=True)
class Leaf:
    """One expression, relation, number or word.

    Attributes:
        text: In one spelling: equal texts are equal answers.
        latex: What is compared by algebra.
        value: Of a literal number, a clock time as text, else ``None``.
        is_word: It is compared as text only.
    """

    text: str
    latex: str
    value: Fraction | str | None = None
    is_word: bool = False


@dataclass(frozen=True)
class Items:
    """Several answers, or a tuple, a set, an interval, a union of such.

    Attributes:
        brackets: ``""``, ``"{}"``, ``"()"``, ``"[)"``..., ``"U"`` for a union.
        items: In the order of the text.
    """

    brackets: str
    items: tuple[Leaf | Items, ...]


@lru_cache(maxsize=4096)
def parse_answer(text: str, answer_type: str = "expression") -> Leaf | Items | None:
    """An answer, ``normalized``, as a tree; ``None`` where nothing is in it.

    With ``answer_type`` ``"list"`` every comma outside of brackets separates, else one number may
    have thousands separators.
    """
    return _tree(text, answer_type) if text else None


def _tree(text: str, answer_type: str = "expression") -> Leaf | Items:
    if answer_type != "list" and _is_one_number(text):
        return parse_leaf(text)
    text = _without_thousands(text)
    found = _listed(text)
    if len(found) > 1:
        return Items("", tuple(_tree(item) for item in found))
    text = found[0] if found else text
    if brackets := _brackets(text):
        opening, inner, closing = brackets
        inner = _without_thousands(inner)
        parts = _listed(inner) if opening == "{" else _split(inner, ",;")
        if len(parts) > 1:
            return Items(opening + closing, tuple(_tree(part) for part in parts))
        if opening in "({" and inner:
            return _tree(inner, answer_type)
    pieces = _split(text, ("\\cup",))
    if len(pieces) > 1:
        return Items("U", tuple(_tree(piece) for piece in pieces))
    return parse_leaf(text)


def _listed(text: str) -> list[str]:
    parts = _split(text, ",;")
    return [item for part in parts for item in ([part] if _is_set(part) else _plus_minus(part))]


def _is_set(text: str) -> bool:
    return text.startswith("\\{") and _brackets(text) is not None


def _is_one_number(text: str) -> bool:
    return _literal(text) is not None


def _without_thousands(text: str) -> str:
    """Thousands separators go where another separator shows that they are none."""
    if _WHOLE_THOUSANDS.fullmatch(text) or not re.search(r", |;|and|or", text):
        return text
    return _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)


def _split(text: str, separators: str | tuple[str, ...]) -> list[str]:
    """The pieces between separators that are in no bracket, and around ``and`` and ``or``."""
    if separators == ",;":
        text = _AND.sub(" ; ", text)
    pieces, depth, start, position = [], 0, 0, 0
    for token in _TOKEN.findall(text):
        depth += _depth(token)
        if not depth and token in separators:
            pieces.append(text[start:position])
            start = position + len(token)
        position += len(token)
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip()]


def _brackets(text: str) -> tuple[str, str, str] | None:
    """Opening bracket, inside and closing one, where a single pair holds the whole text."""
    tokens = _TOKEN.findall(text)
    if len(tokens) < 2 or tokens[0] not in _CLOSING:
        return None
    depth = 0
    for index, token in enumerate(tokens):
        depth += token in _CLOSING
        depth -= token in _CLOSING.values()
        if not depth and index < len(tokens) - 1:
            return None
    if depth or tokens[-1] not in _CLOSING.values():
        return None
    inner = text[len(tokens[0]) : -len(tokens[-1])].strip()
    return tokens[0].strip("\\"), inner, tokens[-1].strip("\\")


def _plus_minus(text: str) -> list[str]:
    r"""Both answers of ``1 \pm \sqrt{2}``; with ``\mp`` the upper signs belong together."""
    count = text.count("\\pm")
    if not 0 < count <= _MAX_PLUS_MINUS:
        return [text]
    linked = "\\mp" in text
    choices = [("+",) * count, ("-",) * count] if linked else product("+-", repeat=count)
    found = []
    for signs in choices:
        one = text.replace("\\mp", "-" if signs[0] == "+" else "+")
        for sign in signs:
            one = one.replace("\\pm", sign, 1)
        found.append(one.strip().removeprefix("+").strip())
    return found


def parse_leaf(text: str) -> Leaf:
    """A text that is no list as a leaf, without the unit after it."""
    value = _literal(text)
    if value is None and (unit := _UNIT_AFTER.search(text)) and unit.start():
        words = " ".join(_TEXT.sub(r" \1 ", unit[0]).split())
        if is_unit(words.rstrip(".")):
            text = text[: unit.start()].strip()
            value = _literal(text)
    word = _word(text) if value is None else None
    return Leaf(word or _compact(text), text, value, word is not None)


def _literal(text: str) -> Fraction | str | None:
    return parse_literal(text) if len(text) <= MAX_CHARS else None


def _compact(text: str) -> str:
    """Without the spaces that mean nothing."""
    text = re.sub(r"(\\[A-Za-z]+) (?=[A-Za-z])", r"\1\0", text)
    text = text.replace(" ", "").replace("\0", " ")
    return re.sub(r"([_^])\{(\w)\}", r"\1\2", text)


def _word(text: str) -> str | None:
    """The text of an answer that is one, such as a name or a number to another base."""
    based = _BASE.fullmatch(text)
    if based and (based[1][0].isdigit() or (based[1].isupper() and len(based[1]) > 1)):
        return f"{based[1].upper()}_{based[2]}"
    bare = _TEXT.sub(r"\1", text).strip("(). {}!")
    if "\\" in bare or not re.fullmatch(r"[A-Za-z][A-Za-z '\-.]*", bare):
        return None
    letters = re.sub(r"[^A-Za-z]", "", bare)
    if "\\text{" in text or (len(letters) > 2 and (letters.isupper() or _VOWEL.search(letters))):
        return " ".join(bare.split()).casefold() if len(letters) > 1 else letters
    return None


def is_formula(text: str, reference: str) -> bool:
    """Whether a formula for this reference could hold such characters, commands and bars."""
    if not _ALLOWED.fullmatch(text):
        return False
    if _TWO_NUMBERS.search(text) and not _TWO_NUMBERS.search(reference):
        return False
    if "\\begin" not in text and ("&" in text or "\\\\" in text):
        return False
    bars = text.count("|")
    if bars % 2 or (_BAR_BETWEEN.search(text) and bars != reference.count("|")):
        return False
    commands = _COMMAND.findall(text)
    return all(one in _KNOWN or one in reference for one in commands)


def sides(text: str) -> list[tuple[str, str]]:
    """What stands around relations outside of brackets: ``[("", "x"), ("=", "12")]``."""
    found, depth, start, position, relation = [], 0, 0, 0, ""
    for token in _TOKEN.findall(text):
        depth += _depth(token)
        if not depth and token in _RELATIONS:
            found.append((relation, text[start:position].strip()))
            relation, start = token, position + len(token)
        position += len(token)
    found.append((relation, text[start:].strip()))
    return found


def is_name(side: str) -> bool:
    """Whether a side of an equation only names what the other side is: ``x``, ``f(x)``, ``AB``."""
    return bool(_NAME.fullmatch(side))


def letters_fit(text: str, reference: str) -> bool:
    """Whether every letter of the answer is one of the reference's, a function or a constant."""
    if "\\text{" in text:
        return False
    known = set("".join(_LETTERS.findall(_COMMAND.sub(" ", reference)))) | set("ei")
    bare = _ENVIRONMENT.sub(" ", text)
    words = _LETTERS.findall(_COMMAND.sub(" ", bare))
    return all(word in _FUNCTIONS or set(word) <= known for word in words)


def _depth(token: str) -> int:
    if token in _CLOSING or token.startswith("\\begin"):
        return 1
    return -1 if token in _CLOSING.values() or token.startswith("\\end") else 0
