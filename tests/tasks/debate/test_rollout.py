"""Debates inside TRL's GRPO and our PPO, on a tiny model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from mrlm.tasks.debate.dataset import build_dataset
from mrlm.tasks.debate.rollout import DebateRollout, debate_rounds_reward
from mrlm.tasks.debate.rounds import Debate

pytestmark = pytest.mark.filterwarnings("ignore:You are using 'rollout_func'")

ANSWER = "The other side answers."
SETTINGS: dict[str, Any] = {
    "per_device_train_batch_size": 8,
    "num_generations": 4,
    "max_completion_length": 5,
    "max_steps": 1,
    "report_to": "none",
    "use_cpu": True,
    "bf16": False,
    "save_strategy": "no",
    "temperature": 1.0,
    "learning_rate": 1e-3,
}


def silent_opponent(rows: Sequence[Any]) -> list[str]:
    return [ANSWER] * len(rows)


def side_reward(completions: Sequence[Any], side: Sequence[str], **columns: Any) -> list[float]:
    """A side that is easier to argue: PRO wins whatever it says."""
    return [float(name == "PRO") for name in side]


def uneven_reward(completions: Sequence[Any], **columns: Any) -> list[float]:
    return [float(i % 2) for i in range(len(completions))]


def make_trainer(kind: str, model: Any, tokenizer: Any, folder: Path, reward: Any, **rollout: Any):
    from trl import GRPOConfig
    from trl import GRPOTrainer as TRLGRPOTrainer

    from mrlm import PPOConfig, PPOTrainer
    from mrlm.trainers.grpo import GRPOTrainer

    rows = build_dataset(16, 0, "train", kinds=["opening", "rebuttal"], difficulties=["easy"])
    trainers = {
        "PPO": (PPOTrainer, PPOConfig),
        "GRPO": (GRPOTrainer, GRPOConfig),
        "TRL": (TRLGRPOTrainer, GRPOConfig),
    }
    trainer_class, config_class = trainers[kind]
    return trainer_class(
        model,
        reward,
        config_class(str(folder), **SETTINGS),
        train_dataset=rows,
        processing_class=tokenizer,
        rollout_func=DebateRollout(rows, **rollout),
    )


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each rollout of a trainer came to, before it is shuffled and split."""
    from trl import GRPOTrainer

    seen: list[dict[str, Any]] = []
    original = GRPOTrainer._generate_and_score_completions

    def spy(self: Any, inputs: Any) -> Any:
        batch = original(self, inputs)
        seen.append({**batch, "inputs": inputs})
        return batch

    monkeypatch.setattr(GRPOTrainer, "_generate_and_score_completions", spy)
    return seen


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["PPO", "GRPO", "TRL"])
@pytest.mark.parametrize("opponent", [silent_opponent, None], ids=["opponent", "self-play"])
def test_only_the_policys_own_tokens_are_trained(
    kind: str,
    opponent: Any,
    tiny_llama: Any,
    tiny_tokenizer: Any,
    tmp_path: Path,
    batches: list[dict[str, Any]],
) -> None:
    kept: list[Debate] = []
    model = tiny_llama(max_position_embeddings=4096)
    trainer = make_trainer(
        kind,
        model,
        tiny_tokenizer,
        tmp_path,
        uneven_reward,
        opponent=opponent,
        rounds=2,
        keep=kept.append,
    )
    trainer.train()
    [batch] = batches
    assert len(kept) == len(batch["completion_ids"]) == 8
    written = batch["completion_mask"].bool()
    for i, debate in enumerate(kept):
        length = int(written[i].sum())
        ids = batch["completion_ids"][i][:length].tolist()
        parts = [
            [ids[place] for place in places]
            for _, places in groupby(range(length), key=batch["tool_mask"][i].tolist().__getitem__)
        ]
        assert [int(batch["tool_mask"][i][0]), len(parts)] == [1, 3]
        spoken = [turn.text for turn in debate.turns if turn.side == debate.side]
        for part, text in zip(parts[::2], spoken, strict=True):
            assert tiny_tokenizer.decode(part, skip_special_tokens=True) == text
            assert 1 <= len(part) <= 5
        heard = tiny_tokenizer.decode(parts[1])
        assert "Your opponent answered:" in heard
        if opponent is not None:
            assert ANSWER in heard
        assert str(debate).count("Turn ") == 3


def test_ppo_gives_the_opponents_tokens_no_advantage(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path
) -> None:
    trainer = make_trainer(
        "PPO",
        tiny_llama(max_position_embeddings=4096),
        tiny_tokenizer,
        tmp_path,
        uneven_reward,
        opponent=silent_opponent,
        rounds=2,
    )
    trainer.model.train()
    rows = [row for row in trainer.train_dataset.select(range(2)) for _ in range(4)]
    batch = trainer._generate_and_score_completions(rows)
    other = batch["completion_mask"].bool() & ~batch["tool_mask"].bool()
    assert other.any()
    for name in ("advantages", "returns", "old_values", "value_mask"):
        assert not batch[name][other].any(), name
    own = batch["completion_mask"].bool() & batch["tool_mask"].bool()
    assert batch["advantages"][own].any()
    assert (batch["value_mask"] == own).all()


