"""Families that are naturally recursive: sequences, nested lists, combinations, moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mrlm.splits import RowStream
from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import int_lists, integers, one_of, words

__all__ = ["RECURSION"]

_STEPS = integers(0, 40, (0, 1, 2, 3))


def _nested(stream: RowStream, depth: int = 0) -> list[Any]:
    items: list[Any] = []
    for _ in range(stream.between(0, 4)):
        deeper = depth < 3 and stream.below(3) == 0
        items.append(_nested(stream, depth + 1) if deeper else stream.between(-9, 15))
    return items


_NESTED = one_of(_nested, edges=([], [3], [[]], [[[5]]], [1, [2, [3, [4]]]], [[1, 2], [3], []]))


def _parts(target: int) -> list[list[int]]:
    """Numbers that make the target together, and numbers that just miss it."""
    return [[1, target - 3, 2], [target - 1, target - 1], [target + 1, target - 2]]


RECURSION = (
    Family(
        "factorial_times",
        "recursion",
        "easy",
        "train",
        "factorial_times_$k scaled_factorial grow",
        ("Return the factorial of n times $k. The factorial of 0 is 1 (n >= 0).",),
        """
def $name(n: int) -> int:
    return $k if n == 0 else n * $name(n - 1)
""",
        {"k": range(1, 10)},
        {"n": _STEPS},
    ),
    Family(
        "sum_down",
        "recursion",
        "easy",
        "test",
        "sum_to_n triangle add_down",
        ("Return $k plus the sum of all whole numbers from 1 to n; for n = 0 return $k (n >= 0).",),
        """
def $name(n: int) -> int:
    return $k if n == 0 else n + $name(n - 1)
""",
        {"k": range(1, 12)},
        {"n": integers(0, 60, (0, 1, 2))},
    ),
    Family(
        "power",
        "recursion",
        "easy",
        "train",
        "power_of_$b raise_$b exponent",
        ("Return $b to the power of n (n >= 0).",),
        """
def $name(n: int) -> int:
    return 1 if n == 0 else $b * $name(n - 1)
""",
        {"b": range(2, 10)},
        {"n": integers(0, 40, (0, 1, 2))},
    ),
    Family(
        "countdown",
        "recursion",
        "easy",
        "train",
        "countdown count_down_by_$k steps_down",
        (
            "Return the list n, n - $k, n - ${k} - $k and so on, down to the last number that is "
            "greater than 0.",
        ),
        """
def $name(n: int) -> list[int]:
    return [n] + $name(n - $k) if n > 0 else []
""",
        {"k": range(1, 6)},
        {"n": integers(-2, 40, (0, 1, 2))},
    ),
    Family(
        "count_up",
        "recursion",
        "easy",
        "test",
        "count_up count_by_$k steps_up",
        (
            "Return the list of the first n multiples of $k: $k, 2 * $k and so on. For n = 0 it is "
            "empty (n >= 0).",
        ),
        """
def $name(n: int) -> list[int]:
    return $name(n - 1) + [n * $k] if n > 0 else []
""",
        {"k": range(2, 13)},
        {"n": integers(0, 30, (0, 1, 2))},
    ),
    Family(
        "fibonacci",
        "recursion",
        "medium",
        "train",
        "sequence_value term nth_value",
        (
            "A sequence starts with $a and $b; every later number is the sum of the two before it. "
            "Return number n of the sequence, counting from 0 (n >= 0).",
        ),
        """
def $name(n: int) -> int:
    first = $a
    second = $b
    for _ in range(n):
        first, second = second, first + second
    return first
""",
        {"a": range(0, 5), "b": range(1, 6)},
        {"n": _STEPS},
    ),
    Family(
        "scaled_sequence",
        "recursion",
        "medium",
        "test",
        "sequence_value term nth_value",
        (
            "A sequence starts with $a; every later number is $m times "
            "the one before it, minus $c. "
            "Return number n of the sequence, counting from 0 (n >= 0).",
        ),
        """
def $name(n: int) -> int:
    value = $a
    for _ in range(n):
        value = $m * value - $c
    return value
""",
        {"a": range(4, 9), "m": (2, 3), "c": (1, 2, 3)},
        {"n": _STEPS},
    ),
    Family(
        "flatten",
        "recursion",
        "medium",
        "train",
        "flatten flat_list unnest",
        (
            "Return all numbers of the nested list, which may hold lists in lists, in one flat "
            "list.",
        ),
        """
