"""Families that play a process step by step: walks, accounts, games, machines."""

from __future__ import annotations

from dataclasses import replace

from mrlm.splits import RowStream
from mrlm.tasks.code.families.family import Family
from mrlm.tasks.code.families.inputs import int_lists, integers, one_of

__all__ = ["SIMULATION"]


def _moves(stream: RowStream) -> str:
    return "".join(stream.pick("LLRR.") for _ in range(stream.between(1, 10)))


def _compass(stream: RowStream) -> str:
    return "".join(stream.pick("UDLR") for _ in range(stream.between(1, 10)))


def _switches(stream: RowStream) -> str:
    return "".join(stream.pick("01") for _ in range(stream.between(1, 12)))


_LINE = one_of(_moves, edges=("", "L", "R", ".", "LLLLLLLL", "RRRRRRRRR", "LRLR"))
_GRID = one_of(_compass, edges=("", "U", "D", "L", "R", "UUUUU", "URDL", "LLLLRRRR"))
_CELLS = one_of(_switches, edges=("0", "1", "00", "11", "010", "101", "111000"))


def _spend(start: int) -> list[list[int]]:
    """All of the money, a dollar more, and a dollar more after one came in."""
    return [[-start], [-start - 1], [1, -start - 1, -1]]


SIMULATION = (
    Family(
        "final_position",
        "simulation",
        "easy",
        "train",
        "final_position walk move",
        (
            "A robot starts at position $start. Each R in the text "
            "moves it one step up, each L one "
            "step down. Return its final position.",
        ),
        """
def $name(moves: str) -> int:
    return $start + moves.count("R") - moves.count("L")
""",
        {"start": range(0, 15)},
        {"moves": _LINE},
    ),
    Family(
        "net_score",
        "simulation",
        "easy",
        "test",
        "net_score points final_score",
        (
            "A game starts with $start point${start_s}. Each R in the text wins "
            "$w point${w_s}, each L loses one. "
            "Return the final score.",
        ),
        """
def $name(moves: str) -> int:
    return $start + moves.count("R") * $w - moves.count("L")
""",
        {"start": range(0, 10), "w": (2, 3, 5)},
        {"moves": _LINE},
    ),
    Family(
        "final_balance",
        "simulation",
        "easy",
        "train",
        "final_balance account balance",
        (
            "An account starts with $start dollar${start_s}. The list holds what "
            "is paid in (positive) and out "
            "(negative). Return the final balance.",
        ),
        """
def $name(payments: list[int]) -> int:
    return $start + sum(payments)
""",
        {"start": range(5, 60)},
    ),
    Family(
        "savings",
        "simulation",
        "easy",
        "test",
        "savings money_after saved",
        (
            "Somebody has $start dollar${start_s} and saves $k dollar${k_s} "
            "a week. Return how many dollars they "
            "have after n weeks.",
        ),
        """
def $name(n: int) -> int:
    return $start + n * $k
""",
        {"start": range(0, 20), "k": range(2, 12)},
        {"n": integers(0, 60, (0, 1))},
    ),
    Family(
        "growth",
        "simulation",
        "medium",
        "train",
        "population grow after_years",
        (
            "A colony starts with $start cell${start_s}. Every day it first doubles, then it loses "
            "$k cell${k_s}; it "
            "never has fewer than 0 cells. Return how many there are after n days.",
        ),
        """
def $name(n: int) -> int:
    cells = $start
    for _ in range(n):
        cells = max(0, cells * 2 - $k)
    return cells
""",
        {"start k": [(s, k) for s in range(3, 9) for k in range(1, s)]},
        {"n": integers(0, 30, (0, 1, 2))},
    ),
    Family(
        "lowest_balance",
        "simulation",
        "medium",
        "train",
        "lowest_balance minimum_level worst_day",
        (
            "An account starts with $start dollar${start_s}. "
            "The list holds the payments, in order. Return "
            "the lowest balance that it ever has, the start included.",
        ),
        """
def $name(payments: list[int]) -> int:
    balance = $start
    lowest = $start
    for payment in payments:
        balance += payment
        lowest = min(lowest, balance)
    return lowest
""",
        {"start": range(0, 40)},
    ),
    Family(
        "refused_payments",
        "simulation",
        "medium",
        "test",
        "refused_payments declined count_refused",
        (
            "An account starts with $start dollar${start_s}. Each number of the "
            "list is added to it in order, "
            "but one that would make the balance negative is refused. Return how many were "
            "refused.",
        ),
        """
def $name(payments: list[int]) -> int:
    balance = $start
    refused = 0
    for payment in payments:
        if balance + payment < 0:
            refused += 1
        else:
            balance += payment
    return refused
""",
        {"start": range(0, 15)},
        {"payments": replace(int_lists(longest=9), near=_spend)},
    ),
    Family(
        "walled_walk",
        "simulation",
        "medium",
        "train",
        "walk_between_walls bounded_walk clamp_walk",
        (
            "A robot starts at position 0. Each R in the text moves it "
            "one step up, each L one step "
            "down, but never above $high nor below 0. Return its final position.",
        ),
        """
def $name(moves: str) -> int:
    position = 0
    for move in moves:
        if move == "R" and position < $high:
            position += 1
        elif move == "L" and position > 0:
            position -= 1
    return position
""",
        {"high": range(2, 7)},
        {"moves": _LINE},
    ),
    Family(
        "highest_point",
        "simulation",
        "medium",
        "test",
        "highest_point peak farthest",
        (
            "A climber starts at height $start. Each R in the text "
            "takes them one step up, each L one "
            "step down. Return the greatest height they ever reach, the start included.",
        ),
        """
def $name(moves: str) -> int:
    height = $start
    best = $start
    for move in moves:
        if move == "R":
            height += 1
        elif move == "L":
            height -= 1
        best = max(best, height)
    return best
""",
        {"start": range(0, 12)},
        {"moves": _LINE},
    ),
    Family(
        "grid_walk",
        "simulation",
        "medium",
        "train",
        "grid_walk final_cell where",
        (
            "A robot starts at x = $x, y = $y. U adds 1 to y, D "
            "subtracts 1 from y, R adds 1 to x, L "
            "subtracts 1 from x. Return its final place as the list [x, y].",
        ),
        """
def $name(moves: str) -> list[int]:
    x = $x
    y = $y
    for move in moves:
        if move == "U":
            y += 1
        elif move == "D":
            y -= 1
        elif move == "R":
            x += 1
        else:
            x -= 1
    return [x, y]
""",
        {"x": range(-3, 4), "y": range(-3, 4)},
        {"moves": _GRID},
    ),
    Family(
        "visited_cells",
        "simulation",
        "hard",
        "test",
        "visited_cells count_visited area_covered",
        (
            "A robot starts at (0, 0). U, D, R and L each move it $step "
            "cell${step_s} at once in that "
            "direction: up, down, right, left. Return how many "
            "different cells it stands on after a "
            "move or at the start.",
        ),
        """
def $name(moves: str) -> int:
    x = 0
    y = 0
    seen = {(0, 0)}
    for move in moves:
        if move == "U":
            y += $step
        elif move == "D":
            y -= $step
        elif move == "R":
            x += $step
        else:
            x -= $step
        seen.add((x, y))
    return len(seen)
""",
        {"step": (1, 2, 3)},
        {"moves": _GRID},
    ),
    Family(
        "steps_to_one",
        "simulation",
        "medium",
        "train",
        "steps_to_one halving_steps count_steps",
        (
            "Count the steps until n becomes 1: an even n is halved, an odd n is $how. For n = 1 "
            "return 0 (n >= 1).",
        ),
        """
def $name(n: int) -> int:
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n //= 2
        else:
            n = $rule
        steps += 1
    return steps
""",
        {"how rule": (("tripled and increased by 1", "3 * n + 1"), ("decreased by 1", "n - 1"))},
        {"n": integers(1, 150, (1, 2, 3, 7, 64))},
    ),
    Family(
        "steps_below",
        "simulation",
        "medium",
        "test",
        "days_until_empty how_long count_rounds",
        (
            "A tank holds n liters. Every day it loses half of its "
            "liters (rounded down) and then $k "
            "more. Return after how many days it holds 0 liters or less.",
        ),
        """
def $name(n: int) -> int:
    days = 0
    while n > 0:
        n = n - n // 2 - $k
        days += 1
    return days
""",
        {"k": range(1, 8)},
        {"n": integers(0, 400, (0, 1, 2, 3))},
    ),
    Family(
        "last_one",
        "simulation",
        "hard",
        "train",
        "last_one survivor last_player",
        (
            "The players 0 to n - 1 stand in a circle. Counting starts "
            "at player 0 and every player "
            "number $k in the count leaves, until one is left; counting "
            "goes on with the next player. "
            "Return who is left (n >= 1).",
        ),
        """
def $name(n: int) -> int:
    players = list(range(n))
    place = 0
    while len(players) > 1:
        place = (place + $k - 1) % len(players)
        players.pop(place)
    return players[0]
""",
        {"k": range(2, 8)},
        {"n": integers(1, 50, (1, 2, 3))},
    ),
    Family(
        "cells",
        "simulation",
        "hard",
        "train",
        "next_generation evolve step_cells",
        (
            "The text is a row of cells, 0 or 1. In the next row a cell is 1 if exactly $k of the "
            "cell itself and its left and right neighbours are 1, else 0; beyond the ends are "
            "zeros. Return the next row.",
        ),
        """
def $name(cells: str) -> str:
    result = ""
    for i in range(len(cells)):
        ones = cells[max(0, i - 1):i + 2].count("1")
        result += "1" if ones == $k else "0"
    return result
""",
        {"k": (1, 2)},
        {"cells": _CELLS},
    ),
    Family(
        "toggle",
        "simulation",
        "hard",
        "test",
        "toggle_lamps press_switches lamps",
        (
            "The text is a row of lamps, 0 or 1. Go from left to right: whenever a lamp is $on, "
            "toggle it and its right neighbour if it has one. Return the final row.",
        ),
        """
def $name(lamps: str) -> str:
    row = list(lamps)
    for i in range(len(row)):
        if row[i] == "$on":
            for j in range(i, min(i + 2, len(row))):
                row[j] = "0" if row[j] == "1" else "1"
    return "".join(row)
""",
        {"on": ("0", "1")},
        {"lamps": _CELLS},
    ),
)
