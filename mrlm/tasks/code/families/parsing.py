"""Families that read a text with a structure: fields, numbers, pairs, brackets, small languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mrlm.splits import RowStream
from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import Argument, integers, one_of

__all__ = ["PARSING"]


def _joined(low: int, high: int) -> Argument:
    """Whole numbers joined by the problem's separator, which is its first text parameter."""
    number = integers(low, high)

    def draw(stream: RowStream, parameters: Sequence[object]) -> str:
        separator = next(str(value) for value in parameters if isinstance(value, str))
        count = stream.between(1, 6)
        return separator.join(str(number.draw(stream, parameters)) for _ in range(count))

    return Argument(draw, ("7", "0", str(high)), lambda value: [str(value), str(value + 1)])


def _brackets(stream: RowStream) -> str:
    depth, text = 0, ""
    for _ in range(stream.between(1, 6)):
        text += "([{"[stream.below(3)] if stream.below(4) == 0 else "("
        depth += 1
        while depth and stream.below(2):
            text += ")"
            depth -= 1
    return text + ")" * (depth if stream.below(3) else stream.below(4))


def _pairs(separator: str, equals: str) -> Callable[[RowStream], str]:
    def draw(stream: RowStream) -> str:
        return separator.join(
            f"{stream.pick('abcxyz')}{equals}{stream.between(0, 30)}"
            for _ in range(stream.between(1, 5))
        )

    return draw


def _clock(stream: RowStream) -> str:
    return f"{stream.between(0, 23):02}:{stream.between(0, 59):02}"


def _postfix(stream: RowStream) -> str:
    tokens = [str(stream.between(0, 9))]
    for _ in range(stream.between(0, 4)):
        tokens += [str(stream.between(0, 9)), stream.pick("+-*")]
    return " ".join(tokens)


def _postfix_deep(stream: RowStream) -> str:
    return f"{_postfix(stream)} {_postfix(stream)} {stream.pick('+-*')}"


def _roman(stream: RowStream) -> str:
    digits = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    tens = digits[stream.below(10)].translate(str.maketrans("IVX", "XLC"))
    return tens + digits[stream.between(1, 9)]


def _ranges(stream: RowStream) -> str:
    parts = []
    start = 0
    for _ in range(stream.between(1, 4)):
        start += stream.between(1, 5)
        parts.append(str(start))
        if stream.below(2):
            start += stream.between(1, 4)
            parts[-1] += f"-{start}"
    return ",".join(parts)


def _program(stream: RowStream) -> str:
    lines = [
        stream.pick(("add", "sub", "mul")) + f" {stream.between(0, 9)}"
        for _ in range(stream.between(1, 5))
    ]
    return ";".join(lines)


