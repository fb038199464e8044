"""Families with a small algorithm: searching, two pointers, greatest divisors, tables of values."""

from __future__ import annotations

from dataclasses import replace

from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import int_lists, integers, words

__all__ = ["ALGORITHMS"]


def _halves(target: int) -> list[list[int]]:
    """A number that makes the target only when it is used twice, and two that make it."""
    half = target // 2
    return [[half], [0, half], [half, target - half]]


def _climbs(step: int) -> list[list[int]]:
    """A chain that just climbs enough, and one that just does not."""
    return [[0, step, 2 * step], [0, step - 1, 2 * step - 2]]


_SHORT = words("abc", longest=8)
_POSITIVE = integers(1, 120, (1, 2))

ALGORITHMS = (
    Family(
        "count_greater",
        "algorithms",
        "easy",
        "train",
        "count_above_$k how_many_above greater_count",
        ("Return how many numbers of the list are greater than $k.",),
        """
def $name(numbers: list[int]) -> int:
    return sum(1 for n in numbers if n > $k)
""",
        {"k": range(-8, 13)},
    ),
    Family(
        "count_less",
        "algorithms",
        "easy",
        "test",
        "count_below_$k how_many_below smaller_count",
        ("Return how many numbers of the list are less than $k.",),
        """
def $name(numbers: list[int]) -> int:
    return sum(1 for n in numbers if n < $k)
""",
        {"k": range(1, 15)},
    ),
    Family(
        "all_greater",
        "algorithms",
        "easy",
        "train",
        "all_above_$k all_greater check_all",
        (
            "Return True if all numbers of the list are greater than $k, otherwise False. An empty "
            "list gives True.",
        ),
        """
def $name(numbers: list[int]) -> bool:
    return all(n > $k for n in numbers)
""",
        {"k": range(-12, -2)},
        {"numbers": int_lists(-14, 20, longest=5)},
    ),
    Family(
        "any_less",
        "algorithms",
        "easy",
        "test",
        "any_below_$k some_smaller check_any",
        (
            "Return True if at least one number of the list is less than $k, otherwise False. An "
            "empty list gives False.",
        ),
        """
def $name(numbers: list[int]) -> bool:
    return any(n < $k for n in numbers)
""",
        {"k": range(1, 9)},
        {"numbers": int_lists(-1, 20, longest=5)},
    ),
    Family(
        "first_greater",
        "algorithms",
        "medium",
        "train",
        "first_above_$k find_first search",
        (
            "Return the position of the first number that is greater "
            "than $k, counting from 0, or -1 "
            "if there is none.",
        ),
        """
def $name(numbers: list[int]) -> int:
    for i in range(len(numbers)):
        if numbers[i] > $k:
            return i
    return -1
""",
        {"k": range(-4, 15)},
    ),
    Family(
        "last_less",
        "algorithms",
        "medium",
        "test",
        "last_below_$k find_last search_back",
        (
            "Return the position of the last number that is less than "
            "$k, counting from 0, or -1 if "
            "there is none.",
        ),
        """
def $name(numbers: list[int]) -> int:
    found = -1
    for i in range(len(numbers)):
        if numbers[i] < $k:
            found = i
    return found
""",
        {"k": range(1, 15)},
    ),
    Family(
        "dot_product",
        "algorithms",
        "medium",
        "train",
        "dot_product multiply_pairs inner",
        (
            "Multiply the numbers of the two lists at each position and return the sum of the "
            "products plus $k. If one list is longer, its further numbers are ignored.",
        ),
        """
def $name(first: list[int], second: list[int]) -> int:
    total = $k
    for a, b in zip(first, second):
        total += a * b
    return total
""",
        {"k": range(0, 10)},
    ),
    Family(
        "count_matches",
        "algorithms",
        "medium",
        "test",
        "count_differences mismatches compare_lists",
        (
            "Return at how many positions the numbers of the two lists "
            "differ by more than $k. If one "
            "list is longer, its further numbers are ignored.",
        ),
        """
def $name(first: list[int], second: list[int]) -> int:
    count = 0
    for a, b in zip(first, second):
        if abs(a - b) > $k:
            count += 1
    return count
""",
        {"k": range(1, 8)},
        {"first": int_lists(-6, 8), "second": int_lists(-6, 8)},
    ),
    Family(
        "two_sum",
        "algorithms",
        "medium",
        "train",
        "has_pair two_sum pair_exists",
        (
            "Return True if two numbers at different positions of the list add up to $target, "
            "otherwise False.",
        ),
        """
def $name(numbers: list[int]) -> bool:
    for i in range(len(numbers)):
        for j in range(i + 1, len(numbers)):
            if numbers[i] + numbers[j] == $target:
                return True
    return False
""",
        {"target": range(2, 13)},
        {"numbers": replace(int_lists(-1, 10, longest=6), near=_halves)},
    ),
    Family(
        "count_pairs",
        "algorithms",
        "medium",
        "test",
        "count_pairs pairs_with_gap_$gap close_pairs",
        (
            "Return how many pairs of positions i < j there are whose numbers differ by exactly "
            "$gap.",
        ),
        """
def $name(numbers: list[int]) -> int:
    count = 0
    for i in range(len(numbers)):
        for j in range(i + 1, len(numbers)):
            if abs(numbers[i] - numbers[j]) == $gap:
                count += 1
    return count
""",
        {"gap": range(0, 6)},
        {"numbers": int_lists(-3, 6)},
    ),
    Family(
        "gcd",
        "algorithms",
        "medium",
        "train",
        "gcd_times greatest_common_divisor common_factor",
        ("Return the greatest common divisor of a and b times $k (a and b are at least 1).",),
        """
def $name(a: int, b: int) -> int:
    while b != 0:
        a, b = b, a % b
    return a * $k
""",
        {"k": range(1, 7)},
        {"a": _POSITIVE, "b": _POSITIVE},
    ),
    Family(
        "lcm",
        "algorithms",
        "medium",
        "test",
        "lcm_plus least_common_multiple meet_again",
        ("Return the least common multiple of a and b plus $k (a and b are at least 1).",),
        """
def $name(a: int, b: int) -> int:
    multiple = a
    while multiple % b != 0:
        multiple += a
    return multiple + $k
""",
        {"k": range(0, 7)},
        {"a": _POSITIVE, "b": _POSITIVE},
    ),
    Family(
        "binary_search",
        "algorithms",
        "medium",
        "train",
        "insert_position where_to_insert binary_search",
        (
            "The list is in ascending order. Return how many of its numbers are less than x, plus "
            "$k.",
        ),
        """
def $name(numbers: list[int], x: int) -> int:
    low = 0
    high = len(numbers)
    while low < high:
        middle = (low + high) // 2
        if numbers[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low + $k
""",
        {"k": range(0, 7)},
        {"numbers": int_lists(-8, 9, ordered=True), "x": integers(-9, 10)},
    ),
    Family(
        "max_subarray",
        "algorithms",
        "hard",
        "train",
        "best_sum max_subarray largest_streak_sum",
        (
            "Return the largest sum of a run of neighbouring numbers, or $none if the list is "
            "empty.",
        ),
        """
def $name(numbers: list[int]) -> int:
    if not numbers:
        return $none
    best = numbers[0]
    current = numbers[0]
    for n in numbers[1:]:
        current = max(n, current + n)
        best = max(best, current)
    return best
""",
        {"none": (0, -1, 99, 1000)},
    ),
    Family(
        "best_trade",
        "algorithms",
        "hard",
        "test",
        "best_trade max_profit buy_and_sell",
        (
            "The list holds the prices of the days. Buy on one day and "
            "sell on a later one for a fee "
            "of $fee in all. Return the greatest profit, or 0 if no trade earns anything.",
        ),
        """
def $name(prices: list[int]) -> int:
    best = 0
    for i in range(len(prices)):
        for j in range(i + 1, len(prices)):
            best = max(best, prices[j] - prices[i] - $fee)
    return best
""",
        {"fee": range(0, 5)},
        {"prices": int_lists(1, 30)},
    ),
    Family(
        "longest_increasing",
        "algorithms",
        "hard",
        "train",
        "longest_increasing_subsequence lis longest_chain",
        (
            "Return the length of the longest subsequence (numbers in their order, not necessarily "
            "neighbours) in which each number is at least $k greater than the one before; 0 for an "
            "empty list.",
        ),
        """
def $name(numbers: list[int]) -> int:
    lengths = []
    for i in range(len(numbers)):
        best = 0
        for j in range(i):
            if numbers[j] + $k <= numbers[i]:
                best = max(best, lengths[j])
        lengths.append(best + 1)
    return max(lengths) if lengths else 0
""",
        {"k": range(1, 5)},
        {"numbers": replace(int_lists(-4, 12), near=_climbs)},
    ),
    Family(
        "longest_common",
        "algorithms",
        "hard",
        "test",
        "longest_common_subsequence lcs shared_length",
        (
            "Return the length of the longest sequence of characters "
            "that is contained in both texts "
            "in the same order, not necessarily without gaps. The letter '$skip' never counts.",
        ),
        """
def $name(first: str, second: str) -> int:
    previous = [0] * (len(second) + 1)
    for a in first:
        current = [0]
        for j in range(len(second)):
            if a == second[j] and a != "$skip":
                current.append(previous[j] + 1)
            else:
                current.append(max(previous[j + 1], current[j]))
        previous = current
    return previous[-1]
""",
        {"skip": ("a", "b", "c", "x")},
        {"first": _SHORT, "second": _SHORT},
    ),
    Family(
        "edit_distance",
        "algorithms",
        "hard",
        "train",
        "edit_distance changes_needed word_distance",
        (
            "Return the lowest cost of changing the first text into the second, where inserting or "
            "deleting a character costs 1 and replacing one costs $k.",
        ),
        """
def $name(first: str, second: str) -> int:
    previous = list(range(len(second) + 1))
    for i in range(len(first)):
        current = [i + 1]
        for j in range(len(second)):
            cost = 0 if first[i] == second[j] else $k
            current.append(min(previous[j] + cost, previous[j + 1] + 1, current[j] + 1))
        previous = current
    return previous[-1]
""",
        {"k": (1, 2)},
        {"first": _SHORT, "second": _SHORT},
    ),
    Family(
        "fewest_coins",
        "algorithms",
        "hard",
        "train",
        "fewest_coins min_coins change",
        ("Return the fewest coins of the values 1, $a and $b that add up to n (n >= 0).",),
        """
def $name(n: int) -> int:
    fewest = [0]
    for amount in range(1, n + 1):
        best = fewest[amount - 1]
        for coin in ($a, $b):
            if coin <= amount:
                best = min(best, fewest[amount - coin])
        fewest.append(best + 1)
    return fewest[n]
""",
        {"a": (3, 4, 5), "b": (7, 8, 9, 11)},
        {"n": integers(0, 60, (0, 1, 2, 12, 22))},
    ),
    Family(
        "count_change",
        "algorithms",
        "hard",
        "test",
        "count_change ways_to_pay combinations",
        (
            "Return in how many ways coins of the values 1, $a and $b add up to n, regardless of "
            "their order. For n = 0 there is one way (n >= 0).",
        ),
        """
def $name(n: int) -> int:
    ways = [1] + [0] * n
    for coin in (1, $a, $b):
        for amount in range(coin, n + 1):
            ways[amount] += ways[amount - coin]
    return ways[n]
""",
        {"a": (2, 3, 4), "b": (5, 7, 9)},
        {"n": integers(0, 60, (0, 1, 2, 12, 22))},
    ),
    Family(
        "primes_below",
        "algorithms",
        "hard",
        "train",
        "primes_up_to sieve list_primes",
        ("Return the list of all prime numbers from $low to n, n included.",),
        """
def $name(n: int) -> list[int]:
    is_prime = [True] * max(n + 1, 0)
    primes = []
    for i in range(2, n + 1):
        if is_prime[i]:
            if i >= $low:
                primes.append(i)
            for j in range(i * i, n + 1, i):
                is_prime[j] = False
    return primes
""",
        {"low": range(2, 12)},
        {"n": integers(0, 120, (0, 1, 2, 3, 4, 25, 49))},
    ),
    Family(
        "merge_ranges",
        "algorithms",
        "hard",
        "test",
        "covered_length merge_ranges total_covered",
        (
            "Every number s of the list starts a range of $k whole numbers: s, s + 1, ..., up to "
            "s + ${k} - 1. Return how many different numbers the ranges cover together.",
        ),
        """
def $name(starts: list[int]) -> int:
    covered = 0
    end = None
    for start in sorted(starts):
        if end is None or start >= end:
            covered += $k
        else:
            covered += start + $k - end
        end = start + $k
    return covered
""",
        {"k": range(2, 9)},
    ),
)