def $name(items: list) -> list[int]:
    result = []
    for item in items:
        if isinstance(item, list):
            result += $name(item)
        else:
            result.append(item)
    return result
""",
        inputs={"items": _NESTED},
    ),
    Family(
        "nested_sum",
        "recursion",
        "medium",
        "test",
        "nested_sum sum_all deep_total",
        (
            "Return the sum of all numbers of the nested list, which may hold lists in lists, that "
            "are greater than $k.",
        ),
        """
def $name(items: list) -> int:
    total = 0
    for item in items:
        if isinstance(item, list):
            total += $name(item)
        elif item > $k:
            total += item
    return total
""",
        {"k": range(-10, 8)},
        {"items": _NESTED},
    ),
    Family(
        "nested_depth",
        "recursion",
        "medium",
        "train",
        "depth nesting_depth levels",
        (
            "Return how deep the list is nested: 1 for a list without lists, 2 if it holds such a "
            "list, and so on.",
        ),
        """
def $name(items: list) -> int:
    deepest = 0
    for item in items:
        if isinstance(item, list):
            deepest = max(deepest, $name(item))
    return deepest + 1
""",
        inputs={"items": _NESTED},
    ),
    Family(
        "ways_up",
        "recursion",
        "hard",
        "train",
        "count_ways climb_stairs step_combinations",
        (
            "Return in how many ways a stair of n steps can be climbed "
            "when each move takes 1 or $k "
            "steps. For n = 0 there is one way (n >= 0).",
        ),
        """
def $name(n: int) -> int:
    ways = [1]
    for i in range(1, n + 1):
        count = ways[i - 1]
        if i >= $k:
            count += ways[i - $k]
        ways.append(count)
    return ways[n]
""",
        {"k": range(2, 7)},
        {"n": integers(0, 40, (0, 1, 2, 5, 6))},
    ),
    Family(
        "grid_paths",
        "recursion",
        "hard",
        "test",
        "count_paths grid_paths routes",
        (
            "Count the paths from the top left to the bottom right "
            "cell of a grid with $r row${r_s} and n "
            "columns, moving only right or down (n >= 1).",
        ),
        """
def $name(n: int) -> int:
    paths = [1] * n
    for _ in range($r - 1):
        for column in range(1, n):
            paths[column] += paths[column - 1]
    return paths[-1]
""",
        {"r": range(2, 9)},
        {"n": integers(1, 40, (1, 2, 3))},
    ),
    Family(
        "subset_sum",
        "recursion",
        "hard",
        "train",
        "can_make subset_sum reaches_$target",
        (
            "Return True if some of the numbers, each used at most "
            "once, add up to exactly $target, "
            "otherwise False. All numbers are positive.",
        ),
        """
def $name(numbers: list[int]) -> bool:
    sums = {0}
    for n in numbers:
        sums |= {total + n for total in sums}
    return $target in sums
""",
        {"target": range(6, 20)},
        {"numbers": replace(int_lists(1, 18, longest=5), near=_parts)},
    ),
    Family(
        "strings_of_length",
        "recursion",
        "hard",
        "test",
        "all_strings passwords combinations",
        (
            "Return all strings of length n that consist of '$x' and '$y', in alphabetical order. "
            "For n = 0 the list holds one empty string (0 <= n <= 3), and each string has the "
            "prefix p.",
        ),
        """
def $name(n: int, p: str) -> list[str]:
    if n == 0:
        return [p]
    return $name(n - 1, p + "$x") + $name(n - 1, p + "$y")
""",
        {"x y": (("a", "b"), ("0", "1"), ("m", "n"), ("x", "y"), ("A", "B"))},
        {"n": integers(0, 3, (1, 2)), "p": words("abxyz", longest=3)},
    ),
    Family(
        "tower_moves",
        "recursion",
        "medium",
        "train",
        "hanoi_moves tower_moves disk_moves",
        (
            "Moving a tower of n disks takes $m times the moves of a "
            "tower of n - 1 disks, plus $p. "
            "A tower of 0 disks takes 0 moves. Return the moves for n disks (n >= 0).",
        ),
        """
def $name(n: int) -> int:
    if n == 0:
        return 0
    return $m * $name(n - 1) + $p
""",
        {"m": (2, 3, 4), "p": range(1, 6)},
        {"n": _STEPS},
    ),
)
