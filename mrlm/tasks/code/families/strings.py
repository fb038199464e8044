"""Families on strings in one expression: slices, cases, letters, prefixes."""

from __future__ import annotations

from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import sentences

__all__ = ["STRINGS"]

STRINGS = (
    Family(
        "reverse",
        "strings",
        "easy",
        "train",
        "reverse_text backwards flip",
        ("Return the text reversed.", "Return the characters of the text in reverse order."),
        """
def $name(text: str) -> str:
    return text[::-1]
""",
    ),
    Family(
        "first_chars",
        "strings",
        "easy",
        "train",
        "first_chars beginning prefix",
        (
            "Return the first $k character${k_s} of the text.",
            "Return the text cut to its first $k character${k_s}.",
        ),
        """
def $name(text: str) -> str:
    return text[:$k]
""",
        {"k": range(1, 9)},
    ),
    Family(
        "last_chars",
        "strings",
        "easy",
        "test",
        "last_chars ending suffix",
        (
            "Return the last $k character${k_s} of the text.",
            "Return only the final $k character${k_s} of the text.",
        ),
        """
def $name(text: str) -> str:
    return text[-$k:]
""",
        {"k": range(1, 9)},
    ),
    Family(
        "without_first",
        "strings",
        "easy",
        "train",
        "drop_start without_first skip_chars",
        ("Return the text without its first $k character${k_s}.",),
        """
def $name(text: str) -> str:
    return text[$k:]
""",
        {"k": range(1, 7)},
    ),
    Family(
        "change_case",
        "strings",
        "easy",
        "train",
        "to_$case make_$case convert",
        ("Return the text in $case case.", "Convert all letters of the text to $case case."),
        """
def $name(text: str) -> str:
    return text.$case()
""",
        {"case": ("upper", "lower")},
    ),
    Family(
        "repeat",
        "strings",
        "easy",
        "train",
        "repeat_text multiply echo",
        ("Return the text repeated $k time${k_s}.",),
        """
def $name(text: str) -> str:
    return text * $k
""",
        {"k": range(2, 8)},
    ),
    Family(
        "add_prefix",
        "strings",
        "easy",
        "train",
        "add_prefix greet put_before",
        ("Return the text with '$p' in front of it.", "Put '$p' before the text."),
        """
def $name(text: str) -> str:
    return "$p" + text
""",
        {"p": ("Hello ", "re", "un", "Mr. ", "> ", "# ", "pre-", "very ", "the ", "* ")},
    ),
    Family(
        "add_suffix",
        "strings",
        "easy",
        "test",
        "add_suffix append_text put_after",
        ("Return the text with '$p' after it.", "Put '$p' at the end of the text."),
        """
def $name(text: str) -> str:
    return text + "$p"
""",
        {"p": ("!", "?", ".txt", " Smith", "...", "-end", "ing", ".py", "s", " <")},
    ),
    Family(
        "surround",
        "strings",
        "easy",
        "train",
        "surround wrap enclose",
        ("Return the text with '$c' before and after it.", "Put '$c' on both sides of the text."),
        """
def $name(text: str) -> str:
    return "$c" + text + "$c"
""",
        {"c": ("*", "--", "|", "~", "_", "==", "+", "...", "/", "%")},
    ),
    Family(
        "count_char",
        "strings",
        "easy",
        "train",
        "count_$c count_letter occurrences",
        (
            "Return how often the letter '$c' occurs in the text. Case matters.",
            "Count the letter '$c' in the text (only lower case).",
        ),
        """
def $name(text: str) -> int:
    return text.count("$c")
""",
        {"c": tuple("aeioulnrstgp")},
    ),
    Family(
        "length_plus",
        "strings",
        "easy",
        "train",
        "length_plus_$k padded_length size",
        ("Return the length of the text plus $k.",),
        """
def $name(text: str) -> int:
    return len(text) + $k
""",
        {"k": range(1, 20)},
    ),
    Family(
        "length_times",
        "strings",
        "easy",
        "test",
        "length_times_$k total_cost price",
        (
            "Return the length of the text times $k.",
            "A sign costs $k coin${k_s} per character. Return what the text costs.",
        ),
        """
def $name(text: str) -> int:
    return len(text) * $k
""",
        {"k": range(2, 20)},
    ),
    Family(
        "replace_char",
        "strings",
        "easy",
        "train",
        "replace_char swap_letter substitute",
        ("Return the text with every '$old' replaced by '$new'.",),
        """
def $name(text: str) -> str:
    return text.replace("$old", "$new")
""",
        {"old": tuple("aeio rt"), "new": tuple("_-*#x")},
    ),
    Family(
        "remove_char",
        "strings",
        "easy",
        "test",
        "remove_char delete_letter without_letter",
        ("Return the text without the character '$c'.", "Remove every '$c' from the text."),
        """
def $name(text: str) -> str:
    return text.replace("$c", "")
""",
        {"c": tuple("aeiournst")},
    ),
    Family(
        "starts_with",
        "strings",
        "easy",
        "train",
        "starts_with_$p has_prefix begins_with",
        ("Return True if the text starts with '$p', otherwise False. Case matters.",),
        """
def $name(text: str) -> bool:
    return text.startswith("$p")
""",
        {"p": ("a", "re", "un", "b", "s", "th", "x", "co", "T")},
    ),
    Family(
        "ends_with",
        "strings",
        "easy",
        "test",
        "ends_with_$p has_ending finishes_with",
        ("Return True if the text ends with '$p', otherwise False. Case matters.",),
        """
def $name(text: str) -> bool:
    return text.endswith("$p")
""",
        {"p": ("a", "er", "ly", "n", "s", "ing", "x", "ed", "Y")},
    ),
    Family(
        "word_count",
        "strings",
        "easy",
        "train",
        "count_words number_of_words",
        (
            "Return the number of words in the sentence. Words are separated by single spaces; an "
            "empty sentence has none.",
        ),
        """
def $name(sentence: str) -> int:
    return len(sentence.split())
""",
        inputs={"sentence": sentences()},
    ),
)
