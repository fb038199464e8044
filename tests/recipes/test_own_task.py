"""A task and rewards of the user's own, from an empty folder, through the command line."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
REWARDS = """
import asyncio


def length_reward(completions, word, **kwargs):
    return [len(turns[-1]["content"]) / 100 for turns in completions]


async def vowel_reward(completions, completion_ids, **kwargs):
    await asyncio.sleep(0.01)
    return [float("a" in turns[-1]["content"]) for turns in completions]


def broken_reward(completions, **kwargs):
    raise RuntimeError("no service today")


def hanging_reward(completions, **kwargs):
    while True:
        pass
"""


def mrlm(folder: Path, *words: str, code: int = 0) -> str:
    """What ``mrlm`` said, in a folder with nothing of ours."""
    done = subprocess.run(
        [sys.executable, "-m", "mrlm.cli", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == code, f"{words}\n{done.stdout[-3000:]}{done.stderr[-4000:]}"
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path, tiny_folder: str) -> Path:
    """Empty but for the rewards; the model lies beside it."""
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "my_rewards.py").write_text(REWARDS, encoding="utf-8")
    return empty


def train(folder: Path, algorithm: str, task: str, *flags: str, code: int = 0) -> str:
    small = [
        "--model_name_or_path",
        "../tiny",
        "--use_cpu",
        "--bf16",
        "false",
        "--max_steps",
        "3",
        "--eval_rows",
        "4",
        "--train_rows",
        "16",
        "--eval_max_new_tokens",
        "6",
        "--max_completion_length",
        "6",
        "--num_generations",
        "2",
        "--per_device_train_batch_size",
        "4",
        "--gradient_accumulation_steps",
        "1",
        "--sft_rows",
        "8",
        "--output_dir",
        "run",
    ]
    return mrlm(folder, "train", algorithm, "--task", task, *small, *flags, code=code)


def metrics(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [log for log in map(json.loads, lines) if "reward" in log]


def results(folder: Path) -> Any:
    found = json.loads((folder / "run" / "results.json").read_text(encoding="utf-8"))
    assert found["comparison"]["num_pairs"] == 4
    return found


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_a_task_and_rewards_of_one_s_own(folder: Path, algorithm: str) -> None:
    mrlm(folder, "new", "my_task.py")
    rewards = ("--reward_funcs", "my_rewards.py:length_reward", "my_rewards.py:vowel_reward")
    weights = ("--reward_weights", "1", "0.5", "0")
    asked = ("--prompt_template", "Mot {{à l'envers}} : {word}", "--system_prompt", "Bref.")
    train(folder, algorithm, "my_task.py:TASK", *rewards, *weights, *asked)

    assert results(folder)["comparison"]["settings"]["task"] == "my_task"
    logs = metrics(folder)
    assert len(logs) == 3
    for log in logs:
        names = {f"rewards/{name}_reward/mean" for name in ("my_task", "length", "vowel")}
        assert names <= log.keys() and log["rewards/length_reward/failed"] == 0
        assert log["rewards/length_reward/mean"] > 0
        # All rewards of a completion, weighed; those of vowels count nothing.
        paid = log["rewards/my_task_reward/mean"] + 0.5 * log["rewards/length_reward/mean"]
        assert log["reward"] == pytest.approx(paid, abs=1e-6)
    records = (folder / "run" / "eval_after" / "records.jsonl").read_text(encoding="utf-8")
    system, user = json.loads(records.splitlines()[0])["prompt"]
    assert system == {"role": "system", "content": "Bref."}
    assert re.fullmatch(r"Mot \{à l'envers\} : [a-z]+", user["content"])
    config = json.loads((folder / "run" / "config.json").read_text(encoding="utf-8"))
    assert config["task"] == "my_task.py:TASK" and config["system_prompt"] == "Bref."


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_a_task_with_tools(folder: Path, algorithm: str) -> None:
    mrlm(folder, "new", "my_tools.py", "--tools")
    train(folder, algorithm, "my_tools.py:TASK", "--max_tool_calling_iterations", "1")
    assert results(folder)["comparison"]["settings"]["task"] == "my_tools"
    assert all("rewards/my_tools_reward/mean" in log for log in metrics(folder))


def test_a_reward_that_breaks_or_hangs_is_counted_and_ends_no_run(folder: Path) -> None:
    mrlm(folder, "new", "my_task.py")
    broken = ("my_rewards.py:broken_reward", "my_rewards.py:hanging_reward")
    flags = ("--reward_funcs", *broken, "my_rewards.py:length_reward", "--reward_time_limit", "1")
    told = train(folder, "grpo", "my_task.py:TASK", *flags, "--task_reward", "false")
    assert "no service today" in told
    for log in metrics(folder):
        assert log["rewards/broken_reward/failed"] == log["rewards/hanging_reward/failed"] == 1
        assert log["rewards/length_reward/failed"] == 0
        assert log["rewards/broken_reward/mean"] is None or math.isnan(
            log["rewards/broken_reward/mean"]
        )
        assert "rewards/my_task_reward/mean" not in log
        assert log["reward"] == pytest.approx(log["rewards/length_reward/mean"])
    notes = "\n".join(results(folder)["notes"])
    assert "broken_reward failed on 3 of 3 batches" in notes and "no answer within 1 s" in notes


class _Judge(BaseHTTPRequestHandler):
    """Grades by the length of the answer, and is not fooled by the canaries."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mark = re.search(r'id is "(\w+)"', body["messages"][0]["content"])[1]  # type: ignore[index]
        said = body["messages"][1]["content"]
        answer = said.split(f"<{mark} answer>\n")[1].split(f"\n</{mark}")[0]
        score = 1.0 if "The answer is 42." in answer else min(len(answer), 6) / 10
        reply = json.dumps({"id": mark, "score": score})
        answered = json.dumps({"choices": [{"message": {"content": reply}}]}).encode()
        self.server.asked.append(answer)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answered)

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def judge() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Judge)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_judge_in_one_line(folder: Path, judge: Any) -> None:
    mrlm(folder, "new", "my_task.py")
    url = f"judge:http://127.0.0.1:{judge.server_port}/v1"
    train(folder, "grpo", "my_task.py:TASK", "--reward_funcs", url, "--judge_prompt", "{answer}?")
    logs = metrics(folder)
    assert all(log["rewards/judge_reward/unanswered"] == 0 for log in logs)
    assert any(log["rewards/judge_reward/mean"] > 0 for log in logs)
    kept = (folder / "run" / "judge_grades.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(judge.asked) > 8 and len(kept) >= len(judge.asked) - 8  # eight were canaries


def test_a_judge_that_is_not_there_is_told_before_training(folder: Path) -> None:
    mrlm(folder, "new", "my_task.py")
    flags = ("--reward_funcs", "judge:http://127.0.0.1:9/v1")
    told = train(folder, "grpo", "my_task.py:TASK", *flags, "--sft_rows", "0", code=2)
    assert "The judge gave no grade" in told and "Traceback" not in told


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--reward_weights", "1", "2"), "reward_weights has 2 values for 1 rewards"),
        (("--task_reward", "false"), "nothing would be rewarded"),
        (("--reward_funcs", "my_rewards.py:nothing"), "my_rewards.py has no 'nothing'"),
        (("--prompt_template", "{wort}"), "the template names wort, and the columns are id"),
    ],
)
def test_mistakes_are_told_at_once(folder: Path, flags: tuple[str, ...], message: str) -> None:
    mrlm(folder, "new", "my_task.py")
    told = train(folder, "ppo", "my_task.py:TASK", *flags, code=2)
    assert message in told and "Traceback" not in told
    assert not (folder / "run").exists()


