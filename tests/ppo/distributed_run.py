"""PPO runs for ``test_distributed.py``: imported for one process, under torchrun for several.

``distributed_run.py MODEL OUT`` trains twice on whatever number of processes there is, once to
the end into ``OUT/whole`` and once interrupted into ``OUT/interrupted``. The global batch is always
4 and completions are a fixed function of the prompt, so that any number of processes sees the same
rollouts.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import zlib
from pathlib import Path
from typing import Any

GLOBAL_BATCH = 4


def fixed_rollout(prompts: list[str], trainer: Any) -> dict[str, Any]:
    """Completions of 1 to 9 tokens that depend on the prompt alone."""
    completions = []
    for prompt in prompts:
        seed = zlib.crc32(prompt.encode())
        completions.append([(seed >> k) % 250 for k in range(1 + seed % 9)])
    return {
        "prompt_ids": trainer.processing_class(prompts)["input_ids"],
        "completion_ids": completions,
        "logprobs": [[0.0] * len(ids) for ids in completions],
    }


def sometimes_unscorable(completion_ids: list[list[int]], **kwargs: Any) -> list[float | None]:
    """Every fifth length has no score, so that processes differ in how many rows count."""
    return [None if len(ids) == 5 else ids[0] / 250 for ids in completion_ids]


def run(model_dir: str, out_dir: str, interrupt_rank: int | None = None) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

    from mrlm import PPOConfig, PPOTrainer

    class InterruptOneRank(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 4 and args.process_index == interrupt_rank:
                os.kill(os.getpid(), signal.SIGINT)

    processes = int(os.environ.get("WORLD_SIZE", "1"))
    config = PPOConfig(
        output_dir=out_dir,
        per_device_train_batch_size=GLOBAL_BATCH // processes,
        num_ppo_epochs=2,
        max_steps=8,
        lam=0.9,
        cliprange_value=0.2,
        optim="sgd",  # unlike Adam, it shows a gradient of the wrong size
        learning_rate=0.3,
        value_learning_rate=0.3,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=3,
        bf16=False,
    )
    trainer = PPOTrainer(
        AutoModelForCausalLM.from_pretrained(model_dir),
        sometimes_unscorable,
        config,
        train_dataset=Dataset.from_dict({"prompt": [f"prompt {i}" for i in range(32)]}),
        processing_class=AutoTokenizer.from_pretrained(model_dir),
        rollout_func=fixed_rollout,
        callbacks=[InterruptOneRank()],
    )
    trainer.train()
    trainer.save_model(out_dir)
    if trainer.is_world_process_zero():
        history = json.dumps(trainer.state.log_history)
        (Path(out_dir) / "history.json").write_text(history, encoding="utf-8")


if __name__ == "__main__":
    model, out = sys.argv[1:]
    run(model, f"{out}/whole")
    run(model, f"{out}/interrupted", interrupt_rank=1)
