"""Families on numbers: arithmetic, comparisons, digits, divisors."""

from __future__ import annotations

from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import integers

__all__ = ["NUMBERS"]

_POSITIVE = integers(1, 200, (1, 2, 3, 4))
_NATURAL = integers(0, 60, (0, 1, 2))

NUMBERS = (
    Family(
        "times_plus",
        "numbers",
        "easy",
        "train",
        "scale_and_shift linear compute apply_rule",
        (
            "Return x times $a, plus $b.",
            "Multiply x by $a and then add $b.",
            "Compute $a * x + $b.",
        ),
        """
def $name(x: int) -> int:
    return x * $a + $b
""",
        {"a": range(2, 10), "b": range(1, 13)},
    ),
    Family(
        "times_minus",
        "numbers",
        "easy",
        "test",
        "scale_and_reduce shrink compute apply_rule",
        (
            "Return x times $a, minus $b.",
            "Multiply x by $a and then subtract $b.",
            "Compute $a * x - $b.",
        ),
        """
def $name(x: int) -> int:
    return x * $a - $b
""",
        {"a": range(2, 10), "b": range(1, 13)},
    ),
    Family(
        "plus_constant",
        "numbers",
        "easy",
        "train",
        "add_$k plus_$k increase",
        ("Return x plus $k.", "Add $k to the number x."),
        """
def $name(x: int) -> int:
    return x + $k
""",
        {"k": range(2, 40)},
    ),
    Family(
        "from_constant",
        "numbers",
        "easy",
        "train",
        "subtract_from rest_to_$k missing_to_$k",
        ("Return $k minus x.", "Subtract the number x from $k."),
        """
def $name(x: int) -> int:
    return $k - x
""",
        {"k": range(5, 60)},
    ),
    Family(
        "minus_constant",
        "numbers",
        "easy",
        "test",
        "subtract_$k minus_$k decrease",
        ("Return x minus $k.", "Subtract $k from the number x."),
        """
def $name(x: int) -> int:
    return x - $k
""",
        {"k": range(2, 40)},
    ),
    Family(
        "power_plus",
        "numbers",
        "easy",
        "train",
        "square_plus square_and_add shifted_square",
        ("Return the square of x plus $k.", "Square x and add $k."),
        """
def $name(x: int) -> int:
    return x ** 2 + $k
""",
        {"k": range(1, 20)},
    ),
    Family(
        "cube_plus",
        "numbers",
        "easy",
        "test",
        "cube_plus cube_and_add shifted_cube",
        ("Return the cube of x plus $k.", "Raise x to the power of 3 and add $k."),
        """
def $name(x: int) -> int:
    return x ** 3 + $k
""",
        {"k": range(1, 20)},
    ),
    Family(
        "two_sum_scaled",
        "numbers",
        "easy",
        "train",
        "weighted_sum combine mix",
        ("Return $a times x plus $b times y.", "Multiply x by $a and y by $b and add the two."),
        """
def $name(x: int, y: int) -> int:
    return $a * x + $b * y
""",
        {"a": range(2, 9), "b": range(2, 9)},
    ),
    Family(
        "extreme_of_three",
        "numbers",
        "easy",
        "train",
        "largest_of_three max_of_three biggest",
        (
            "Return the largest of the three numbers a, b and c.",
            "Find the maximum of three numbers.",
        ),
        """
def $name(a: int, b: int, c: int) -> int:
    return max(a, b, c)
""",
    ),
    Family(
        "smallest_of_two_plus",
        "numbers",
        "easy",
        "test",
        "smaller_plus_$k min_plus lower_bound",
        ("Return the smaller of a and b, plus $k.", "Add $k to the minimum of a and b."),
        """
def $name(a: int, b: int) -> int:
    return min(a, b) + $k
""",
        {"k": range(1, 12)},
    ),
    Family(
        "distance",
        "numbers",
        "easy",
        "train",
        "distance_to_$k gap_to_$k difference",
        (
            "Return the distance between x and $k, never negative.",
            "Return the absolute difference of x and $k.",
        ),
        """
def $name(x: int) -> int:
    return abs(x - $k)
""",
        {"k": range(2, 40)},
    ),
    Family(
        "is_multiple",
        "numbers",
        "easy",
        "train",
        "is_divisible_by_$k is_multiple_of_$k divides_evenly",
        (
            "Return True if x is divisible by $k, otherwise False.",
            "Check whether x is a multiple of $k.",
        ),
        """
def $name(x: int) -> bool:
    return x % $k == 0
""",
        {"k": range(2, 8)},
    ),
    Family(
        "is_greater",
        "numbers",
        "easy",
        "train",
        "is_above_$k is_greater_than_$k exceeds",
        (
            "Return True if x is greater than $k, otherwise False.",
            "Check whether x is larger than $k.",
        ),
        """
def $name(x: int) -> bool:
    return x > $k
""",
        {"k": range(-20, 30)},
    ),
    Family(
        "is_less",
        "numbers",
        "easy",
        "test",
        "is_below_$k is_less_than_$k stays_under",
        (
            "Return True if x is less than $k, otherwise False.",
            "Check whether x is smaller than $k.",
        ),
        """
def $name(x: int) -> bool:
    return x < $k
""",
        {"k": range(1, 40)},
    ),
    Family(
        "remainder",
        "numbers",
        "easy",
        "train",
        "remainder_by_$k mod_$k rest",
        ("Return the remainder of x divided by $k.", "Return x modulo $k."),
        """
def $name(x: int) -> int:
    return x % $k
""",
        {"k": range(3, 15)},
        {"x": integers(0, 200)},
    ),
    Family(
        "whole_quotient",
        "numbers",
        "easy",
        "test",
        "full_groups whole_boxes quotient_by_$k",
        (
            "Return how many times $k fits completely into x.",
            "Return x divided by $k, rounded down to a whole number.",
        ),
        """
def $name(x: int) -> int:
    return x // $k
""",
        {"k": range(3, 15)},
        {"x": integers(0, 200)},
    ),
    Family(
        "clamp",
        "numbers",
        "medium",
        "train",
        "clamp limit keep_in_range",
        (
            "Limit x to the range from $low to $high: return $low if x is smaller, $high if x is "
            "larger, else x.",
        ),
        """
def $name(x: int) -> int:
    if x < $low:
        return $low
    if x > $high:
        return $high
    return x
""",
        {"low": range(-15, 5), "high": range(6, 25)},
    ),
    Family(
        "digit_sum",
        "numbers",
        "medium",
        "train",
        "digit_sum sum_of_digits add_digits",
        (
            "Return the sum of the decimal digits of the number n, where n >= 0.",
            "Add up the digits of n. The number n is never negative.",
        ),
        """
def $name(n: int) -> int:
    total = 0
    while n > 0:
        total += n % 10
        n //= 10
    return total
""",
        inputs={"n": integers(0, 99_999, (0, 9, 10, 19))},
    ),
    Family(
        "digit_count",
        "numbers",
        "medium",
        "test",
        "count_digit how_often count_${d}s",
        (
            "Return how often the digit $d occurs in the number n, where n >= 0.",
            "Count the digits of n that are equal to $d. The number n is never negative.",
        ),
        """
def $name(n: int) -> int:
    count = 0
    for digit in str(n):
        if digit == "$d":
            count += 1
    return count
""",
        {"d": range(0, 10)},
        {"n": integers(0, 99_999, (0, 10, 11, 1234567890, 998_877, 665_544, 332_211))},
    ),
    Family(
        "sum_of_multiples",
        "numbers",
        "medium",
        "train",
        "sum_of_multiples add_multiples total",
        (
            "Return the sum of all multiples of $k from 1 to n, n included.",
            "Add up the numbers from 1 to n (included) that are divisible by $k.",
        ),
        """
def $name(n: int) -> int:
    total = 0
    for i in range(1, n + 1):
        if i % $k == 0:
            total += i
    return total
""",
        {"k": range(2, 10)},
        {"n": _NATURAL},
    ),
    Family(
        "count_multiples",
        "numbers",
        "medium",
        "test",
        "count_multiples_up_to multiples_below how_many",
        ("Return how many numbers from 1 to n, n included, are divisible by $k or by $m.",),
        """
def $name(n: int) -> int:
    count = 0
    for i in range(1, n + 1):
        if i % $k == 0 or i % $m == 0:
            count += 1
    return count
""",
        {"k": (2, 3, 4), "m": (5, 7, 9, 11)},
        {"n": _NATURAL},
    ),
    Family(
        "divisors",
        "numbers",
        "medium",
        "train",
        "divisors list_divisors factors",
        ("Return the list of all divisors of n in ascending order, 1 and n included (n >= 1).",),
        """
def $name(n: int) -> list[int]:
    result = []
    for i in range(1, n + 1):
        if n % i == 0:
            result.append(i)
    return result
""",
        inputs={"n": _POSITIVE},
    ),
    Family(
        "divisor_count",
        "numbers",
        "medium",
        "test",
        "count_divisors number_of_divisors",
        ("Return how many divisors n has that are greater than $k (n >= 1; n itself counts).",),
        """
def $name(n: int) -> int:
    count = 0
    for i in range($k + 1, n + 1):
        if n % i == 0:
            count += 1
    return count
""",
        {"k": range(0, 6)},
        {"n": _POSITIVE},
    ),
    Family(
        "is_prime",
        "numbers",
        "hard",
        "train",
        "is_prime check_prime",
        ("Return True if n is a prime number, otherwise False. Numbers below 2 are not prime.",),
        """
def $name(n: int) -> bool:
    if n < 2:
        return False
    for i in range(2, n):
        if n % i == 0:
            return False
    return True
""",
        inputs={"n": integers(-5, 60, (0, 1, 2, 3, 4, 9, 25, 49))},
    ),
    Family(
        "prime_factors",
        "numbers",
        "hard",
        "test",
        "prime_factors factorize",
        (
            "Return the prime factors of n in ascending order, repeated as often as they divide n. "
            "For n = 1 return an empty list (n >= 1).",
        ),
        """
def $name(n: int) -> list[int]:
    factors = []
    divisor = 2
    while n > 1:
        while n % divisor == 0:
            factors.append(divisor)
            n //= divisor
        divisor += 1
    return factors
""",
        inputs={"n": integers(1, 200, (1, 2, 4, 36, 97, 128))},
    ),
    Family(
        "to_base",
        "numbers",
        "hard",
        "train",
        "to_base_$b convert_to_base_$b digits_in_base_$b",
        ("Return n written in base $b as a string of digits. For 0 return '0' (n >= 0).",),
        """
def $name(n: int) -> str:
    if n == 0:
        return "0"
    digits = ""
    while n > 0:
        digits = str(n % $b) + digits
        n //= $b
    return digits
""",
        {"b": range(2, 10)},
        {"n": integers(0, 500, (0, 1, 2, 8, 9, 64, 81))},
    ),
)