def test_a_mixture_with_a_task_of_one_s_own(run: Any, tmp_path: Path) -> None:
    mrlm(tmp_path, "new", "mixed_task.py")
    (tmp_path / "my_mixed_rewards.py").write_text(REWARDS, encoding="utf-8")
    mixed = run("grpo_multitask")
    own = f"{tmp_path / 'mixed_task.py'}:TASK=1"
    flags = ("--reward_funcs", f"{tmp_path / 'my_mixed_rewards.py'}:vowel_reward")
    mixed("--mixture", "math=1", own, *flags)
    for task in ("math", "mixed_task"):
        assert mixed.json(f"{task}/results.json")["comparison"]["settings"]["task"] == task
    logs = [log for log in mixed.json("metrics.jsonl") if "reward" in log]
    names = {"rewards/mixed_task_reward/mean", "rewards/vowel_reward/mean"}
    assert all(names <= log.keys() for log in logs)


@pytest.mark.parametrize("name", ["sft_tools", "dpo_debate"])
def test_a_task_without_worked_solutions(name: str, run: Any, tmp_path: Path) -> None:
    mrlm(tmp_path, "new", "unsolved.py")
    file = tmp_path / "unsolved.py"
    text = file.read_text(encoding="utf-8").replace('"answer", "solution", ', '"answer", ')
    file.write_text("\n".join(line for line in text.splitlines() if '"solution"' not in line))
    one = run(name)
    with pytest.raises(SystemExit, match="The task unsolved has no worked solutions"):
        one("--task", f"{file}:TASK")  # the warm-up of DPO is asked for


def test_a_teacher_needs_no_worked_solutions(run: Any, tmp_path: Path) -> None:
    mrlm(tmp_path, "new", "taught.py")
    file = tmp_path / "taught.py"
    text = file.read_text(encoding="utf-8").replace('"answer", "solution", ', '"answer", ')
    file.write_text("\n".join(line for line in text.splitlines() if '"solution"' not in line))
    results = run("distill_math")("--task", f"{file}:TASK")
    assert results["comparison"]["num_pairs"] == 4
