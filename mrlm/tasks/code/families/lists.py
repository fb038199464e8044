"""Families on lists in one expression: elements, slices, filters, maps."""

from __future__ import annotations

from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import int_lists

__all__ = ["LISTS"]

_SOME = int_lists(shortest=1)
_TWO_OR_MORE = int_lists(shortest=2)

LISTS = (
    Family(
        "element_at_end",
        "lists",
        "easy",
        "train",
        "${which}_element get_$which pick",
        ("Return the $which element of the list. The list is never empty.",),
        """
def $name(numbers: list[int]) -> int:
    return numbers[$index]
""",
        {"which index": (("first", 0), ("last", -1))},
        {"numbers": _SOME},
    ),
    Family(
        "second_element",
        "lists",
        "easy",
        "test",
        "${word}_element get_$word pick",
        ("Return the $which element of the list. The list has at least two elements.",),
        """
def $name(numbers: list[int]) -> int:
    return numbers[$index]
""",
        {"which word index": (("second", "second", 1), ("second to last", "penultimate", -2))},
        {"numbers": _TWO_OR_MORE},
    ),
    Family(
        "sum_plus",
        "lists",
        "easy",
        "train",
        "sum_plus_$k total_plus add_up",
        ("Return the sum of the numbers plus $k.",),
        """
def $name(numbers: list[int]) -> int:
    return sum(numbers) + $k
""",
        {"k": range(1, 15)},
    ),
    Family(
        "sum_times",
        "lists",
        "easy",
        "test",
        "sum_times_$k scaled_total add_up",
        (
            "Return the sum of the numbers times $k.",
            "Add up the numbers and multiply the result by $k.",
        ),
        """
def $name(numbers: list[int]) -> int:
    return sum(numbers) * $k
""",
        {"k": range(2, 15)},
    ),
    Family(
        "length",
        "lists",
        "easy",
        "train",
        "count_items length how_many",
        ("Return the number of elements in the list.",),
        """
def $name(numbers: list[int]) -> int:
    return len(numbers)
""",
    ),
    Family(
        "extreme",
        "lists",
        "easy",
        "train",
        "$which find_$which get_$which",
        ("Return the $which number in the list. The list is never empty.",),
        """
def $name(numbers: list[int]) -> int:
    return $function(numbers)
""",
        {"which function": (("largest", "max"), ("smallest", "min"))},
        {"numbers": _SOME},
    ),
    Family(
        "spread",
        "lists",
        "easy",
        "test",
        "spread value_range max_minus_min",
        (
            "Return the difference between the largest and the smallest number in the list. The "
            "list is never empty.",
        ),
        """
def $name(numbers: list[int]) -> int:
    return max(numbers) - min(numbers)
""",
        inputs={"numbers": _SOME},
    ),
    Family(
        "multiply_each",
        "lists",
        "easy",
        "train",
        "times_$k multiply_each scale",
        ("Return a list with every number multiplied by $k.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return [n * $k for n in numbers]
""",
        {"k": range(2, 13)},
    ),
    Family(
        "add_to_each",
        "lists",
        "easy",
        "test",
        "add_${k}_to_each increase_all shift",
        ("Return a list with $k added to every number.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return [n + $k for n in numbers]
""",
        {"k": range(2, 13)},
    ),
    Family(
        "square_each",
        "lists",
        "easy",
        "train",
        "squares square_all square_each",
        ("Return a list with the square of every number.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return [n ** 2 for n in numbers]
""",
    ),
    Family(
        "keep_greater",
        "lists",
        "easy",
        "train",
        "keep_above_$k larger_than_$k filter_large",
        (
            "Return a list of the numbers that are greater than $k, in their order.",
            "Keep only the numbers above $k.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    return [n for n in numbers if n > $k]
""",
        {"k": range(-8, 13)},
    ),
    Family(
        "keep_less",
        "lists",
        "easy",
        "test",
        "keep_below_$k smaller_than_$k filter_small",
        (
            "Return a list of the numbers that are less than $k, in their order.",
            "Keep only the numbers below $k.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    return [n for n in numbers if n < $k]
""",
        {"k": range(1, 15)},
    ),
    Family(
        "keep_multiples",
        "lists",
        "easy",
        "train",
        "multiples_of_$k keep_multiples keep_divisible",
        ("Return a list of the numbers that are divisible by $k, in their order.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return [n for n in numbers if n % $k == 0]
""",
        {"k": range(2, 7)},
    ),
    Family(
        "remove_value",
        "lists",
        "easy",
        "test",
        "remove_$k without_$k drop_value",
        (
            "Return a list of the numbers that are not equal to $k, in their order.",
            "Remove every $k from the list.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    return [n for n in numbers if n != $k]
""",
        {"k": range(0, 12)},
    ),
    Family(
        "count_value",
        "lists",
        "easy",
        "train",
        "count_$k how_many_${k}s occurrences",
        ("Return how often the number $k occurs in the list.",),
        """
def $name(numbers: list[int]) -> int:
    return numbers.count($k)
""",
        {"k": range(0, 12)},
    ),
    Family(
        "contains",
        "lists",
        "easy",
        "train",
        "contains_$k has_$k is_there",
        ("Return True if the number $k is in the list, otherwise False.",),
        """
def $name(numbers: list[int]) -> bool:
    return $k in numbers
""",
        {"k": range(0, 12)},
        {"numbers": int_lists(-3, 14)},
    ),
    Family(
        "reverse_list",
        "lists",
        "easy",
        "train",
        "reverse_list backwards flip",
        ("Return the list in reverse order.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return numbers[::-1]
""",
    ),
    Family(
        "first_items",
        "lists",
        "easy",
        "train",
        "first_$k take head",
        ("Return the first $k element${k_s} of the list, or all if there are fewer.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return numbers[:$k]
""",
        {"k": range(1, 7)},
    ),
    Family(
        "without_first_items",
        "lists",
        "easy",
        "test",
        "skip_first_$k drop tail",
        ("Return the list without its first $k element${k_s}.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return numbers[$k:]
""",
        {"k": range(1, 7)},
    ),
)
