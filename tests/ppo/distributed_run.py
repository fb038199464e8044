"""PPO runs for ``test_distributed.py``: imported for one process, under torchrun for several.

``distributed_run.py RUNS MODEL OUT`` makes all ``RUNS``, for example ``ddp``, in one start of
torchrun; those with FSDP2 through ``tests/fsdp_on_cpu.py``. The global batch is always 4 and
completions are a fixed function of the prompt, so that any number of processes sees the same
rollouts. Every process has an output folder of its own, which shows who writes what.
"""

from __future__ import annotations

import json
import os
import shutil
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


class Reward:
    """Every fifth length has no score, so that processes differ in how many rows count."""

    __name__ = "first_token"

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def __call__(
        self, prompts: list[str], completion_ids: list[list[int]], **kwargs: Any
    ) -> list[float | None]:
        self.prompts.extend(prompts)
        return [None if len(ids) == 5 else ids[0] / 250 for ids in completion_ids]


def run(
    model_dir: str,
    out_dir: str,
    *,
    interrupt_rank: int | None = None,
    resume_from: str | None = None,
    **settings: Any,
) -> None:
    """One training run; what each process saw goes to ``OUT.process<index>.json``."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

    from mrlm import PPOConfig, PPOTrainer

    class InterruptOneRank(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 4 and args.process_index == interrupt_rank:
                os.kill(os.getpid(), signal.SIGINT)

    lora = settings.pop("lora", False)
    sampled = settings.pop("sampled", False)
    processes, rank = (int(os.environ.get(k, d)) for k, d in (("WORLD_SIZE", 1), ("RANK", 0)))
    defaults = {
        "output_dir": out_dir if rank == 0 else f"{out_dir}.process{rank}",
        "per_device_train_batch_size": GLOBAL_BATCH // processes,
        "num_ppo_epochs": 2,
        "max_steps": 8,
        "max_completion_length": 6,
        "lam": 0.9,
        "cliprange_value": 0.2,
        "optim": "sgd",  # unlike Adam, it shows a gradient of the wrong size
        "learning_rate": 0.3,
        "value_learning_rate": 0.3,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 3,
        "bf16": False,
    }
    reward = Reward()
    trainer = PPOTrainer(
        AutoModelForCausalLM.from_pretrained(model_dir),
        reward,
        PPOConfig(**{**defaults, **settings}),
        train_dataset=Dataset.from_dict({"prompt": [f"prompt {i}" for i in range(8)]}),
        processing_class=AutoTokenizer.from_pretrained(model_dir),
        rollout_func=None if sampled else fixed_rollout,
        callbacks=[InterruptOneRank()],
        peft_config=LoraConfig(r=4, target_modules=["q_proj", "v_proj"]) if lora else None,
    )
    trainer.train(resume_from_checkpoint=resume_from)
    trainer.save_model(out_dir)
    seen = {
        "history": trainer.state.log_history,
        "prompts": reward.prompts,
        "is_fsdp": trainer.is_fsdp_enabled,
    }
    Path(f"{out_dir}.process{rank}.json").write_text(json.dumps(seen), encoding="utf-8")


def run_ddp(model: str, out: str) -> None:
    from mrlm.distributed import setup_distributed

    state = setup_distributed("ddp")
    assert (state.num_processes, state.device.type) == (2, "cpu"), state
    run(model, f"{out}/whole")
    run(model, f"{out}/lora", lora=True)
    run(model, f"{out}/interrupted", interrupt_rank=1)
    resume_from = bring_together(f"{out}/interrupted", 6)
    run(model, f"{out}/resumed", resume_from=resume_from)


def run_fsdp(model: str, out: str) -> None:
    run(model, f"{out}/whole")
    run(model, f"{out}/lora", lora=True)
    save_and_resume(model, f"{out}/full")
    save_and_resume(model, f"{out}/adapter", lora=True)


def run_fsdp_sharded(model: str, out: str) -> None:
    os.environ["FSDP_STATE_DICT_TYPE"] = "SHARDED_STATE_DICT"
    save_and_resume(model, f"{out}/full")
    save_and_resume(model, f"{out}/adapter", lora=True)


def save_and_resume(model: str, out: str, **settings: Any) -> None:
    """Adam, sampled completions; once in one go and once more from the middle."""
    settings |= {"sampled": True, "optim": "adamw_torch", "learning_rate": 1e-3}
    settings |= {"save_strategy": "steps", "save_steps": 2, "max_steps": 4}
    run(model, f"{out}_saved", **settings)
    run(model, f"{out}_resumed", resume_from=bring_together(f"{out}_saved", 2), **settings)


def bring_together(out: str, step: int) -> str:
    """A checkpoint to resume from: one folder, to which each process brings what it wrote."""
    import torch

    checkpoint, rank = Path(f"{out}/checkpoint-{step}"), os.environ["RANK"]
    if rank != "0":
        own = Path(f"{out}.process{rank}/{checkpoint.name}")
        shutil.copytree(own, checkpoint, dirs_exist_ok=True)
    torch.distributed.barrier()
    return str(checkpoint)


RUNS = {"ddp": run_ddp, "fsdp": run_fsdp, "fsdp_sharded": run_fsdp_sharded}

if __name__ == "__main__":
    runs, base, folder = sys.argv[1:]
    RUNS[runs](base, folder)
