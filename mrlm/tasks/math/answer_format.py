r"""Where a completion states its final answer.

A strict format has a slot that only a final answer occupies: ``hash`` (a line ``#### 42``),
``boxed`` (``\boxed{42}``, ``\fbox{42}``), ``tag`` (``<answer>42</answer>``), ``phrase`` (a line
``Answer: 42``). Claims in the slot must agree: two different ones give no answer at all, so hedging
never pays. Where the answer may be a list, several boxes or tags of one sentence are its items.
``last_number`` is lenient, for models too weak to follow a format: the last number of the text.

Reasoning is not read: neither what stands before ``</think>`` nor what follows a ``<think>`` that
is never closed. A claim that is negated right before or after it, or followed by "or", is no
answer. Known limits: the guards know common English phrasing only, and ``last_number`` refuses
lists and expressions only where they end the text.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from mrlm.completion_text import THINK_TAGS, without_thinking
from mrlm.tasks.math.numerals import MAX_CHARS, parse_literal

__all__ = [
    "ANSWER_FORMATS",
    "ANSWER_TYPES",
    "asked_for",
    "check_answer_format",
    "extract_answer",
    "instruction",
    "render_answer",
]

# What a prompt adds to the question. Few words: prompt tokens cost time on a CPU.
_INSTRUCTIONS = {
    "hash": '\nEnd with "#### " and {what}.',
    "boxed": "\nPut {what} in \\boxed{{}}.",
    "tag": "\nPut {what} in <answer></answer>.",
    "phrase": '\nEnd with "Answer: " and {what}.',
    "last_number": " Answer in one short sentence.",
}
ANSWER_FORMATS = tuple(_INSTRUCTIONS)
# What is asked for, by the type of the answer: at the end of a text, and inside a box or tags.
_ASKED_FOR = {
    "number": ("the number", "the final number"),
    "expression": ("the answer", "the final answer"),
    "choice": ("the letter of the choice", "the letter of the choice"),
    "list": ("all answers, separated by commas", "all answers, separated by commas,"),
}
ANSWER_TYPES = tuple(_ASKED_FOR)
_RENDERED = {
    "hash": "#### {}",
    "boxed": "\\boxed{{{}}}",
    "tag": "<answer>{}</answer>",
    "phrase": "Answer: {}",
    "last_number": "The answer is {}.",
}

_MAX_CLAIMS = 20  # more than this is spam, and would be slow to compare
_MAX_BOX = 2_000  # characters searched for the brace that closes a box
_CONTEXT = 60  # characters around an answer that the guards read
_SHORT_NUMBER = 40  # characters; where last_number looks first
_TAIL = 2_000  # characters at the end that last_number reads
_HASH_LINE = re.compile(r"^[ \t>*]*####(?!#)(.*)$", re.MULTILINE)
_LINE_START = r"^[ \t>*_#\u2022\u2013-]*"
_PHRASE_LINE = re.compile(
    _LINE_START + r"(?:the )?(?:final |correct )?answer(?: is)?[*_ ]{0,4}:(.*)$", re.M | re.I
)
# Without a colon it is a sentence, which counts where no line has the form that was asked for.
_SENTENCE = re.compile(
    _LINE_START + r"(?:(?:so|thus|hence|therefore),? )?the (?:final |correct )?answer is (.*)$",
    re.M | re.I,
)
_BOX = re.compile(r"\\(?:boxed|fbox)[ \t]{0,4}\{|\\boxed ([^\s{}$\\]{1,40})(?=[\s$.]|$)")
# Words between two boxes of one list: "\boxed{1} papers and \boxed{2} bins".
_MAX_GAP = 60
_GAP_ENDS = re.compile(
    r"[.!?:]\s|\n\s*\n|\b(?:no|not|wait|wrong|instead|actually|but|rather|then|so|therefore|hence"
    r"|thus|which|simplif\w*)\b|n't|\\(?:Right|right|Longright|long)arrow|\\implies",
    re.IGNORECASE,
)
_GAP_JOINS = re.compile(r"[,;&]|\b(?:and|or)\b|^(?:[\s$()\[\]\\]|\\quad)*$", re.IGNORECASE)
_END_TOKEN = re.compile(
    r"(?:</s>|<eos>|<pad>|<end_of_turn>|<\|[A-Za-z0-9_ ]{1,40}\|>"
    r"|<\uff5c[^<>\uff5c]{1,40}\uff5c>)\s*$"
)
_MAX_END_TOKENS = 16
_MAX_END_TOKEN = 60  # characters of one, with the spaces after it
_HEADING = re.compile(
    r"(?:step|solution|part|case|conclusion|explanation|method|verification|check|calculation|note"
    r"|problem|question|summary|approach|analysis|setup|given|find|final answer|answer)\b",
    re.IGNORECASE,
)
_NEGATED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|rather than|instead of|except|unlikely)\b|n't)"
    r"(?:\s+[a-z]+){0,2}[\s:$*(]*$",
    re.IGNORECASE,
)
_UNDONE_AFTER = re.compile(
    r"[\s$*),]*(?:\\(?:text|mbox|quad)\b[{\s]*)?(?:(?:is|was|would be)\s+)?"
    r"(?:not\b|isn't|wasn't|wrong\b|incorrect\b|false\b|or\b|\?)",
    re.IGNORECASE,
)
_UP_TO_LAST_DIGIT = re.compile(r".*\d", re.DOTALL)
_TOKEN = re.compile(
    r"\d(?:[\d,]|\\,(?=\d)|\{,\}(?=\d)|(?<=,)\\!(?=\d))*(?::\d\d)?(?:\.\d+)?(?:[eE][+-]?\d+)?(?:/\d+)?"
    r"(?:\s(?:hundred|thousand|million|billion|trillion)\b|\\?%)?"
)
_JOINTS = (
    *"+/-^,;&\u00d7\u00f7\u00b7\u2212…",
    *("..", "x", "times", "cdot", "div", "or", "and", "to", "vs"),
)
_IN_EXPRESSION = re.compile(
    r"(?:[+/\u00d7\u00f7\u00b7^]|\\times|\\cdot|\\div|\d\s?\*{1,2}|\d\s?x|[\d)}]\s?[-\u2212])\s*$"
)
_OPERATOR_AFTER = re.compile(r"\s?(?:[+\u00d7\u00f7^]|\*(?!\*))")
_MINUS_SIGN = re.compile(r"(?:^|[\s=:($*])[-\u2212]$")
_IN_LIST = re.compile(
    r"\d[^\d\n.=]{0,30}(?:[,;/&]|\bor|\band|\bto|\bvs|\.\.\.|…)[\s$€£(*]*$|\d[.…]{2,}\s*$|\d[ \t]+$"
)


Claim = tuple[int, int, str]  # start and end in the text, content


def check_answer_format(answer_format: str, answer_type: str = "number") -> None:
    """Raise ``ValueError`` unless there are such a format and such a type, and they go together."""
    if answer_format not in ANSWER_FORMATS:
        raise ValueError(
            f"answer_format is {answer_format!r}; choose one of {', '.join(ANSWER_FORMATS)}."
        )
    if answer_type not in ANSWER_TYPES:
        raise ValueError(
            f"answer_type is {answer_type!r}; choose one of {', '.join(ANSWER_TYPES)}, auto."
        )
    if answer_format == "last_number" and answer_type != "number":
        raise ValueError(
            f"answer_format 'last_number' reads numbers only, and answer_type is {answer_type!r}; "
            "choose another answer_format, such as boxed."
        )


def asked_for(answer_type: str) -> str:
    """What a prompt asks for, such as ``"the final number"``."""
    return _ASKED_FOR[answer_type][1]


def instruction(answer_format: str, answer_type: str = "number") -> str:
    """What a prompt adds to the question, so that the answer is looked for where it is given."""
    line, inside = _ASKED_FOR[answer_type]
    what = inside if answer_format in ("boxed", "tag") else line
    return _INSTRUCTIONS[answer_format].format(what=what)


def render_answer(answer: str, answer_format: str) -> str:
    """The last line of a solution: the answer as the slot's prompt asks for it."""
    return _RENDERED[answer_format].format(answer)


