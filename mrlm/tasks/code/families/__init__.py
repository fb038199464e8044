"""All function families, by topic in one file each."""

from __future__ import annotations

from mrlm.tasks.code.families.algorithms import ALGORITHMS
from mrlm.tasks.code.families.dicts import DICTS
from mrlm.tasks.code.families.family import DIFFICULTIES, KINDS, Case, Family
from mrlm.tasks.code.families.list_loops import LIST_LOOPS
from mrlm.tasks.code.families.lists import LISTS
from mrlm.tasks.code.families.numbers import NUMBERS
from mrlm.tasks.code.families.parsing import PARSING
from mrlm.tasks.code.families.recursion import RECURSION
from mrlm.tasks.code.families.simulation import SIMULATION
from mrlm.tasks.code.families.sorting import SORTING
from mrlm.tasks.code.families.string_loops import STRING_LOOPS
from mrlm.tasks.code.families.strings import STRINGS

__all__ = ["DIFFICULTIES", "FAMILIES", "KINDS", "Case", "Family"]

FAMILIES: tuple[Family, ...] = (
    *NUMBERS,
    *STRINGS,
    *STRING_LOOPS,
    *LISTS,
    *LIST_LOOPS,
    *DICTS,
    *SORTING,
    *RECURSION,
    *PARSING,
    *SIMULATION,
    *ALGORITHMS,
)
