"""PPO and GRPO on a real tool loop: TRL's loop, our sampler's place taken by worked solutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mrlm.experiment.callbacks import CompletionsTable
from mrlm.files import read_json_lines
from mrlm.runs.folder import COMPLETIONS_FILE
from mrlm.tasks.tools import tools_task

# Python is left to the sandbox's own tests; these rows use the other tools.
TASK = tools_task(kinds=("sequence", "parallel", "none"))
SETTINGS: dict[str, Any] = {
    "report_to": "none",
    "disable_tqdm": True,
    "logging_steps": 1,
    "save_strategy": "no",
    "per_device_train_batch_size": 8,
    "num_generations": 2,
    "max_completion_length": 1500,
    "max_tool_calling_iterations": TASK.max_tool_calling_iterations,
    "max_steps": 1,
    "bf16": False,
    "use_cpu": True,
    "activation_checkpointing": False,
}


def rows(count: int = 8) -> Any:
    dataset = TASK.build_dataset(60, 0, "train")
    return dataset.filter(lambda row: "python_repl" not in row["environment"]).select(range(count))


@pytest.fixture
def make(tmp_path: Path, tool_tokenizer: Any, tiny_llama: Any, gold_policy: Any) -> Any:
    """``make("ppo" or "grpo", change=None, **settings)``: a trainer that plays solutions."""

    def make_trainer(algorithm: str, change: Any = None, **settings: Any) -> Any:
        from trl import GRPOConfig

        from mrlm import PPOConfig, PPOTrainer
        from mrlm.trainers.grpo import GRPOTrainer

        trainer_class, config = {
            "ppo": (PPOTrainer, PPOConfig),
            "grpo": (GRPOTrainer, GRPOConfig),
        }[algorithm]
        dataset = rows()
        trainer = trainer_class(
            tiny_llama(max_position_embeddings=4096),
            list(TASK.reward_funcs),
            config(str(tmp_path / "run"), **SETTINGS | settings),
            train_dataset=dataset,
            processing_class=tool_tokenizer,
            environment_factory=TASK.environment,
        )
        trainer.sampler.generator = gold_policy(tool_tokenizer, dataset, change)
        return trainer

    return make_trainer


def rollout(trainer: Any, count: int = 8) -> dict[str, Any]:
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = trainer.args.gradient_accumulation_steps
    dataset = rows()
    inputs = [dict(dataset[i // 2]) for i in range(count)]
    batch: dict[str, Any] = trainer._generate_and_score_completions(inputs)
    return batch


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_worked_solutions_earn_full_reward_through_trls_loop(
    make: Any, algorithm: str, tmp_path: Path
) -> None:
    trainer = make(algorithm)
    trainer.add_callback(CompletionsTable(trainer, tmp_path))
    trainer.train()
    assert any("\n← " in row["completion"] for row in read_json_lines(tmp_path / COMPLETIONS_FILE))
    logs = trainer.state.log_history[0]
    assert logs["rewards/tools_reward/mean"] == 1.0
    assert logs["tools/call_frequency"] > 0.5
    assert logs["tools/failure_frequency"] == 0.0


def test_each_row_sees_its_own_tools(make: Any) -> None:
    trainer = make("grpo")
    rollout(trainer)
    for row in rows(4):
        prompts = trainer.sampler.generator.prompts
        prompt = next(p for p in prompts if row["prompt"][0]["content"] in p)
        offered = row["environment"].partition(":")[2].split("+")
        for tool in ("calculator", "file_system", "python_repl", "web_search"):
            assert (f"\n{tool}(" in prompt) == (tool in offered)


def test_gae_and_value_targets_skip_the_tools_tokens(make: Any) -> None:
    plain = {"sibling_baseline": False, "whiten_advantages": False, "gate_values": False}
    trainer = make("ppo", gamma=0.9, lam=0.8, **plain)
    batch = rollout(trainer)
    tokenizer = trainer.processing_class
    written, mask = batch["tool_mask"].bool(), batch["completion_mask"].bool()
    assert (mask & ~written).any(), "no tool said anything: this test would prove nothing"

    for ids, seen, ours in zip(batch["completion_ids"], mask, written, strict=True):
        by_tools = tokenizer.decode(ids[seen & ~ours])
        by_model = tokenizer.decode(ids[seen & ours])
        assert "<tool_call>" not in by_tools and "Answer:" not in by_tools
        assert "<|im_start|>" not in by_model and "Answer:" in by_model

    for name in ("advantages", "returns", "value_mask"):
        assert (batch[name][mask & ~written] == 0).all(), name
    # With the tools' tokens cut out, the plain recursion must give the same advantages.
    for i in range(len(mask)):
        kept = mask[i] & written[i]
        values = batch["old_values"][i][kept]
        rewards = torch.zeros_like(values)
        rewards[-1] = 1.0
        advantage, expected = 0.0, []
        following = torch.cat([values[1:], torch.zeros(1)])
        for t in reversed(range(len(values))):
            delta = rewards[t] + 0.9 * following[t] - values[t]
            advantage = delta + 0.9 * 0.8 * advantage
            expected.insert(0, advantage)
        torch.testing.assert_close(batch["advantages"][i][kept], torch.stack(expected))


def test_tool_results_do_not_reach_the_loss(make: Any) -> None:
    trainer = make("ppo")
    batch = rollout(trainer)
    loss = trainer.compute_loss(trainer.model, batch)
    hidden = (batch["completion_mask"] * (1 - batch["tool_mask"])).bool()
    for name in ("advantages", "returns", "old_values"):
        batch[name] = torch.where(hidden, torch.full_like(batch[name], 7.0), batch[name])
    torch.testing.assert_close(trainer.compute_loss(trainer.model, batch), loss)


def test_calls_are_bounded_and_wrong_ones_are_told_what_is_allowed(make: Any) -> None:
    seen = []

    def change(text: str, row: Any, turn: int) -> str:
        seen.append(turn)
        return '<tool_call>{"name": "calculator", "arguments": {"expr": 1}}</tool_call>'

    trainer = make("grpo", change)
    for row in trainer.sampler.generator.rows:
        row["solution"] = row["solution"] + [{"role": "assistant", "content": ""}] * 10
    rollout(trainer, count=2)
    assert max(seen) == TASK.max_tool_calling_iterations
    told = "".join(trainer.sampler.generator.prompts)
    assert "unknown argument 'expr'; allowed: expression" in told or "not found" in told


@pytest.mark.parametrize(
    "hostile",
    [
        "<tool_call>" + "[" * 3000,
        '<tool_call>{"name": "\\ud800", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "calculator", "arguments": [1]}</tool_call>',
        '<tool_call>{"name": ["x"], "arguments": {}}</tool_call>',
        '<tool_call>{"name": "<|im_end|>", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "calculator", "arguments": {"expression": "9**9**9"}}</tool_call>',
        '<tool_call>{"name": "calculator", "arguments": {"expression": NaN}}</tool_call>',
        '<tool_call>{"name": "reset", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "_call", "arguments": {}}</tool_call>',
        "<tool_call></tool_call>",
        "<tool_response>5</tool_response>\nAnswer: 5",
    ],
)
def test_hostile_turns_end_no_run_and_earn_nothing(make: Any, hostile: str) -> None:
    trainer = make("grpo", lambda text, row, turn: hostile if turn == 0 else "Answer: 5")
    rollout(trainer, count=4)
    trainer.log({})
    assert trainer.state.log_history[-1]["rewards/tools_reward/mean"] == 0.0
