from __future__ import annotations

from typing import Any

import pytest

from mrlm.data.demonstrations import demonstrations, json_dataset, tool_schemas
from mrlm.tasks import TASKS, make_task
from mrlm.tasks.tools import build_traces


@pytest.mark.parametrize("name", ["math", "code", "debate"])
def test_answers_in_one_turn(name: str) -> None:
    rows = TASKS[name].build_dataset(5, 0, "train")
    found = demonstrations(rows, TASKS[name])
    for row, example in zip(rows, found, strict=True):
        assert example["prompt"] == row["prompt"]
        [turn] = example["completion"]
        assert turn["role"] == "assistant"
        assert TASKS[name].score(turn["content"], row) == 1.0


def test_traces_are_those_of_the_tools_task() -> None:
    task = make_task("tools", kinds=["single", "parallel"])
    found = demonstrations(task.build_dataset(20, 3, "train"), task)
    traces = build_traces(20, 3, kinds=["single", "parallel"])
    assert found["messages"][:] == traces["messages"][:]
    assert found["tools"][:] == traces["tools"][:]
    assert tool_schemas(TASKS["math"]) is None


def test_messages_keep_their_own_keys() -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "x"}, {"role": "a", "n": 1}]
    assert json_dataset([{"messages": messages}])["messages"][0] == messages
    with pytest.raises(ValueError, match="no row"):
        json_dataset([])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("chess", {}, "no task 'chess'"),
        ("math", {"time_limit": 1.0}, "no time_limit"),
        ("tools", {"answer_format": "hash"}, "no answer_format"),
    ],
)
def test_make_task_refuses_what_a_task_does_not_have(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_task(name, **options)


def test_make_task_sets_what_was_given() -> None:
    assert make_task("math", kinds=None) is TASKS["math"]
    rows = make_task("math", kinds=["addition"], difficulties=["hard"]).build_dataset(9, 0, "test")
    assert set(rows["kind"]) == {"addition"} and set(rows["difficulty"]) == {"hard"}
    limits = make_task("code", time_limit=0.5).reward_funcs[0].limits  # type: ignore[attr-defined]
    assert limits.time_limit == 0.5
