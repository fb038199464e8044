from __future__ import annotations

import math
import random

import pytest

from mrlm.tasks.debate.dataset import generate_rows
from mrlm.tasks.debate.elo import Game, elo_ratings, play, tournament, verified_winner
from mrlm.tasks.debate.grounded import argument, supporting
from mrlm.tasks.debate.rounds import scripted_opponent


def _strong(rows):
    return [argument(row, row["side"], supporting(row, row["side"])[:2]) for row in rows]


def _silent(rows):
    return [""] * len(rows)


ROWS = list(generate_rows(6, 0, "test", kinds=["opening", "rebuttal"]))


def test_ratings_recover_known_strengths() -> None:
    truth = {"a": 1200.0, "b": 1000.0, "c": 800.0}
    rng = random.Random(0)
    games = []
    for _ in range(6000):
        pro, con = rng.sample(sorted(truth), 2)
        chance = 1 / (1 + 10 ** ((truth[con] - truth[pro]) / 400))
        games.append(Game(pro, con, float(rng.random() < chance)))
    ratings = elo_ratings(games)
    assert list(ratings) == ["a", "b", "c"]
    assert all(abs(ratings[name] - truth[name]) < 25 for name in truth)
    assert sum(ratings.values()) / 3 == pytest.approx(1000)
    rng.shuffle(games)
    assert elo_ratings(games) == pytest.approx(ratings)


def test_two_players_in_closed_form() -> None:
    games = [Game("a", "b", 1.0)] * 3 + [Game("b", "a", 1.0)]
    ratings = elo_ratings(games)
    odds = 10 ** ((ratings["a"] - ratings["b"]) / 400)
    # By symmetry the strengths are s and 1/s: 4 s^2/(s^2+1) + s/(s+1) = 3 + 1/2.
    s = math.sqrt(odds)
    assert 4 * s * s / (s * s + 1) + s / (s + 1) == pytest.approx(3.5)


def test_draws_and_winners_of_everything_stay_finite() -> None:
    assert elo_ratings([]) == {}
    assert elo_ratings([Game("a", "b", 0.5)]) == pytest.approx({"a": 1000.0, "b": 1000.0})
    ratings = elo_ratings([Game("a", "b", 1.0)] * 100)
    assert 1200 < ratings["a"] < 3000
    with pytest.raises(ValueError, match="result"):
        elo_ratings([Game("a", "b", 2.0)])
    with pytest.raises(ValueError, match="two players"):
        elo_ratings([Game("a", "a", 1.0)])


def test_play_gives_both_sides_their_turns() -> None:
    debates = play(_strong, scripted_opponent, ROWS, rounds=2)
    for debate in debates:
        assert [turn.side for turn in debate.turns] == ["PRO", "CON", "PRO", "CON"]
        assert all(turn.text.startswith(turn.side) for turn in debate.turns)
        assert verified_winner(debate) == 1.0
    with pytest.raises(ValueError, match="closed"):
        play(_strong, _silent, generate_rows(1, 0, "test", kinds=["closed"]))


def test_a_tournament_ranks_players() -> None:
    players = {"silent": _silent, "scripted": scripted_opponent, "strong": _strong}
    games = tournament(players, ROWS)
    assert len(games) == 3 * 2 * len(ROWS)
    assert list(elo_ratings(games)) == ["strong", "scripted", "silent"]
    assert {game.result for game in tournament({"a": _silent, "b": _silent}, ROWS)} == {0.5}
