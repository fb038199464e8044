"""PPO and GRPO through TRL's loop with tools of the user's own, of rows, and of environments."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mrlm.data.user import load_user_dataset
from mrlm.tasks.tools import TASK, tools_task
from mrlm.tasks.tools.own.environment_task import environment_task

SETTINGS: dict[str, Any] = {
    "report_to": "none",
    "disable_tqdm": True,
    "logging_steps": 1,
    "save_strategy": "no",
    "per_device_train_batch_size": 4,
    "num_generations": 2,
    "max_completion_length": 800,
    "max_tool_calling_iterations": 4,
    "max_steps": 2,
    "bf16": False,
    "use_cpu": True,
    "activation_checkpointing": False,
}
ran: list[str] = []


def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: The city's name.
    """
    ran.append(city)
    return "rain"


async def get_time(city: str) -> str:
    """Tell the time in a city.

    Args:
        city: The city's name.
    """
    ran.append(f"time in {city}")
    return "noon"


class Guessing:
    """Owns prompt and reward, both of its methods asynchronous."""

    def reset(self, seed: int = 0, **row: Any) -> str:
        self.found = False
        return "Guess the number; it is 3."

    async def guess(self, number: int) -> str:
        """Guess the number.

        Args:
            number: Your guess.
        """
        self.found = number == 3
        return "right" if self.found else "wrong"

    async def get_reward(self) -> float:
        return float(self.found)


def calls(*made: tuple[str, dict[str, Any]]) -> str:
    return "".join(
        f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"
        for name, arguments in made
    )


def says(rows: Any, *turns: str) -> list[Any]:
    said = [{"role": "assistant", "content": turn} for turn in turns]
    return [{**row, "solution": said} for row in rows]


@pytest.fixture
def train(tmp_path: Path, tool_tokenizer: Any, tiny_llama: Any, gold_policy: Any) -> Any:
    """``train(algorithm, task, rows, known)``: a trainer after two steps; ``known`` says turns."""

    def run(algorithm: str, task: Any, rows: Any, known: list[Any]) -> Any:
        from mrlm import PPOConfig, PPOTrainer
        from mrlm.trainers.grpo import GRPOConfig, GRPOTrainer

        trainer_class, config = {
            "ppo": (PPOTrainer, PPOConfig),
            "grpo": (GRPOTrainer, GRPOConfig),
        }[algorithm]
        settings = dict(SETTINGS)
        if algorithm == "grpo":
            del settings["activation_checkpointing"]
        trainer = trainer_class(
            tiny_llama(max_position_embeddings=4096),
            list(task.reward_funcs),
            config(str(tmp_path / "run"), **settings),
            train_dataset=rows,
            processing_class=tool_tokenizer,
            environment_factory=task.environment_factory,
        )
        trainer.sampler.generator = gold_policy(tool_tokenizer, known)
        trainer.train()
        return trainer

    return run


def load(task: Any, tmp_path: Path, *rows: dict[str, Any]) -> Any:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_user_dataset(str(path), task)


def logs(trainer: Any) -> list[dict[str, Any]]:
    return [log for log in trainer.state.log_history if "reward" in log]


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_functions_of_ones_own_are_really_called(
    algorithm: str, train: Any, tmp_path: Path
) -> None:
    ran.clear()
    task = tools_task(tools=[get_weather, get_time])
    rows = load(
        task,
        tmp_path,
        {"question": "Rain in Rome?", "answer": "yes"},
        {"question": "Rain in Oslo?", "answer": "yes"},
    )
    both = calls(("get_time", {"city": "Rome"}), ("get_weather", {"city": "Rome"}))
    trainer = train(algorithm, task, rows, says(rows, both, "Answer: yes"))
    assert ran.count("Rome") == ran.count("time in Rome") == 8
    assert [log["rewards/tools_reward/mean"] for log in logs(trainer)] == [1.0, 1.0]
    assert logs(trainer)[0]["tools/failure_frequency"] == 0.0
    assert "\nget_weather(city: string)" in trainer.sampler.generator.prompts[0]


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_rows_with_tools_of_their_own_end_at_the_call(
    algorithm: str, train: Any, tmp_path: Path
) -> None:
    def row(name: str) -> dict[str, Any]:
        tool = {"name": name, "parameters": {"type": "object", "properties": {"city": {}}}}
        made = [{"name": name, "arguments": {"city": "Rome"}}]
        return {"question": f"Call {name}.", "tools": [tool], "calls": made}

    rows = load(TASK, tmp_path, row("get_rain"), row("get_snow"))
    trainer = train(algorithm, TASK, rows, list(rows))
    assert [log["rewards/tools_reward/mean"] for log in logs(trainer)] == [1.0, 1.0]
    prompts = trainer.sampler.generator.prompts
    turns = [prompt.count("<|im_start|>assistant") for prompt in prompts]
    assert turns == [1] * 4, "one turn in each episode; two prompts a step, each read once"
    for prompt in prompts:
        asked = "get_rain" if "Call get_rain." in prompt else "get_snow"
        offered = [
            name for name in ("get_rain", "get_snow", "calculator") if f"\n{name}(" in prompt
        ]
        assert offered == [asked]


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_an_environment_may_own_prompt_and_reward(algorithm: str, train: Any) -> None:
    task = environment_task(Guessing, max_rounds=4)
    rows = task.build_dataset(4, 0, "train")
    known = [{"prompt": [{"content": Guessing().reset()}]}]
    known = says(known, calls(("guess", {"number": 3})), "Done.")
    trainer = train(algorithm, task, rows, known)
    assert [log["rewards/Guessing/mean"] for log in logs(trainer)] == [1.0, 1.0]


@pytest.mark.integration
@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_an_mcp_server_answers_in_training(algorithm: str, train: Any, tmp_path: Path) -> None:
    pytest.importorskip("mcp", reason="the official client is an extra: mrlm[mcp]")
    server = tmp_path / "server.py"
    server.write_text(
        "from mcp.server.mcpserver import MCPServer\n"
        "server = MCPServer('weather')\n"
        "@server.tool()\n"
        "def get_weather(city: str) -> str:\n"
        "    'Tell the weather.'\n"
        "    return 'rain in ' + city\n"
        "server.run()\n"
    )
    task = tools_task(mcp_server=[f"{sys.executable} {server}"])
    wanted = [{"question": f"Rain in {city}?", "answer": "yes"} for city in ("Rome", "Oslo")]
    rows = load(task, tmp_path, *wanted)
    turns = calls(("get_weather", {"city": "Rome"})), "Answer: yes"
    trainer = train(algorithm, task, rows, says(rows, *turns))
    assert [log["rewards/tools_reward/mean"] for log in logs(trainer)] == [1.0, 1.0]
    assert logs(trainer)[0]["tools/failure_frequency"] == 0.0
    assert any("rain in Rome" in prompt for prompt in trainer.sampler.generator.prompts)
