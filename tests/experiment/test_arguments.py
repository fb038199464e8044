from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainingArguments

from mrlm.experiment.arguments import RolloutArguments, parse_arguments

SETTINGS: dict[str, dict[str, Any]] = {
    "math": {"answer_format": "last_number", "max_steps": 7, "eval_rows": 11},
    "tools": {"kinds": ["single"], "max_steps": 9},
}


@dataclass
class Config(TrainingArguments):
    max_steps: int = 5
    seed: int = 1


def parse(*words: str) -> tuple[Any, Any, Any]:
    return parse_arguments("ppo", RolloutArguments, Config, SETTINGS, [*words, "--use_cpu", "true"])


def test_the_first_task_is_the_default() -> None:
    arguments, config, _ = parse()
    assert (arguments.task, arguments.eval_rows) == ("math", 11)
    assert arguments.task_options == {"answer_format": "last_number"}
    assert (config.max_steps, config.seed, config.output_dir) == (7, 1, "runs/ppo_math")
    assert arguments.build_task().reward_funcs[0].__name__ == "math_last_number_reward"


def test_command_line_over_file_over_task_over_class(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("task: tools\nmax_steps: 21\nkinds: [none, parallel]\neval_rows: 3\n")
    arguments, config, _ = parse("--config", str(file), "--eval_rows", "4", "--output_dir", "mine")
    assert (arguments.task, arguments.task_options) == ("tools", {"kinds": ["none", "parallel"]})
    assert (config.max_steps, arguments.eval_rows, config.output_dir) == (21, 4, "mine")
    arguments, config, _ = parse("--config", str(file), "--task", "math", "--kinds", "addition")
    assert arguments.task_options == {"answer_format": "last_number", "kinds": ["addition"]}
    assert config.max_steps == 21


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "chess"), "chess"),
        (("--time_limit", "2"), "--time_limit"),
        (("--task", "tools", "--answer_format", "hash"), "--answer_format"),
        (("--kinds", "poetry"), "poetry"),
        (("--benchmark", "gsm9k"), "no benchmark 'gsm9k'; choose one of gsm8k"),
        (("--benchmark", "gsm8k", "gsm8k=a.jsonl"), "each of them once"),
        (("--benchmark_rows", "-1"), "benchmark_rows is -1"),
        (("--eval_rows", "0"), "eval_rows is 0"),
        (("--merge_adapter",), "no adapter to merge"),
        (("--load_in_4bit",), "without use_peft"),
        (("--columns", "question=q"), "go with dataset_name"),
        (("--dataset_name", "absent.csv"), "absent.csv does not exist"),
        (("--eval_dataset_name", "absent.csv", "--columns", "query=q"), "columns names query"),
        (("--load_in_8bit", "--use_peft"), "bitsandbytes"),
        (("--push_to_hub", "--hub_model_id", "a/b/c"), "hub_model_id is 'a/b/c'"),
        (("--push_to_hub", "--output_dir", "runs/my run"), "output folder's, is 'my run'"),
        (("--hub_model_id", "me/x"), "goes with push_to_hub"),
        (("--push_to_hub", "--hub_revision", "new"), "to main only"),
        (("--task",), "expected one argument"),
        (("--learning_rait", "1"), "--learning_rait"),
        (("--live_eval_rows", "-1"), "0 or more"),
    ],
)
def test_mistakes_end_with_a_message(
    words: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name)
    )
    with pytest.raises(SystemExit) as stopped:
        parse(*words)
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    # Not the usage with every flag, which would push the message off the screen.
    assert len(told.splitlines()) == 2 and told.endswith(" --help lists all options.\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("dataset_prompt_column: problem", "--dataset_prompt_column"),
        ("eval_rows: [", "expected the node content"),
        ("lr_scheduler_type: often", "often"),
        (None, "settings.yaml"),
    ],
)
def test_mistakes_in_the_file_end_with_a_message(
    content: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "settings.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        parse("--config", str(file))
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_recipe_cannot_set_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match="max_stepz"):
        parse_arguments("ppo", RolloutArguments, Config, {"math": {"max_stepz": 1}}, [])


def test_a_flag_s_former_name_goes_on_working(tmp_path: Path) -> None:
    with pytest.warns(FutureWarning, match="answer_mode is now called answer_format"):
        arguments, *_ = parse("--answer_mode", "boxed")
    assert arguments.task_options == {"answer_format": "boxed"}
    file = tmp_path / "settings.yaml"
    file.write_text("answer_mode: tag\n")
    with pytest.warns(FutureWarning, match="answer_format"):
        arguments, *_ = parse("--config", str(file))
    assert arguments.task_options == {"answer_format": "tag"}


@pytest.mark.parametrize(
    ("words", "benchmarks"),
    [
        (("--humaneval",), ["humaneval"]),
        (("--humaneval", "true", "--eval_rows", "4"), ["humaneval"]),
        (("--humaneval=True", "--eval_rows", "4"), ["humaneval"]),
        (("--humaneval", "--benchmark", "gsm8k"), ["humaneval", "gsm8k"]),
        (("--benchmark", "gsm8k", "humaneval", "--humaneval"), ["gsm8k", "humaneval"]),
        (("--benchmark", "gsm8k=a.jsonl", "mbpp"), ["gsm8k=a.jsonl", "mbpp"]),
    ],
)
def test_benchmarks_by_name_and_the_former_switch(
    words: tuple[str, ...], benchmarks: list[str]
) -> None:
    if any("--humaneval" in word for word in words):
        with pytest.warns(FutureWarning, match="humaneval is now called benchmark humaneval"):
            arguments, *_ = parse(*words)
    else:
        arguments, *_ = parse(*words)
    assert arguments.benchmark == benchmarks


def test_the_former_switch_may_be_off(tmp_path: Path) -> None:
    assert parse("--humaneval", "false")[0].benchmark == []
    assert parse("--humaneval=no")[0].benchmark == []
    file = tmp_path / "settings.yaml"
    file.write_text("humaneval: true\nbenchmark: [gsm8k]\n")
    with pytest.warns(FutureWarning, match="humaneval is now called benchmark"):
        assert parse("--config", str(file))[0].benchmark == ["gsm8k", "humaneval"]
    file.write_text("humaneval: false\n")
    assert parse("--config", str(file))[0].benchmark == []