def extract_answer(
    text: str,
    answer_format: str = "hash",
    answer_type: str = "number",
    think_tags: tuple[str, str] = THINK_TAGS,
) -> str | None:
    """The final answer that ``text`` states in a format, unparsed, or ``None``.

    ``None`` when there is no claim, when claims differ, or when the claim is negated. Linear in
    the length of ``text``.
    """
    text = _without_end_tokens(without_thinking(text, think_tags))
    if answer_format == "last_number":
        return _last_number(text)
    claims = _CLAIMS[answer_format](text)
    if not claims or len(claims) > _MAX_CLAIMS:
        return None
    start, end, answer = claims[-1]
    if not answer or _NEGATED_BEFORE.search(text[max(0, start - _CONTEXT) : start]):
        return None
    if _UNDONE_AFTER.match(text[end : end + _CONTEXT]):
        return None
    if len(claims) > 1 and not _agree(claims, answer_format, answer_type):
        if answer_type == "number" or answer_format not in ("boxed", "tag"):
            return None
        claims = _joined(text, claims)
        if not _agree(claims, answer_format, answer_type):
            return None
        answer = claims[-1][2]
    return answer


def _without_end_tokens(text: str) -> str:
    """Without the marks of the end that a decoder was not told to skip."""
    if text[-1:].isalnum():
        return text  # nearly every text
    for _ in range(_MAX_END_TOKENS):
        # Spaces alone are left where they are.
        if not text[-_MAX_END_TOKEN:].rstrip().endswith(">"):
            break
        match = _END_TOKEN.search(text, max(0, len(text) - _MAX_END_TOKEN))
        if match is None:
            break
        text = text[: match.start()]
    return text