PARSING = (
    Family(
        "split_fields",
        "parsing",
        "easy",
        "train",
        "split_fields parse_fields columns",
        ("Split the text at every '$sep' and return the list of the parts.",),
        """
def $name(text: str) -> list[str]:
    return text.split("$sep")
""",
        {"sep": (",", ";", "|", ":", "/", "-")},
    ),
    Family(
        "first_field",
        "parsing",
        "easy",
        "train",
        "first_field before_separator head",
        (
            "Return the part of the text before the first '$sep', or the whole text if there is "
            "none.",
        ),
        """
def $name(text: str) -> str:
    return text.split("$sep")[0]
""",
        {"sep": (",", ";", "|", ":", "/", "-", "=")},
    ),
    Family(
        "last_field",
        "parsing",
        "easy",
        "test",
        "last_field after_separator extension",
        ("Return the part of the text after the last '$sep', or the whole text if there is none.",),
        """
def $name(text: str) -> str:
    return text.split("$sep")[-1]
""",
        {"sep": (",", ";", "|", ":", "/", ".", "=")},
    ),
    Family(
        "numbers_of",
        "parsing",
        "easy",
        "train",
        "parse_numbers read_numbers to_integers",
        ("The text holds whole numbers separated by '$sep'. Return them as a list of integers.",),
        """
def $name(text: str) -> list[int]:
    return [int(part) for part in text.split("$sep")]
""",
        {"sep": (",", ";", " ", "|", ":", "/")},
        {"text": _joined(-20, 99)},
    ),
    Family(
        "sum_of_fields",
        "parsing",
        "easy",
        "test",
        "add_fields sum_numbers total",
        ("The text holds whole numbers separated by '$sep'. Return their sum.",),
        """
def $name(text: str) -> int:
    return sum(int(part) for part in text.split("$sep"))
""",
        {"sep": (",", ";", " ", "|", ":", "/")},
        {"text": _joined(-20, 99)},
    ),
    Family(
        "number_plus",
        "parsing",
        "easy",
        "train",
        "parse_and_add read_number next_number",
        ("The text is a whole number, for example '12'. Return this number plus $k.",),
        """
def $name(text: str) -> int:
    return int(text) + $k
""",
        {"k": range(1, 20)},
        {"text": one_of(lambda stream: str(stream.between(-99, 999)), edges=("0", "-1", "007"))},
    ),
    Family(
        "largest_field",
        "parsing",
        "medium",
        "train",
        "${size}_above_$k pick_$size parse_$size",
        (
            "The text holds whole numbers separated by '$sep'. Return the $size number that is "
            "greater than $k, or $k if there is none.",
        ),
        """
def $name(text: str) -> int:
    found = []
    for part in text.split("$sep"):
        if int(part) > $k:
            found.append(int(part))
    return $which(found) if found else $k
""",
        {
            "sep": (",", ";", "/"),
            "size which": (("largest", "max"), ("smallest", "min")),
            "k": (0, 5, 10, 20),
        },
        {"text": _joined(-9, 40)},
    ),
    Family(
        "parse_pairs",
        "parsing",
        "medium",
        "train",
        "parse_pairs read_settings to_dictionary",
        (
            "The text holds pairs such as 'a${eq}1${sep}b${eq}2', separated by '$sep'. Return a "
            "dictionary from names to integers; of a name that is "
            "given twice, the last pair counts. "
            "An empty text gives an empty dictionary.",
        ),
        """
def $name(text: str) -> dict[str, int]:
    result = {}
    if text:
        for pair in text.split("$sep"):
            key, value = pair.split("$eq")
            result[key] = int(value)
    return result
""",
        {"sep": (";",), "eq": ("=",)},
        {"text": one_of(_pairs(";", "="), edges=("", "a=1", "a=1;a=2", "b=0;a=10"))},
    ),
    Family(
        "sum_pairs",
        "parsing",
        "medium",
        "test",
        "sum_by_key totals add_pairs",
        (
            "The text holds pairs such as 'a:1,b:2', separated by ','. Return a dictionary from "
            "names to the sum of their numbers, plus $k each. An empty text gives an empty "
            "dictionary.",
        ),
        """
def $name(text: str) -> dict[str, int]:
    result = {}
    if text:
        for pair in text.split(","):
            key, value = pair.split(":")
            result[key] = result.get(key, $k) + int(value)
    return result
""",
        {"k": range(0, 8)},
        {"text": one_of(_pairs(",", ":"), edges=("", "a:1", "a:1,a:2", "b:0,a:10"))},
    ),
    Family(
        "clock_minutes",
        "parsing",
        "medium",
        "train",
        "minutes_since_midnight clock_to_minutes add_to_clock",
        (
            "The text is a time such as '09:30'. Return the number of minutes since midnight, $k "
            "minute${k_s} later.",
        ),
        """
def $name(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes) + $k
""",
        {"k": range(1, 31, 3)},
        {"text": one_of(_clock, edges=("00:00", "23:59", "08:09", "12:00"))},
    ),
    Family(
        "later_clock",
        "parsing",
        "medium",
        "test",
        "later add_minutes_to_clock time_after",
        (
            "The text is a time such as '09:30'. Return the time $k "
            "minute${k_s} later in the same form; "
            "after 23:59 comes 00:00.",
        ),
        """
def $name(text: str) -> str:
    hours, minutes = text.split(":")
    total = (int(hours) * 60 + int(minutes) + $k) % 1440
    return f"{total // 60:02}:{total % 60:02}"
""",
        {"k": range(5, 100, 7)},
        {"text": one_of(_clock, edges=("00:00", "23:59", "08:09", "12:00", "22:58", "23:30"))},
    ),
    Family(
        "digits_of_text",
        "parsing",
        "medium",
        "train",
        "extract_digits number_in_text digits_times",
        (
            "Put the digits (0 to 9) of the text together to one whole number and return it times "
            "$k; a text without digits gives 0.",
        ),
        """
def $name(text: str) -> int:
    digits = ""
    for char in text:
        if char in "0123456789":
            digits += char
    return int(digits) * $k if digits else 0
""",
        {"k": range(1, 8)},
        {
            "text": one_of(
                lambda stream: "".join(stream.pick("ab7 0-3x42!") for _ in range(stream.below(8))),
                edges=("", "0", "a", "a1b2", "12 34"),
            )
        },
    ),
    Family(
        "balanced",
        "parsing",
        "hard",
        "train",
        "is_balanced check_brackets",
        (
            "Return True if every ( has a matching ) after it and every ) a matching ( before it, "
            "otherwise False. All other characters are ignored.",
        ),
        """
def $name(text: str) -> bool:
    depth = 0
    for char in text:
        if char == "(":
            depth += 1
        if char == ")":
            depth -= 1
        if depth < 0:
            return False
    return depth == 0
""",
        inputs={"text": one_of(_brackets, edges=("", "(", ")", "()", ")(", "())(", "(a)(b)"))},
    ),
    Family(
        "deepest_bracket",
        "parsing",
        "hard",
        "test",
        "deepest_bracket nesting max_depth",
        (
            "Return how deep the round brackets of the text are nested "
            "at most: 0 without brackets, 1 "
            "for '()', 2 for '(())'. If a ) comes without an open (, "
            "or a ( stays open, return $bad.",
        ),
        """
def $name(text: str) -> int:
    depth = 0
    deepest = 0
    for char in text:
        if char == "(":
            depth += 1
            deepest = max(deepest, depth)
        if char == ")":
            depth -= 1
        if depth < 0:
            return $bad
    return deepest if depth == 0 else $bad
""",
        {"bad": (-1, -2, 99)},
        {"text": one_of(_brackets, edges=("", "(", ")", "()", ")(", "(()())", "(a)(b)"))},
    ),
    Family(
        "postfix",
        "parsing",
        "hard",
        "train",
        "evaluate_postfix calculate rpn",
        (
            "Evaluate an expression in postfix notation, for example '3 4 +' is 7. Numbers and the "
            "operators + - * are separated by spaces. Return the result plus $k.",
        ),
        """
def $name(text: str) -> int:
    stack = []
    for token in text.split():
        if token in "+-*":
            right = stack.pop()
            left = stack.pop()
            if token == "+":
                stack.append(left + right)
            elif token == "-":
                stack.append(left - right)
            else:
                stack.append(left * right)
        else:
            stack.append(int(token))
    return stack[0] + $k
""",
        {"k": range(0, 6)},
        {"text": one_of(_postfix, _postfix_deep, edges=("7", "3 4 +", "3 4 -", "2 3 4 * +"))},
    ),
    Family(
        "commands",
        "parsing",
        "hard",
        "test",
        "run_commands execute apply_commands",
        (
            "Start with the number $start and apply the commands of "
            "the text, which are separated by "
            "';': 'add 3' adds 3, 'sub 3' subtracts 3, 'mul 3' multiplies by 3. Return the result; "
            "an empty text changes nothing.",
        ),
        """
def $name(text: str) -> int:
    value = $start
    if text:
        for command in text.split(";"):
            action, number = command.split()
            if action == "add":
                value += int(number)
            elif action == "sub":
                value -= int(number)
            else:
                value *= int(number)
    return value
""",
        {"start": range(1, 10)},
        {"text": one_of(_program, edges=("", "add 1", "sub 1", "mul 2", "add 2;mul 3;sub 4"))},
    ),
    Family(
        "roman",
        "parsing",
        "hard",
        "train",
        "roman_to_int parse_roman",
        (
            "Return the value of the Roman numeral, made of I (1), V "
            "(5), X (10), L (50) and C (100). "
            "A smaller sign before a larger one is subtracted.",
        ),
        """
def $name(text: str) -> int:
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
    total = 0
    for i in range(len(text)):
        value = values[text[i]]
        if i + 1 < len(text) and value < values[text[i + 1]]:
            total -= value
        else:
            total += value
    return total
""",
        inputs={"text": one_of(_roman, edges=("I", "IV", "IX", "XL", "XC", "XLIX", "LXXXVIII"))},
    ),
    Family(
        "expand_ranges",
        "parsing",
        "hard",
        "train",
        "expand_ranges parse_pages pages",
        (
            "Expand a list of pages such as '1-3,7' to the numbers [1, "
            "2, 3, 7], and add $k to each. "
            "The parts are separated by ',', and both ends of a range are included.",
        ),
        """
def $name(text: str) -> list[int]:
    result = []
    for part in text.split(","):
        if "-" in part:
            first, last = part.split("-")
        else:
            first = last = part
        for page in range(int(first), int(last) + 1):
            result.append(page + $k)
    return result
""",
        {"k": range(0, 6)},
        {"text": one_of(_ranges, edges=("1", "1-2", "5-5", "1-3,7", "2,3,9-12"))},
    ),
)
