"""Families on strings that take a loop: vowels, words of a sentence, runs, simple ciphers."""

from __future__ import annotations

from mrlm.splits import RowStream
from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import integers, one_of, sentences, texts, words

__all__ = ["STRING_LOOPS"]

_LOWER = "abcdefghijklmnopqrstuvwxyz"


def _palindrome(stream: RowStream) -> str:
    half = "".join(stream.pick("abcAB ") for _ in range(stream.between(1, 4)))
    return half + stream.pick(("", "x")) + half[::-1].swapcase()


def _almost(stream: RowStream) -> str:
    return _palindrome(stream) + stream.pick("yz")


def _repeats(stream: RowStream) -> str:
    return "".join(stream.pick("abcA7") * stream.between(1, 4) for _ in range(stream.between(1, 5)))


STRING_LOOPS = (
    Family(
        "count_vowels",
        "strings",
        "medium",
        "train",
        "count_vowels number_of_vowels vowel_count",
        ("Return the number of vowels (a, e, i, o, u) in the text, in lower or upper case.",),
        """
def $name(text: str) -> int:
    count = 0
    for char in text:
        if char in "aeiouAEIOU":
            count += 1
    return count
""",
    ),
    Family(
        "remove_vowels",
        "strings",
        "medium",
        "test",
        "remove_vowels drop_vowels without_vowels",
        ("Return the text without its vowels (a, e, i, o, u, in lower or upper case).",),
        """
def $name(text: str) -> str:
    result = ""
    for char in text:
        if char not in "aeiouAEIOU":
            result += char
    return result
""",
    ),
    Family(
        "long_words",
        "strings",
        "medium",
        "train",
        "count_long_words words_longer_than_$k",
        (
            "Return how many words of the sentence are longer than $k character${k_s}. Words are "
            "separated by single spaces.",
            "Count the words with more than $k character${k_s}. "
            "Words are separated by single spaces.",
        ),
        """
def $name(sentence: str) -> int:
    count = 0
    for word in sentence.split():
        if len(word) > $k:
            count += 1
    return count
""",
        {"k": range(2, 9)},
        {"sentence": sentences()},
    ),
    Family(
        "short_words",
        "strings",
        "medium",
        "test",
        "short_words words_shorter_than_$k keep_short_words",
        (
            "Return the list of the words of the sentence that are shorter than $k "
            "character${k_s}, in "
            "their order. Words are separated by single spaces.",
        ),
        """
def $name(sentence: str) -> list[str]:
    result = []
    for word in sentence.split():
        if len(word) < $k:
            result.append(word)
    return result
""",
        {"k": range(3, 9)},
        {"sentence": sentences()},
    ),
    Family(
        "is_palindrome",
        "strings",
        "medium",
        "train",
        "is_palindrome reads_both_ways",
        (
            "Return True if the text reads the same forwards and backwards when case is ignored, "
            "otherwise False. Spaces count.",
        ),
        """
def $name(text: str) -> bool:
    lowered = text.lower()
    return lowered == lowered[::-1]
""",
        inputs={"text": one_of(_palindrome, _almost, edges=("", "a", "ab", "Aa", "a b", "aba "))},
    ),
    Family(
        "longest_word",
        "strings",
        "medium",
        "train",
        "${extreme}_word find_${extreme}_word pick_word",
        (
            "Return the $extreme word of the sentence; the first one if several are equally long. "
            "Words are separated by single spaces, and there is at least one.",
        ),
        """
def $name(sentence: str) -> str:
    best = ""
    for word in sentence.split():
        if best == "" or len(word) $op len(best):
            best = word
    return best
""",
        {"extreme op": (("longest", ">"), ("shortest", "<"))},
        {"sentence": sentences(shortest=1)},
    ),
    Family(
        "initials",
        "strings",
        "medium",
        "test",
        "initials first_letters acronym",
        (
            "Return the first letters of the words of the sentence in "
            "$case case, joined by '$sep'. "
            "Words are separated by single spaces.",
        ),
        """
def $name(sentence: str) -> str:
    letters = []
    for word in sentence.split():
        letters.append(word[0].$case())
    return "$sep".join(letters)
""",
        {"case": ("upper", "lower"), "sep": (".", "-", "/", "+")},
        {"sentence": sentences()},
    ),
    Family(
        "every_kth_char",
        "strings",
        "medium",
        "train",
        "every_${k_th}_char skip_through sample_text",
        (
            "Return every character of the text whose position is a multiple of $k, counting "
            "positions from 0.",
        ),
        """
def $name(text: str) -> str:
    result = ""
    for i in range(len(text)):
        if i % $k == 0:
            result += text[i]
    return result
""",
        {"k": range(2, 6)},
        {"text": texts(shortest=0)},
    ),
    Family(
        "caesar",
        "strings",
        "hard",
        "train",
        "caesar_shift encrypt shift_letters",
        (
            "Shift every lower-case letter (a to z) of the text by $k "
            "place${k_s} in the alphabet, going "
            "on from z to a. All other characters stay.",
        ),
        """
def $name(text: str) -> str:
    result = ""
    for char in text:
        if "a" <= char <= "z":
            result += chr((ord(char) - ord("a") + $k) % 26 + ord("a"))
        else:
            result += char
    return result
""",
        {"k": range(1, 14)},
        {"text": texts()},
    ),
    Family(
        "mirror_alphabet",
        "strings",
        "hard",
        "test",
        "mirror_letters atbash decode",
        (
            "Replace every lower-case letter by its mirror in the "
            "alphabet (a by z, b by y, ..., z by "
            "a), and each '$old' by '$new'. All other characters stay.",
        ),
        """
def $name(text: str) -> str:
    result = ""
    for char in text:
        if "a" <= char <= "z":
            result += chr(ord("a") + ord("z") - ord(char))
        elif char == "$old":
            result += "$new"
        else:
            result += char
    return result
""",
        {"old": (" ", ".", "-"), "new": ("_", "/", "+")},
        {"text": texts()},
    ),
    Family(
        "run_length",
        "strings",
        "hard",
        "train",
        "run_length_encode compress encode_runs",
        (
            "Compress the text: replace each run of equal characters "
            "by the character and the length "
            "of the run, for example 'aab' by 'a2b1'. An empty text stays empty.",
        ),
        """
def $name(text: str) -> str:
    result = ""
    i = 0
    while i < len(text):
        length = 1
        while i + length < len(text) and text[i + length] == text[i]:
            length += 1
        result += text[i] + str(length)
        i += length
    return result
""",
        inputs={"text": one_of(_repeats, edges=("", "a", "aa", "ab", "aba", "aaAA"))},
    ),
    Family(
        "longest_run",
        "strings",
        "hard",
        "test",
        "longest_run longest_streak max_run",
        (
            "Return the length of the longest run of equal characters in the text, 0 for an empty "
            "text.",
        ),
        """
def $name(text: str) -> int:
    best = 0
    length = 0
    previous = ""
    for char in text:
        if char == previous:
            length += 1
        else:
            length = 1
        previous = char
        best = max(best, length)
    return best
""",
        inputs={"text": one_of(_repeats, edges=("", "a", "aa", "ab", "abbb", "aaab"))},
    ),
    Family(
        "char_at",
        "strings",
        "medium",
        "train",
        "char_at_or pick_char letter_at",
        (
            "Return the character of the text at position i, counting "
            "from 0, or '$c' if there is no "
            "such position. The position i is never negative.",
        ),
        """
def $name(text: str, i: int) -> str:
    if i < len(text):
        return text[i]
    return "$c"
""",
        {"c": tuple("?-x*")},
        {"text": words(_LOWER, longest=4), "i": integers(0, 5)},
    ),
)
