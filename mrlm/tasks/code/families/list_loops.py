"""Families on lists that take a loop: running values, neighbours, windows, positions."""

from __future__ import annotations

from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import int_lists

__all__ = ["LIST_LOOPS"]

_SOME = int_lists(shortest=1)
_TWO_OR_MORE = int_lists(shortest=2)

LIST_LOOPS = (
    Family(
        "sum_of_squares",
        "lists",
        "medium",
        "train",
        "sum_of_squares add_squares total",
        ("Return the sum of the squares of the numbers that are greater than $k.",),
        """
def $name(numbers: list[int]) -> int:
    total = 0
    for n in numbers:
        if n > $k:
            total += n ** 2
    return total
""",
        {"k": range(-5, 8)},
    ),
    Family(
        "sum_of_cubes",
        "lists",
        "medium",
        "test",
        "sum_of_cubes add_cubes total",
        ("Return the sum of the cubes of the numbers that are less than $k.",),
        """
def $name(numbers: list[int]) -> int:
    total = 0
    for n in numbers:
        if n < $k:
            total += n ** 3
    return total
""",
        {"k": range(2, 12)},
    ),
    Family(
        "running_sum",
        "lists",
        "medium",
        "train",
        "running_sum cumulative_sum prefix_sums",
        (
            "Return the running sums: element i of the result is $k "
            "plus the sum of the first i + 1 "
            "numbers.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    result = []
    total = $k
    for n in numbers:
        total += n
        result.append(total)
    return result
""",
        {"k": range(0, 10)},
    ),
    Family(
        "running_extreme",
        "lists",
        "medium",
        "test",
        "running_$which highest_so_far track",
        ("Return a list whose element i is the $which of the first i + 1 numbers.",),
        """
def $name(numbers: list[int]) -> list[int]:
    result = []
    for n in numbers:
        if not result or n $op result[-1]:
            result.append(n)
        else:
            result.append(result[-1])
    return result
""",
        {"which op": (("maximum", ">"), ("minimum", "<"))},
    ),
    Family(
        "unique",
        "lists",
        "medium",
        "train",
        "unique remove_duplicates distinct",
        ("Return the numbers without duplicates, each at the place of its first occurrence.",),
        """
def $name(numbers: list[int]) -> list[int]:
    result = []
    for n in numbers:
        if n not in result:
            result.append(n)
    return result
""",
    ),
    Family(
        "repeated",
        "lists",
        "medium",
        "test",
        "repeated_values duplicates find_repeated",
        (
            "Return the numbers that occur at least $k time${k_s}, each once, ordered by first "
            "occurrence.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    result = []
    for n in numbers:
        if numbers.count(n) >= $k and n not in result:
            result.append(n)
    return result
""",
        {"k": (2, 3)},
        {"numbers": int_lists(0, 5, longest=10)},
    ),
    Family(
        "differences",
        "lists",
        "medium",
        "train",
        "differences deltas changes",
        (
            "Return the differences between neighbours: each number minus the one before it. The "
            "result is empty for fewer than two numbers.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    result = []
    for i in range(1, len(numbers)):
        result.append(numbers[i] - numbers[i - 1])
    return result
""",
    ),
    Family(
        "neighbour_sums",
        "lists",
        "medium",
        "test",
        "neighbour_sums pair_sums adjacent_sums",
        (
            "Return the sum of each number and $k times the one after it. The result is empty for "
            "fewer than two numbers.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    result = []
    for i in range(len(numbers) - 1):
        result.append(numbers[i] + $k * numbers[i + 1])
    return result
""",
        {"k": range(2, 9)},
    ),
    Family(
        "rotate",
        "lists",
        "medium",
        "train",
        "rotate_left rotate move_front_to_back",
        (
            "Move the first $k element${k_s} to the end of the list. A list with fewer than $k "
            "element${k_s} "
            "stays as it is.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    if len(numbers) < $k:
        return numbers
    return numbers[$k:] + numbers[:$k]
""",
        {"k": range(1, 6)},
    ),
    Family(
        "chunks",
        "lists",
        "medium",
        "train",
        "chunks split_into_groups_of_$k batches",
        (
            "Split the list into lists of $k element${k_s}; the last one may be shorter. "
            "An empty list "
            "gives an empty list.",
        ),
        """
def $name(numbers: list[int]) -> list[list[int]]:
    result = []
    for start in range(0, len(numbers), $k):
        result.append(numbers[start:start + $k])
    return result
""",
        {"k": range(2, 6)},
    ),
    Family(
        "window_sums",
        "lists",
        "hard",
        "train",
        "best_window max_window_sum largest_window",
        (
            "Return the largest sum of $k neighbouring numbers, or 0 if the list has fewer than $k "
            "numbers.",
        ),
        """
def $name(numbers: list[int]) -> int:
    if len(numbers) < $k:
        return 0
    best = sum(numbers[:$k])
    for i in range(1, len(numbers) - $k + 1):
        best = max(best, sum(numbers[i:i + $k]))
    return best
""",
        {"k": range(2, 6)},
        {"numbers": int_lists(longest=10)},
    ),
    Family(
        "increasing_run",
        "lists",
        "hard",
        "test",
        "longest_increasing_run longest_climb growth_streak",
        (
            "Return the length of the longest run of neighbouring "
            "numbers in which each is at least "
            "$k greater than the one before it; 0 for an empty list.",
        ),
        """
def $name(numbers: list[int]) -> int:
    if not numbers:
        return 0
    best = 1
    length = 1
    for i in range(1, len(numbers)):
        if numbers[i] >= numbers[i - 1] + $k:
            length += 1
        else:
            length = 1
        best = max(best, length)
    return best
""",
        {"k": range(1, 5)},
        {"numbers": int_lists(0, 9, longest=10)},
    ),
    Family(
        "move_to_end",
        "lists",
        "hard",
        "train",
        "move_to_end push_back_$k reorder",
        (
            "Move every $k to the end of the list and keep the order of the other numbers. Then "
            "append the number of elements moved.",
        ),
        """
def $name(numbers: list[int]) -> list[int]:
    kept = []
    moved = 0
    for n in numbers:
        if n == $k:
            moved += 1
        else:
            kept.append(n)
    return kept + [$k] * moved + [moved]
""",
        {"k": range(0, 8)},
        {"numbers": int_lists(-2, 9)},
    ),
    Family(
        "index_of",
        "lists",
        "medium",
        "train",
        "position_of_$which index_of_$which where",
        (
            "Return the position of the $which number in the list, "
            "counting from 0; the first one if "
            "it occurs several times. The list is never empty.",
        ),
        """
def $name(numbers: list[int]) -> int:
    best = 0
    for i in range(len(numbers)):
        if numbers[i] $op numbers[best]:
            best = i
    return best
""",
        {"which op": (("largest", ">"), ("smallest", "<"))},
        {"numbers": _SOME},
    ),
    Family(
        "weighted_positions",
        "lists",
        "medium",
        "test",
        "weighted_sum position_score index_product",
        ("Return the sum of each number times its position, counting positions from $k.",),
        """
def $name(numbers: list[int]) -> int:
    total = 0
    for i in range(len(numbers)):
        total += numbers[i] * (i + $k)
    return total
""",
        {"k": range(0, 7)},
    ),
)
