"""The reward: right calls and right answer, both or nothing, whatever a model tries."""

from __future__ import annotations

from typing import Any

import pytest
from processor_time import processor_time

from mrlm.task import RewardCase
from mrlm.tasks.tools.answers import extract_answer, same_answer
from mrlm.tasks.tools.attacks import call, result, reward_cases, say, turn
from mrlm.tasks.tools.attacks import family_row as row
from mrlm.tasks.tools.matching import read_calls
from mrlm.tasks.tools.reward import extract, score, tool_call_reward, tools_reward
from mrlm.tasks.tools.scenarios import FAMILIES

Messages = list[dict[str, Any]]


def reward(messages: Any, of: dict[str, Any]) -> float | None:
    return tools_reward(completions=[messages], **{name: [value] for name, value in of.items()})[0]


@pytest.mark.parametrize("case", list(reward_cases()), ids=lambda case: case.name)
def test_the_cases_say_what_is_paid(case: RewardCase) -> None:
    gold, paid = dict(case.row), float(case.correct)
    assert (score(case.completion, gold), reward(case.completion, gold)) == (paid, paid)


def test_there_are_cases_of_every_family() -> None:
    cases = list(reward_cases())
    assert {case.row["family"] for case in cases} == {family.name for family in FAMILIES}
    assert len(cases) > 150 and sum(case.correct for case in cases) >= 9


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
def test_the_worked_solution_scores_and_parts_of_it_do_not(family: str) -> None:
    gold = row(family)
    solution = gold["solution"]
    assert score(solution, gold) == reward(solution, gold) == 1.0
    if gold["calls"]:
        twice = [*solution[:2], *solution] if len(solution) == 3 else solution
        if twice is not solution:
            assert score(twice, gold) == 0.0
            assert reward(twice, gold) == 0.75


# ------------------------------------------------------------------ calls


def product() -> tuple[dict[str, Any], str]:
    gold = row("product")
    return gold, gold["calls"][0][0]["arguments"]["expression"][0]


def test_extra_calls_cost() -> None:
    gold, expression = product()
    right = call("calculator", "c1", expression=expression)
    spare = [call("calculator", f"s{i}", expression=f"{i}") for i in range(9)]
    ending = [result(gold["answer"]), say(f"Answer: {gold['answer']}")]
    rewards = [reward([turn(right, *spare[:count]), *ending], gold) for count in range(6)]
    assert rewards == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    assert score([turn(right, spare[0]), *ending], gold) == 0.0


def test_a_malformed_call_before_the_right_one_costs() -> None:
    gold, expression = product()
    played = [
        turn(call("calculator", expression=expression)),
        result(gold["answer"]),
        say(f"Answer: {gold['answer']}"),
    ]
    assert reward([say("<tool_call>oops"), *played], gold) == 0.75
    assert score([say("<tool_call>oops"), *played], gold) == 0.0


# ------------------------------------------------------------------ order


def test_mixed_steps_are_matched_as_early_as_can_be() -> None:
    gold = row("height_gap")
    both, one, two, use, used, ending = gold["solution"]
    first, second = both["tool_calls"]
    assert score([turn(second), two, turn(first), one, use, used, ending], gold) == 1.0
    late = [turn(first), one, use, used, turn(second), two, ending]
    assert score(late, gold) == 0.0


# ------------------------------------------------------------------ files, results


def test_paths_and_texts_are_exact() -> None:
    gold = row("save_note")
    name, text = (gold["calls"][0][0]["arguments"][key][0] for key in ("path", "content"))

    def write(**arguments: Any) -> float | None:
        made = turn(call("file_system", **{"action": "write", **arguments}))
        return score([made, result("x", name="file_system"), gold["solution"][-1]], gold)

    assert write(path=name, content=text) == write(path=f"./{name}", content=f"{text}\n") == 1.0
    assert write(path=name.replace(".", ""), content=text) == 0.0
    assert write(path=name, content=text.replace(" ", "")) == 0.0
    assert write(path=name) == write(path=name, content=text, action="read") == 0.0


def test_results_belong_to_calls_by_id_never_by_position() -> None:
    gold = row("sum_of_squares")
    honest = gold["solution"][0]["tool_calls"][0]["function"]
    right = {"id": "a", "type": "function", "function": honest}
    other = call("python_repl", "b", code="print(1)")
    ending = say(f"Answer: {gold['answer']}")
    good, bad = result(gold["answer"], "a", "python_repl"), result("1", "b", "python_repl")
    for results in ([good, bad], [bad, good]):
        assert reward([turn(right, other), *results, ending], gold) == 0.75
    swapped = [result("1", "a", "python_repl"), result(gold["answer"], "b", "python_repl")]
    assert reward([turn(right, other), *swapped, ending], gold) == 0.0


def test_without_ids_names_bind_and_two_of_a_name_do_not() -> None:
    """TRL's messages carry no ids, and results of asynchronous tools come last."""
    made = turn(
        {"function": {"name": "slow", "arguments": {}}},
        {"function": {"name": "fast", "arguments": {}}},
    )
    results = [
        {"role": "tool", "name": name, "content": f"{name} result"} for name in ("fast", "slow")
    ]
    assert [c.result for c in read_calls([made, *results])] == ["slow result", "fast result"]
    twice = turn(*[{"function": {"name": "fast", "arguments": {}}}] * 2)
    again = [{"role": "tool", "name": "fast", "content": str(i)} for i in (1, 2)]
    assert [c.result for c in read_calls([twice, *again])] == [None, None]


