"""Families on dictionaries: look up, count, filter, group, merge."""

from __future__ import annotations

from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import choices, counts, int_lists

__all__ = ["DICTS"]

_SOME = counts(shortest=1)

DICTS = (
    Family(
        "value_or_default",
        "dicts",
        "easy",
        "train",
        "get_or_$k look_up value_of",
        ("Return the value of the key in the dictionary, or $k if the key is missing.",),
        """
def $name(counts: dict[str, int], key: str) -> int:
    return counts.get(key, $k)
""",
        {"k": range(-3, 12)},
        {"counts": counts(keys="abcdefgh"), "key": choices(*"abcdefgh")},
    ),
    Family(
        "sum_of_values",
        "dicts",
        "easy",
        "train",
        "sum_values total add_values",
        ("Return the sum of all values of the dictionary plus $k.",),
        """
def $name(counts: dict[str, int]) -> int:
    return sum(counts.values()) + $k
""",
        {"k": range(1, 15)},
    ),
    Family(
        "sum_of_values_times",
        "dicts",
        "easy",
        "test",
        "scaled_total revenue multiply_values",
        ("Return the sum of all values of the dictionary times $k.",),
        """
def $name(counts: dict[str, int]) -> int:
    return sum(counts.values()) * $k
""",
        {"k": range(2, 15)},
    ),
    Family(
        "key_list",
        "dicts",
        "easy",
        "train",
        "sorted_keys list_keys names",
        ("Return the keys of the dictionary as a list in alphabetical order.",),
        """
def $name(counts: dict[str, int]) -> list[str]:
    return sorted(counts)
""",
    ),
    Family(
        "value_list",
        "dicts",
        "easy",
        "test",
        "sorted_values list_values amounts",
        ("Return the values of the dictionary as a list in ascending order.",),
        """
def $name(counts: dict[str, int]) -> list[int]:
    return sorted(counts.values())
""",
    ),
    Family(
        "has_key",
        "dicts",
        "easy",
        "train",
        "has_$key contains_$key is_known",
        ("Return True if the dictionary has the key '$key', otherwise False.",),
        """
def $name(counts: dict[str, int]) -> bool:
    return "$key" in counts
""",
        {"key": ("a", "apple", "river", "tea", "sun", "owl", "map")},
    ),
    Family(
        "entry_count",
        "dicts",
        "easy",
        "train",
        "count_entries size number_of_keys",
        ("Return the number of keys of the dictionary.",),
        """
def $name(counts: dict[str, int]) -> int:
    return len(counts)
""",
    ),
    Family(
        "keep_large_values",
        "dicts",
        "medium",
        "train",
        "keep_above_$k filter_counts large_entries",
        ("Return a dictionary of the entries whose value is greater than $k.",),
        """
def $name(counts: dict[str, int]) -> dict[str, int]:
    result = {}
    for key, value in counts.items():
        if value > $k:
            result[key] = value
    return result
""",
        {"k": range(-2, 14)},
    ),
    Family(
        "keys_of_small_values",
        "dicts",
        "medium",
        "test",
        "keys_below_$k rare_keys low_stock",
        ("Return the keys whose value is less than $k, in alphabetical order.",),
        """
def $name(counts: dict[str, int]) -> list[str]:
    result = []
    for key, value in counts.items():
        if value < $k:
            result.append(key)
    return sorted(result)
""",
        {"k": range(1, 16)},
    ),
    Family(
        "scale_values",
        "dicts",
        "medium",
        "train",
        "scale_values multiply_all raise_prices",
        ("Return a dictionary with the same keys and every value multiplied by $k.",),
        """
def $name(counts: dict[str, int]) -> dict[str, int]:
    result = {}
    for key, value in counts.items():
        result[key] = value * $k
    return result
""",
        {"k": range(2, 13)},
    ),
    Family(
        "shift_values",
        "dicts",
        "medium",
        "test",
        "add_to_values adjust_all restock",
        ("Return a dictionary with the same keys and every value increased by $k.",),
        """
def $name(counts: dict[str, int]) -> dict[str, int]:
    result = {}
    for key, value in counts.items():
        result[key] = value + $k
    return result
""",
        {"k": range(2, 13)},
    ),
    Family(
        "count_letters",
        "dicts",
        "medium",
        "train",
        "count_letters letter_counts frequencies",
        (
            "Return a dictionary from each character of the text, except '$skip', to how often it "
            "occurs.",
        ),
        """
def $name(text: str) -> dict[str, int]:
    result = {}
    for char in text:
        if char != "$skip":
            result[char] = result.get(char, 0) + 1
    return result
""",
        {"skip": tuple(" aeno")},
    ),
    Family(
        "count_items",
        "dicts",
        "medium",
        "test",
        "tally count_numbers histogram",
        (
            "Return a dictionary from each number of the list that is at least $k to how often it "
            "occurs.",
        ),
        """
def $name(numbers: list[int]) -> dict[int, int]:
    result = {}
    for n in numbers:
        if n >= $k:
            result[n] = result.get(n, 0) + 1
    return result
""",
        {"k": range(-4, 7)},
        {"numbers": int_lists(-8, 12, longest=10)},
    ),
    Family(
        "group_by_length",
        "dicts",
        "hard",
        "train",
        "group_by_length words_by_length",
        (
            "Group the words by length: return a dictionary from each "
            "length that is at least $k to "
            "the list of the words of this length, in their order.",
        ),
        """
def $name(words: list[str]) -> dict[int, list[str]]:
    groups = {}
    for word in words:
        if len(word) >= $k:
            groups.setdefault(len(word), []).append(word)
    return groups
""",
        {"k": range(1, 7)},
    ),
    Family(
        "group_by_letter",
        "dicts",
        "hard",
        "test",
        "group_by_letter index_words",
        (
            "Group the words by their $which letter: return a dictionary from this letter to the "
            "list of its words without duplicates, in alphabetical order.",
        ),
        """
def $name(words: list[str]) -> dict[str, list[str]]:
    groups = {}
    for word in sorted(set(words)):
        groups.setdefault(word[$index], []).append(word)
    return groups
""",
        {"which index": (("first", 0), ("last", -1))},
    ),
    Family(
        "merge_counts",
        "dicts",
        "medium",
        "train",
        "merge_counts add_dictionaries combine",
        ("Merge two dictionaries: a key that is in both gets the sum of its values.",),
        """
def $name(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    result = dict(first)
    for key, value in second.items():
        result[key] = result.get(key, 0) + value
    return result
""",
        inputs={"first": counts(keys="abcdef"), "second": counts(keys="abcdef")},
    ),
    Family(
        "best_key",
        "dicts",
        "medium",
        "train",
        "key_of_$which winner best",
        (
            "Return the key with the $which value; of several, the alphabetically first. The "
            "dictionary is never empty.",
        ),
        """
def $name(counts: dict[str, int]) -> str:
    best = ""
    for key in sorted(counts):
        if best == "" or counts[key] $op counts[best]:
            best = key
    return best
""",
        {"which op": (("largest", ">"), ("smallest", "<"))},
        {"counts": _SOME},
    ),
    Family(
        "invert",
        "dicts",
        "hard",
        "train",
        "invert keys_by_value swap_keys_and_values",
        (
            "Invert the dictionary: return a dictionary from each value to the list of its keys in "
            "alphabetical order.",
        ),
        """
def $name(counts: dict[str, int]) -> dict[int, list[str]]:
    result = {}
    for key in sorted(counts):
        result.setdefault(counts[key], []).append(key)
    return result
""",
    ),
)
