"""The SFT warm-up: one pass over worked solutions before the policy learns from its own samples.

A model that earns next to nothing has nothing to learn from. The warm-up is evaluated as a stage of
its own, so that a run says how much came of it. Its model is kept in ``OUTPUT_DIR/sft``: a run that
is resumed does not warm up again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from accelerate.state import AcceleratorState
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer
from trl.trainer.utils import get_peft_config

from mrlm.data.demonstrations import demonstrations
from mrlm.experiment.arguments import WarmupArguments
from mrlm.models.policy import load_policy
from mrlm.trainers import trl_internals
from mrlm.trainers.lm_head import cpu_lm_head
from mrlm.trainers.release import release_training_state

if TYPE_CHECKING:
    from mrlm.experiment.rows import RunRows
    from mrlm.experiment.run import Run

__all__ = ["sft_warmup"]

# Rows at a time: 16 rows of 400 tokens take 15 GB of activations, 4 take 5.
_MICRO_BATCH = 4


def sft_warmup(run: Run, model: Any, tokenizer: Any, rows: RunRows) -> tuple[Any, Any, Any]:
    """Train the model on worked solutions and evaluate it as ``"sft"``; 0 ``sft_rows``: nothing.

    The rows are others than those that are trained on. With LoRA the adapter that it leaves is the
    one that the trainer goes on with; with ``sft_all_weights`` it leaves a plain model, on which
    the trainer puts a new adapter.

    Args:
        run: Its arguments are ``WarmupArguments``.
        model: The policy; it is trained in place and not to be used again.
        tokenizer: Its tokenizer.
        rows: Of the run.

    Returns:
        Model, tokenizer, and the ``peft_config`` for the trainer, ``None`` without LoRA or where
        the model has its adapter.
    """
    arguments: WarmupArguments = run.arguments
    peft_config = get_peft_config(run.model_config)
    if not arguments.sft_rows:
        return model, tokenizer, peft_config
    folder, has_tools = run.folder.path / "sft", rows.task.has_tools
    warmup_peft_config = None if arguments.sft_all_weights else peft_config
    if not (run.checkpoint and folder.is_dir()):
        trainer = SFTTrainer(
            model,
            _config(arguments, run.config, has_tools),
            train_dataset=demonstrations(rows.warmup_rows(arguments.sft_rows), rows.task),
            processing_class=tokenizer,
            peft_config=warmup_peft_config,
        )
        with run.phase("SFT warm-up"), cpu_lm_head():
            trainer.train()
        release_training_state(trainer)
        run.save(trainer, folder)
        del trainer
        _hand_deepspeed_on(run.config)
    # Loaded afresh, so that the next trainer finds a plain model, and the folder as its origin:
    # TRL makes reference models from there.
    model, tokenizer = load_policy(run.model_config, run.config, has_tools=has_tools, path=folder)
    run.evaluate("sft", model, tokenizer, rows.eval_tasks)
    return model, tokenizer, None if warmup_peft_config is not None else peft_config


def _config(arguments: WarmupArguments, config: Any, has_tools: bool) -> SFTConfig:
    """On the device and with the seed of the training that follows."""
    # Episodes differ too much in length to be padded to the longest of a few.
    micro_batch = 1 if has_tools else math.gcd(arguments.sft_batch_size, _MICRO_BATCH)
    return SFTConfig(
        f"{config.output_dir}/sft_logs",
        learning_rate=arguments.sft_learning_rate,
        lr_scheduler_type=arguments.sft_lr_scheduler_type,
        warmup_steps=arguments.sft_warmup_steps,
        num_train_epochs=1,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=arguments.sft_batch_size // micro_batch,
        use_cpu=config.use_cpu,
        bf16=config.bf16,
        fp16=config.fp16,
        activation_checkpointing=config.activation_checkpointing,
        activation_checkpointing_kwargs=config.activation_checkpointing_kwargs,
        save_strategy="no",
        logging_steps=10,
        report_to="none",
        seed=config.seed,
        assistant_only_loss=has_tools,
    )


def _hand_deepspeed_on(config: Any) -> None:
    """Accelerate keeps the settings of the process's first trainer; the next has its own."""
    if config.deepspeed_plugin is not None:
        trl_internals.require("second_trainer")
        AcceleratorState._reset_state()
        config.deepspeed_plugin.set_deepspeed_weakref()
