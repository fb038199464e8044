"""Families on sorting: by value, by a key, with ties, parts of a sorted list."""

from __future__ import annotations

from dataclasses import replace

from mrlm.splits import RowStream
from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import int_lists, one_of, pairs

__all__ = ["SORTING"]

_SOME = int_lists(shortest=1)


def _climb(stream: RowStream) -> list[int]:
    """Numbers that mostly grow by a little."""
    numbers = [stream.between(-5, 5)]
    for _ in range(stream.between(1, 4)):
        numbers.append(numbers[-1] + stream.between(-1, 6))
    return numbers


def _few_distinct(rank: int) -> list[list[int]]:
    """Just enough distinct numbers for a rank, and one too few."""
    return [list(range(rank)), [*range(rank - 1), 0]] if 1 < rank < 9 else []


SORTING = (
    Family(
        "ascending",
        "sorting",
        "easy",
        "train",
        "sort_numbers sort_list in_order",
        ("Return the numbers in ascending order.", "Sort the numbers from smallest to largest."),
        """
def $name(numbers: list[int]) -> list[int]:
    return sorted(numbers)
""",
    ),
    Family(
        "descending",
        "sorting",
        "easy",
        "test",
        "sort_descending largest_first sort_down",
        ("Return the numbers in descending order.", "Sort the numbers from largest to smallest."),
        """
def $name(numbers: list[int]) -> list[int]:
    return sorted(numbers, reverse=True)
""",
    ),
    Family(
        "smallest_items",
        "sorting",
        "easy",
        "train",
        "smallest_$k lowest bottom_$k",
        ("Return the $k smallest numbers in ascending order, or all if there are fewer.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return sorted(numbers)[:$k]
""",
        {"k": range(2, 7)},
    ),
    Family(
        "largest_items",
        "sorting",
        "easy",
        "test",
        "largest_$k highest top_$k",
        ("Return the $k largest numbers in descending order, or all if there are fewer.",),
        """
def $name(numbers: list[int]) -> list[int]:
    return sorted(numbers, reverse=True)[:$k]
""",
        {"k": range(2, 7)},
    ),
    Family(
        "sort_words",
        "sorting",
        "easy",
        "train",
        "sort_words alphabetical order_names",
        ("Return the words sorted as Python sorts strings.",),
        """
def $name(words: list[str]) -> list[str]:
    return sorted(words)
""",
    ),
    Family(
        "by_length",
        "sorting",
        "medium",
        "train",
        "sort_by_length shortest_first order_by_size",
        ("Sort the words by length, the $which first; words of equal length keep their order.",),
        """
def $name(words: list[str]) -> list[str]:
    return sorted(words, key=lambda word: $sign)
""",
        {"which sign": (("shortest", "len(word)"), ("longest", "-len(word)"))},
    ),
    Family(
        "by_last_letter",
        "sorting",
        "medium",
        "test",
        "sort_by_${word}_letter order_by_letter",
        (
            "Sort the words by their $which letter; words with the same $which letter keep their "
            "order.",
        ),
        """
def $name(words: list[str]) -> list[str]:
    return sorted(words, key=lambda word: word[$index])
""",
        {"which word index": (("last", "last", -1), ("first", "first", 0))},
    ),
    Family(
        "by_distance",
        "sorting",
        "medium",
        "train",
        "sort_by_distance nearest_first closest_to_$k",
        (
            "Sort the numbers by their distance to $k, nearest first; "
            "the smaller of two numbers at "
            "the same distance comes first.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    return sorted(numbers, key=lambda n: (abs(n - $k), n))
""",
        {"k": range(-6, 10)},
    ),
    Family(
        "by_remainder",
        "sorting",
        "medium",
        "test",
        "sort_by_remainder order_by_mod_$k",
        (
            "Sort the numbers by their remainder modulo $k (Python's %); numbers with the same "
            "remainder in ascending order.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    return sorted(numbers, key=lambda n: (n % $k, n))
""",
        {"k": range(2, 9)},
    ),
    Family(
        "pairs_by_number",
        "sorting",
        "medium",
        "train",
        "sort_pairs ranking by_score",
        (
            "Sort the (name, score) pairs by score, the $which first; pairs with equal scores by "
            "name in alphabetical order.",
        ),
        """
def $name(pairs: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(pairs, key=lambda pair: ($sign, pair[0]))
""",
        {"which sign": (("lowest", "pair[1]"), ("highest", "-pair[1]"))},
        {"pairs": pairs()},
    ),
    Family(
        "kth_smallest",
        "sorting",
        "medium",
        "train",
        "kth_smallest number_$k pick_sorted",
        (
            "Return number $k (counting from 1) of the list in ascending order, or the largest "
            "number if the list has fewer. The list is never empty.",
        ),
        """
def $name(numbers: list[int]) -> int:
    ordered = sorted(numbers)
    if len(ordered) < $k:
        return ordered[-1]
    return ordered[$k - 1]
""",
        {"k": range(2, 7)},
        {"numbers": _SOME},
    ),
    Family(
        "kth_distinct_largest",
        "sorting",
        "medium",
        "test",
        "kth_largest_distinct rank_$k podium",
        (
            "Return number $k (counting from 1) of the distinct values in descending order, or "
            "$none if there are fewer.",
        ),
        """
def $name(numbers: list[int]) -> int:
    ordered = sorted(set(numbers), reverse=True)
    if len(ordered) < $k:
        return $none
    return ordered[$k - 1]
""",
        {"k": (2, 3, 4), "none": (-1, 99)},
        {"numbers": replace(int_lists(), near=_few_distinct)},
    ),
    Family(
        "middle",
        "sorting",
        "medium",
        "train",
        "middle_value lower_median center",
        (
            "Return the middle of the sorted numbers; of an even count, the smaller of the two "
            "middle ones. The list is never empty.",
        ),
        """
def $name(numbers: list[int]) -> int:
    ordered = sorted(numbers)
    return ordered[(len(ordered) - 1) // 2]
""",
        inputs={"numbers": _SOME},
    ),
    Family(
        "is_sorted",
        "sorting",
        "medium",
        "test",
        "is_sorted grows check_order",
        (
            "Return True if every number is at least $k greater than the one before it, otherwise "
            "False. Lists with fewer than two numbers give True.",
        ),
        """
def $name(numbers: list[int]) -> bool:
    for i in range(1, len(numbers)):
        if numbers[i] < numbers[i - 1] + $k:
            return False
    return True
""",
        {"k": range(0, 4)},
        {"numbers": one_of(_climb, edges=([], [3], [1, 2], [2, 1], [5, 5], [0, 9, 4]))},
    ),
    Family(
        "by_frequency",
        "sorting",
        "hard",
        "train",
        "sort_by_frequency most_common_first",
        (
            "Return the distinct numbers sorted by how often they occur, the most frequent first; "
            "equally frequent ones in $order order.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    return sorted(set(numbers), key=lambda n: (-numbers.count(n), $sign))
""",
        {"order sign": (("ascending", "n"), ("descending", "-n"))},
        {"numbers": int_lists(0, 6, longest=12)},
    ),
    Family(
        "merge_sorted",
        "sorting",
        "hard",
        "test",
        "merge_sorted merge_lists combine_sorted",
        (
            "Merge two lists, each in ascending order, into one in ascending order, and leave out "
            "every number that is less than $k.",
        ),
        """
def $name(first: list[int], second: list[int]) -> list[int]:
    result = []
    i = 0
    j = 0
    while i < len(first) or j < len(second):
        if j == len(second) or (i < len(first) and first[i] <= second[j]):
            n = first[i]
            i += 1
        else:
            n = second[j]
            j += 1
        if n >= $k:
            result.append(n)
    return result
""",
        {"k": range(-5, 6)},
        {"first": int_lists(ordered=True), "second": int_lists(ordered=True)},
    ),
    Family(
        "odd_before_even",
        "sorting",
        "hard",
        "train",
        "odd_before_even separate arrange",
        (
            "Return the odd numbers in ascending order, followed by the even numbers in descending "
            "order.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    odd = []
    even = []
    for n in sorted(numbers):
        if n % 2 == 0:
            even.insert(0, n)
        else:
            odd.append(n)
    return odd + even
""",
    ),
)