# ------------------------------------------------------------------ answers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 42", "42"),
        ("So it is.\nanswer : 42  \n", "42"),
        ("  Answer: a, b", "a, b"),
        ("Answer:", None),
        ("Answer: 1\nAnswer: 2", None),
        ("Answer: 42\nor so", None),
        ("The answer: 42", None),
        ("42", None),
        ("", None),
        ("Answer: " + "x" * 400, None),
        ("Answer: 1\n" + "x" * 10_000 + "\nAnswer: 2", None),
        ("x" * 1_000_000 + "\nAnswer: 2", "2"),
        ("Answer:" * 100_000, None),
    ],
)
def test_the_answer_slot(text: str, answer: str | None) -> None:
    with processor_time(at_most=0.5):
        assert extract_answer(text) == answer


@pytest.mark.parametrize(
    ("given", "right", "same"),
    [
        ("1,081", "1081", True),
        ("1081.0", "1081", True),
        ("1081.", "1081", True),
        ("'Rome'", "rome", True),
        ("12, 35", "12, 35", True),
        ("12 and 35", "12, 35", True),
        ("1,200; 35", "1200, 35", True),
        ("35, 12", "12, 35", False),
        ("12", "12, 35", False),
        ("12 or 35", "12", False),
        ("12 km", "12", False),
        ("about 12", "12", False),
        ("not 12", "12", False),
        ("1e3", "1000", False),
        ("nan", "nan", True),
        ("\u0661\u0662", "12", False),
        ("9" * 300, "9", False),
    ],
)
def test_same_answer(given: str, right: str, same: bool) -> None:
    assert same_answer(given, right) is same


# ------------------------------------------------------------------ robustness


@pytest.mark.parametrize(
    "completion",
    [
        "",
        [],
        None,
        5,
        [None],
        ["x"],
        [{}],
        [{"role": "assistant"}],
        [{"role": "assistant", "content": None, "tool_calls": None}],
        [{"role": "assistant", "content": ["x"], "tool_calls": "x"}],
        [{"role": "assistant", "content": "", "tool_calls": [None, 5, "x", []]}],
        [{"role": "tool", "content": None}],
        [turn({"id": [1], "function": {"name": ["x"], "arguments": {"a": float("nan")}}})],
        [turn(call("calculator", expression="(" * 10**6))],
        [turn(*[call("calculator", f"c{i}", expression="9**9**9") for i in range(2000)])],
        [say("\ud800" * 1000 + "\nAnswer: \ud800")],
        [say("x" * 10**6)],
    ],
)
@pytest.mark.parametrize("family", ["product", "sum_of_squares", "told_color", "height_gap"])
def test_nothing_breaks_the_reward(completion: Any, family: str) -> None:
    gold = row(family)
    with processor_time(at_most=1):
        assert score(completion, gold) == 0.0
        assert reward(completion, gold) == 0.0
        assert extract(completion, gold) in (None, "\ud800")
        tool_call_reward([completion], [gold["calls"]])


@pytest.mark.parametrize("steps", [None, 5, "x", [None], [["x"]], [[{}]], {"a": 1}])
def test_an_unusable_row_has_no_score(steps: Any) -> None:
    gold = row("product") | {"calls": steps}
    logged: dict[str, float] = {}
    assert score("Answer: 1", gold) is None
    assert tools_reward(["Answer: 1"], [steps], ["1"], log_metric=logged.__setitem__) == [None]
    assert logged == {}


def test_what_went_right_is_logged() -> None:
    gold = row("product")
    logged: dict[str, float] = {}
    tools_reward(
        [gold["solution"], [gold["solution"][-1]]],
        [gold["calls"]] * 2,
        [gold["answer"]] * 2,
        log_metric=logged.__setitem__,
    )
    assert logged == {"tools_reward/answer_right": 1.0, "tools_reward/calls_right": 0.5}


# ------------------------------------------------------------------ partial credit


def test_partial_credit_grows_with_what_is_right() -> None:
    gold = row("save_note")
    name, text = (gold["calls"][0][0]["arguments"][key][0] for key in ("path", "content"))
    attempts: list[Any] = [
        [],
        [call("calculator", expression="1")],
        [call("file_system")],
        [call("file_system", action="read")],
        [call("file_system", action="write", path=name)],
        [call("file_system", action="write", path=name, content=text)],
    ]
    credit = [tool_call_reward([[turn(*a)]], [gold["calls"]])[0] for a in attempts]
    assert credit == sorted(credit) and credit[0] == credit[1] == 0.0 and credit[-1] == 1.0
    assert len(set(credit[1:])) == 5
    spam = attempts[-1] + [call("calculator", expression="1")] * 3
    assert tool_call_reward([[turn(*spam)]], [gold["calls"]]) == [0.25]
    assert tool_call_reward([[say("Answer: x")]], [row("told_color")["calls"]]) == [None]
