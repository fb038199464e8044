"""Training runs for ``test_kill.py``: finished in the test's process, killed in their own.

``kill_run.py BASE OUT RUN...`` starts each ``RUN``, ``grpo-lora`` for example, in a process that
kills itself in the middle of a step. A step has two micro-batches and a rollout of PPO and GRPO
lasts two steps, so a save comes due (step 5) where a rollout is half used. The data lasts four
steps of PPO and GRPO, and two of SFT and DPO: the runs resume in the middle of a later epoch.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

KILL_IN_STEP = 7  # after its first micro-batch; 8 steps in all


def low_byte_reward(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
    return [sum(i < 128 for i in ids) / len(ids) for ids in completion_ids]


def make_rows(algorithm: str) -> Any:
    from datasets import Dataset

    rows = []
    for i in range(8):
        columns = {
            "ppo": {"prompt": f"say {i}"},
            "grpo": {"prompt": f"say {i}"},
            "sft": {"prompt": f"say {i}", "completion": f" {i * i} and stop"},
            "dpo": {"prompt": f"say {i}", "chosen": f" {i * i}", "rejected": f" {i}, perhaps"},
        }
        rows.append(columns[algorithm])
    return Dataset.from_list(rows)


def make_trainer(run: str, base: str, out: str, killed: bool = False) -> Any:
    """A trainer of eight steps; with ``killed``, one that ends its process in the seventh."""
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import DPOConfig, DPOTrainer, GRPOConfig, SFTConfig, SFTTrainer

    from mrlm import PPOConfig, PPOTrainer
    from mrlm.trainers.grpo import GRPOTrainer

    class Kill(TrainerCallback):
        def on_substep_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if killed and state.global_step == KILL_IN_STEP - 1:
                os.kill(os.getpid(), signal.SIGKILL)

    algorithm, kind = run.split("-")
    sampling = {"steps_per_generation": 4, "max_completion_length": 6, "num_generations": 2}
    classes: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "ppo": (PPOTrainer, PPOConfig, sampling),
        "grpo": (GRPOTrainer, GRPOConfig, sampling),
        "sft": (SFTTrainer, SFTConfig, {"max_length": 64}),
        "dpo": (DPOTrainer, DPOConfig, {"max_length": 64}),
    }
    trainer_class, config_class, settings = classes[algorithm]
    config = config_class(
        out,
        max_steps=8,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        learning_rate=1e-2,
        save_steps=5,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        seed=7,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        **settings,
    )
    rewards = {"reward_funcs": low_byte_reward} if algorithm in ("ppo", "grpo") else {}
    lora = LoraConfig(
        r=4, lora_dropout=0.1, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"
    )
    return trainer_class(
        AutoModelForCausalLM.from_pretrained(base),
        args=config,
        train_dataset=make_rows(algorithm),
        processing_class=AutoTokenizer.from_pretrained(base),
        peft_config=lora if kind == "lora" else None,
        callbacks=[Kill()],
        **rewards,
    )


def main() -> None:
    base, out, *runs = sys.argv[1:]
    import mrlm.ppo  # noqa: F401 - what takes long is imported once, before the processes part

    for run in runs:
        child = os.fork()
        if child == 0:
            make_trainer(run, base, f"{out}/{run}", killed=True).train()
            os._exit(0)  # it finished: the test will say so
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        Path(f"{out}/{run}/exit_code").write_text(str(code))


if __name__ == "__main__":
    main()