def test_baselines_never_compare_pro_with_con(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path, batches: list[dict[str, Any]]
) -> None:
    """Where only the side decides the reward, there is nothing to learn, and no advantage."""
    trainer = make_trainer(
        "GRPO",
        tiny_llama(max_position_embeddings=4096),
        tiny_tokenizer,
        tmp_path,
        side_reward,
        opponent=silent_opponent,
        rounds=1,
    )
    trainer.args.max_steps = 6
    trainer.train()
    sides = [[row["side"] for row in batch["inputs"]] for batch in batches]
    assert {side for batch in sides for side in batch} == {"PRO", "CON"}
    assert any(len(set(batch)) == 2 for batch in sides)  # a baseline over the batch would differ
    for batch in batches:
        assert not batch["advantages"].any()
        groups = [row["id"] for row in batch["inputs"]]
        assert all(len(set(groups[i : i + 4])) == 1 for i in range(0, len(groups), 4))


class Speaker:
    """As much of a trainer as a rollout asks for; its model always says the same."""

    def __init__(self, tokenizer: Any, ended: bool = True) -> None:
        self.processing_class, self.model, self.num_generations = tokenizer, self, 1
        self.training = True
        self.eos_token_ids = {tokenizer.eos_token_id}
        self.turn = tokenizer("my turn" + (tokenizer.eos_token if ended else ""))["input_ids"]

    def _generate_single_turn(self, contexts: list[list[int]], *others: Any) -> Any:
        return [self.turn for _ in contexts], None


@pytest.mark.parametrize("ended", [True, False])
def test_a_rollout_reads_like_the_conversation(ended: bool, tiny_tokenizer: Any) -> None:
    [row] = build_dataset(1, 0, "train", kinds=["opening"])
    rollout = DebateRollout([row], silent_opponent, rounds=2)
    out = rollout([row["prompt"]], Speaker(tiny_tokenizer, ended))
    built = tiny_tokenizer.decode(out["prompt_ids"][0] + out["completion_ids"][0])
    [debate] = out["debate"]
    said = {"role": "assistant", "content": "my turn"}
    chat = [*row["prompt"], said, {"role": "user", "content": debate.heard(ANSWER)}, said]
    whole = tiny_tokenizer.apply_chat_template(chat, tokenize=False)
    assert whole.startswith(built)
    assert built.count("my turn") == 2 and built.count(ANSWER) == 1


def test_a_template_that_rewrites_history_is_refused(tiny_tokenizer: Any) -> None:
    import copy

    tokenizer = copy.deepcopy(tiny_tokenizer)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ loop.revindex }}{{ m['content'] }}{% endfor %}"
    )
    [row] = build_dataset(1, 0, "train", kinds=["opening"])
    with pytest.raises(ValueError, match="chat template"):
        DebateRollout([row], silent_opponent)([row["prompt"]], Speaker(tokenizer))


def test_an_unknown_prompt_is_named() -> None:
    rollout = DebateRollout(build_dataset(2, 0, "train"))
    with pytest.raises(ValueError, match="What now"):
        rollout([[{"role": "user", "content": "What now?"}]], trainer=_NoTrainer())


class _NoTrainer:
    processing_class = None


def test_the_reward_is_the_mean_of_the_own_turns() -> None:
    [row] = build_dataset(1, 0, "train", kinds=["rebuttal"]).to_list()
    debate = Debate(row, rounds=2)
    debate.say(row["solution"])
    debate.say("whatever")
    debate.say("nothing")
    assert debate_rounds_reward([None], [debate]) == [0.5]


def test_a_model_that_calls_tools_debates_in_trls_own_loop(
    tiny_llama: Any, tiny_tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRL drives ``DebateEnvironment``; what the opponent says is masked and the reward is ours."""
    import copy
    import json

    from trl import GRPOConfig, GRPOTrainer
    from trl.chat_template_utils import add_response_schema, qwen3_chat_template

    from mrlm.tasks.debate.environment import DebateEnvironment

    tokenizer = copy.deepcopy(tiny_tokenizer)
    tokenizer.chat_template = qwen3_chat_template
    rows = build_dataset(4, 0, "train", kinds=["opening"], difficulties=["easy"])
    kept: list[Debate] = []
    trainer = GRPOTrainer(
        tiny_llama(max_position_embeddings=8192),
        args=GRPOConfig(str(tmp_path), **SETTINGS | {"max_completion_length": 2000}),
        train_dataset=rows,
        processing_class=add_response_schema(tokenizer),
        environment_factory=lambda: DebateEnvironment(silent_opponent, 2, kept.append),
    )
    row = rows[0]

    def scripted(prompt_ids: Any, *arguments: Any, **named: Any) -> tuple[Any, None]:
        turns = []
        for ids in prompt_ids:
            spoken = tokenizer.decode(ids).count("<tool_response>")
            call = {"name": "argue", "arguments": {"argument": row["solution"] if spoken else "-"}}
            said = "Done." if spoken > 1 else f"<tool_call>\n{json.dumps(call)}\n</tool_call>"
            turns.append(tokenizer(said + tokenizer.eos_token)["input_ids"])
        return turns, None

    monkeypatch.setattr(trainer, "_generate_single_turn", scripted)
    trainer.model.train()
    batch = trainer._generate_and_score_completions([row] * 4)
    assert len(kept) == 4
    assert {debate.reward() for debate in kept} == {0.5}
    masked = batch["completion_mask"].bool() & ~batch["tool_mask"].bool()
    assert ANSWER in tokenizer.decode(batch["completion_ids"][0][masked[0]])
    own = batch["completion_mask"].bool() & batch["tool_mask"].bool()
    assert ANSWER not in tokenizer.decode(batch["completion_ids"][0][own[0]])
    assert trainer._metrics["train"]["rewards/DebateEnvironment/mean"] == [0.5]