def _agree(claims: Sequence[Claim], answer_format: str, answer_type: str) -> bool:
    """Whether every claim says what the last one says; headings that look like claims aside."""
    final = _identity(claims[-1][2], answer_type)
    return all(
        _identity(claim, answer_type) == final
        or (answer_format == "hash" and _is_heading(claim, answer_type))
        for _, _, claim in claims[:-1]
    )


def _joined(text: str, claims: Sequence[Claim]) -> list[Claim]:
    r"""Claims that one sentence lists, as one claim each: ``\boxed{1} and \boxed{2}``."""
    groups = [claims[0]]
    for start, end, content in claims[1:]:
        first, before, items = groups[-1]
        gap = text[before:start]
        if len(gap) <= _MAX_GAP and _GAP_JOINS.search(gap) and not _GAP_ENDS.search(gap):
            empty = not (items and content)  # an empty box leaves nothing of the list
            groups[-1] = (first, end, "" if empty else f"{items}, {content}")
        else:
            groups.append((start, end, content))
    return groups


def _line_claims(text: str, pattern: re.Pattern[str]) -> list[Claim]:
    claims = []
    for match in pattern.finditer(text):
        # The guards look at running text; a line's slot takes the whole line, so nothing is around.
        content = match[1].strip()
        if content.endswith(">"):
            content = _without_end_tokens(content).strip()
        claims.append((0, len(text), content.strip("*_").strip()))
        if len(claims) > _MAX_CLAIMS:
            break
    return claims


def _hash_claims(text: str) -> list[Claim]:
    return _line_claims(text, _HASH_LINE) if "####" in text else []


def _phrase_claims(text: str) -> list[Claim]:
    return _line_claims(text, _PHRASE_LINE) or _line_claims(text, _SENTENCE)


def _boxed_claims(text: str) -> list[Claim]:
    claims: list[Claim] = []
    position = 0
    while len(claims) <= _MAX_CLAIMS and (match := _BOX.search(text, position)):
        if match[1]:
            position = match.end()
            claims.append((match.start(), position, match[1].rstrip(".,")))
            continue
        depth, position = 1, match.end()
        limit = min(len(text), position + _MAX_BOX)
        while depth and position < limit:
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            position += 1
        content = "" if depth else text[match.end() : position - 1].strip()
        claims.append((match.start(), position, content))
    return claims


def _tag_claims(text: str) -> list[Claim]:
    claims: list[Claim] = []
    position = 0
    while len(claims) <= _MAX_CLAIMS and (start := text.find("<answer>", position)) >= 0:
        close = text.find("</answer>", start)
        position = len(text) if close < 0 else close + len("</answer>")
        content = "" if close < 0 else text[start + len("<answer>") : close].strip()
        claims.append((start, position, content))
    return claims


_CLAIMS = {
    "hash": _hash_claims,
    "boxed": _boxed_claims,
    "tag": _tag_claims,
    "phrase": _phrase_claims,
}


def _identity(claim: str, answer_type: str) -> object:
    """What makes two claims the same: their value, or their text where they are no literal."""
    value = parse_literal(claim)
    if value is None:
        return claim if answer_type == "number" else "".join(claim.split())
    return value


def _is_heading(claim: str, answer_type: str) -> bool:
    """A Markdown heading of level four, which looks like a ``####`` slot."""
    if answer_type != "number":
        return _HEADING.match(claim) is not None
    return claim[:1].isalpha() and parse_literal(claim) is None


def _last_number(text: str) -> str | None:
    tail = text[-_TAIL:]
    last_digit = _UP_TO_LAST_DIGIT.match(tail)
    if last_digit is None:
        return None
    for reach in (_SHORT_NUMBER, MAX_CHARS):
        first = max(0, last_digit.end() - reach)
        match = deque(_TOKEN.finditer(tail, first), maxlen=1)[0]
        if match.start() > first:
            break
    else:
        # It starts where the search did: all of a short text, or a piece of something too long.
        if first > 0 or len(tail) < len(text):
            return None
    number = match[0].rstrip(",")
    before = tail[max(0, match.start() - _CONTEXT) : match.start()].rstrip("$€£\\")
    after = tail[match.end() : match.end() + _CONTEXT]
    if _is_part_of_more(before) or _NEGATED_BEFORE.search(before) or _UNDONE_AFTER.match(after):
        return None
    if _OPERATOR_AFTER.match(after) or before[-1:].isalpha() or before[-1:] == "_":
        return None
    return f"-{number}" if _MINUS_SIGN.search(before) else number


def _is_part_of_more(before: str) -> bool:
    """Whether text that ends in ``before`` makes the next number a list item or an operand."""
    joint = before.rstrip(" \t\n$€£(*")
    # Nearly every text stops here; the patterns are ten times slower.
    if not (joint.endswith(_JOINTS) or joint[-1:].isdigit()):
        return False
    return bool(_IN_EXPRESSION.search(before) or _IN_LIST.search(before))
