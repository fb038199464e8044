"""Ratings of debaters from the debates that they played, as evaluation over self-play.

Ratings are maximum a posteriori strengths of the Bradley-Terry model, in which ``i`` beats ``j``
with probability ``s_i / (s_i + s_j)``, on Elo's scale: ``1000 + 400 * log10(s)``, the mean of all
players being 1000. 400 points are odds of 10 to 1. A draw is half a win for each. Unlike running
Elo updates, the result does not depend on the order of the games. Strengths come from the
minorization-maximization algorithm (Hunter 2004, https://doi.org/10.1214/aos/1079120141); one draw
against a player of strength 1 is added for each player, so that who won every game stays finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from mrlm.tasks.debate.grounded import OTHER
from mrlm.tasks.debate.rounds import Debate, Opponent

__all__ = ["Game", "elo_ratings", "play", "tournament", "verified_winner"]

_ITERATIONS = 1000
_PRECISION = 1e-10


@dataclass(frozen=True)
class Game:
    """One debate: who argued PRO and CON, and what PRO got: 1.0, 0.5 (a draw) or 0.0."""

    pro: str
    con: str
    result: float


def elo_ratings(games: Iterable[Game]) -> dict[str, float]:
    """Ratings by player, best first; empty for no games.

    Raises:
        ValueError: A result is not in [0, 1], or a player plays against itself.
    """
    games = list(games)
    for game in games:
        if not 0 <= game.result <= 1 or game.pro == game.con:
            raise ValueError(
                f"{game} is no game: it takes two players and a result of 1.0, 0.5 or 0.0."
            )
    players = sorted({name for game in games for name in (game.pro, game.con)})
    wins = dict.fromkeys(players, 0.5)  # half of the draw that is added
    for game in games:
        wins[game.pro] += game.result
        wins[game.con] += 1 - game.result
    strengths = dict.fromkeys(players, 1.0)
    for _ in range(_ITERATIONS):
        expected = {name: 1 / (strength + 1) for name, strength in strengths.items()}
        for game in games:
            share = 1 / (strengths[game.pro] + strengths[game.con])
            expected[game.pro] += share
            expected[game.con] += share
        updated = {name: wins[name] / expected[name] for name in players}
        change = max((abs(math.log(updated[n] / strengths[n])) for n in players), default=0.0)
        strengths = updated
        if change < _PRECISION:
            break
    logs = {name: 400 * math.log10(strength) for name, strength in strengths.items()}
    mean = fmean(logs.values()) if logs else 0.0
    ranked = sorted(players, key=lambda name: -logs[name])
    return {name: 1000 + logs[name] - mean for name in ranked}


def play(
    pro: Opponent, con: Opponent, rows: Iterable[Mapping[str, Any]], rounds: int = 1
) -> list[Debate]:
    """Debates of two players on each grounded row's motion and facts; PRO opens.

    Args:
        pro: Argues PRO: a ``ChatOpponent``, ``scripted_opponent``, or any ``Opponent``.
        con: Argues CON, and has the last word.
        rows: Of kinds ``opening`` or ``rebuttal``; what their opponent said is left out.
        rounds: Arguments of each side.

    Raises:
        ValueError: A row is closed: it has no PRO and CON.
    """
    rows = list(rows)
    if any(row["kind"] == "closed" for row in rows):
        raise ValueError("A closed row has no PRO and CON: play on opening and rebuttal rows.")
    debates = [Debate({**row, "side": "PRO", "opponent": ""}, rounds) for row in rows]
    players = {"PRO": pro, "CON": con}
    for _ in range(rounds):
        for side, player in players.items():
            texts = player([debate.view(side) for debate in debates])
            for debate, text in zip(debates, texts, strict=True):
                debate.say(text)
    return debates


def verified_winner(debate: Debate) -> float | None:
    """1.0 where PRO's arguments score higher by the grounded reward, 0.0 where CON's do, else 0.5;
    ``None`` where the row cannot be scored."""
    pro, con = (debate.reward(side) for side in OTHER)
    if pro is None or con is None:
        return None
    return 0.5 if math.isclose(pro, con) else float(pro > con)


def tournament(
    players: Mapping[str, Opponent],
    rows: Sequence[Mapping[str, Any]],
    rounds: int = 1,
    winner: Callable[[Debate], float | None] = verified_winner,
) -> list[Game]:
    """Every pair of players on every row, each on both sides; what has no winner is left out."""
    games = []
    for one, other in combinations(players, 2):
        for pro, con in ((one, other), (other, one)):
            for debate in play(players[pro], players[con], rows, rounds):
                result = winner(debate)
                if result is not None:
                    games.append(Game(pro, con, result))
    return games
