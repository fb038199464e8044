"""Teach a language model to argue from facts with SFT and DPO, and prove what it gained.

    python recipes/dpo_debate.py                                # embedded model, laptop
    accelerate launch recipes/dpo_debate.py --max_steps 3
    python recipes/dpo_debate.py --use_peft --learning_rate 1e-4
    python recipes/dpo_debate.py --model_name_or_path Qwen/Qwen2.5-1.5B-Instruct --sft_rows 0

Three steps, each measured on held-out motions: a model as small as the embedded one first learns
the form from worked arguments (SFT); it then argues several times on each row, its arguments are
scored by checking what they cite, and DPO prefers the better ones. Where none of a row's earns
anything, the row's worked argument is the better one. What this recipe leaves out: rounds against
an opponent (``mrlm.tasks.debate.rollout``), and a judge.

Every field of TRL's ``DPOConfig`` and ``ModelConfig`` and of ``DebateArguments`` is a flag;
``--config FILE.yaml`` sets them too, and the command line wins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from itertools import groupby

from datasets import Dataset
from rich.console import Console
from trl import (
    DPOConfig,
    DPOTrainer,
    ModelConfig,
    SFTConfig,
    SFTTrainer,
    TrlParser,
    get_peft_config,
)

from mrlm import RunFolder, compare, evaluate, print_comparison, write_report
from mrlm.files import write_json_lines
from mrlm.generation import Generator
from mrlm.hardware import detect_hardware, use_all_cores
from mrlm.models import load_model
from mrlm.preferences import preference_pairs
from mrlm.rollout import rollout
from mrlm.tasks.debate import debate_task
from mrlm.uncertainty import permutation_p_value


@dataclass
class DebateArguments:
    """What is trained on and measured."""

    kinds: list[str] = field(
        default_factory=lambda: ["opening", "rebuttal"], metadata={"help": "Kinds of rows."}
    )
    difficulties: list[str] = field(
        default_factory=lambda: ["easy", "medium"], metadata={"help": "Of easy, medium, hard."}
    )
    sft_rows: int = field(default=768, metadata={"help": "Worked arguments for SFT; 0: no SFT."})
    sft_learning_rate: float = field(default=1e-4, metadata={"help": "Of the SFT."})
    sft_batch_size: int = field(default=16, metadata={"help": "Of the SFT."})
    train_rows: int = field(default=192, metadata={"help": "Rows to sample pairs from."})
    num_generations: int = field(default=8, metadata={"help": "Arguments sampled per row."})
    pairs_per_row: int = field(default=2, metadata={"help": "At most so many pairs of a row."})
    min_margin: float = field(default=0.1, metadata={"help": "Least difference in a pair."})
    temperature: float = field(default=0.8, metadata={"help": "Of that sampling."})
    eval_rows: int = field(default=200, metadata={"help": "Held-out rows of every measurement."})
    max_new_tokens: int = field(default=128, metadata={"help": "Longest argument, in tokens."})


@dataclass
class DebateDPOConfig(DPOConfig):
    """Defaults that suit the embedded 135M model on two CPU cores."""

    output_dir: str | None = "runs/dpo_debate"
    learning_rate: float = 1e-5
    num_train_epochs: float = 1
    per_device_train_batch_size: int = 8
    precompute_ref_log_probs: bool = True
    logging_steps: float = 5
    save_strategy: str = "no"
    report_to: str = "none"

    def __post_init__(self) -> None:
        # TRL turns bf16 and checkpointing on everywhere, which raises or costs time on a CPU.
        hardware = detect_hardware(self.use_cpu)
        self.use_cpu = hardware.device == "cpu"
        self.gradient_checkpointing = self.gradient_checkpointing and not self.use_cpu
        if self.bf16 is None:
            self.bf16 = hardware.bf16 and not self.fp16
        super().__post_init__()


def main() -> None:
    debate, config, model_config = TrlParser(
        (DebateArguments, DebateDPOConfig, ModelConfig)
    ).parse_args_and_config()
    use_all_cores()
    run, console = RunFolder(config.output_dir), Console()
    task = debate_task(kinds=debate.kinds, difficulties=debate.difficulties)
    model, tokenizer = load_model(
        model_config.model_name_or_path, revision=model_config.model_revision,
        trust_remote_code=config.trust_remote_code,
    )  # fmt: skip
    peft_config = get_peft_config(model_config)

    def measure(folder):
        result = evaluate(
            model, tokenizer, task, num_rows=debate.eval_rows, output_dir=folder,
            max_new_tokens=debate.max_new_tokens,
        )  # fmt: skip
        console.print(f"{folder.name}: mean score {result.summary.mean_score:.3f}")
        return result

    with run.phase("Evaluation before"):
        measured = [measure(run.eval_before)]
    if debate.sft_rows:
        with run.phase("SFT"):
            worked = task.build_dataset(debate.sft_rows, config.seed + 1, "train")
            trainer = SFTTrainer(
                model, sft_config(debate, config), processing_class=tokenizer,
                train_dataset=worked.map(to_completion, remove_columns=worked.column_names),
                peft_config=peft_config,
            )  # fmt: skip
            trainer.train()
            model, peft_config = trainer.model, None
        with run.phase("Evaluation after SFT"):
            measured.append(measure(run.path / "eval_sft"))
    with run.phase("Sampling preferences"):
        rows = task.build_dataset(debate.train_rows, config.seed, "train")
        records = rollout(
            Generator(model, tokenizer), tokenizer, rows, task, seed=config.seed,
            max_new_tokens=debate.max_new_tokens, num_generations=debate.num_generations,
            temperature=debate.temperature,
        )  # fmt: skip
        pairs, statistics = preference_pairs(
            with_worked(records, rows),
            min_margin=debate.min_margin,
            pairs_per_row=debate.pairs_per_row,
        )
        write_json_lines(run.path / "preferences.jsonl", pairs)
        console.print(statistics)
    with run.phase("DPO training"):
        columns = ("prompt", "chosen", "rejected")
        trainer = DPOTrainer(
            model, args=config, processing_class=tokenizer, peft_config=peft_config,
            train_dataset=Dataset.from_list([{c: pair[c] for c in columns} for pair in pairs]),
        )  # fmt: skip
        trainer.train()
        model = trainer.model
    with run.phase("Evaluation after"):
        measured.append(measure(run.eval_after))

    trainer.save_model(str(run.model))
    run.write_config(asdict(debate) | {"model": model_config.model_name_or_path} | config.to_dict())
    run.write_metrics(trainer.state.log_history)
    comparison = compare(measured[0], measured[-1])
    for name, first in zip(("DPO alone", "All"), (measured[-2], measured[0]), strict=True):
        console.print(f"{name}: {score_change(first, measured[-1])}")
    run.write_results(
        comparison,
        title="DPO on debate, grounded arguments",
        warnings=[f"Mean score, {score_change(measured[0], measured[-1])}"],
    )
    print_comparison(console, comparison)
    console.print(f"Report: {write_report(run.path)}")


def sft_config(debate: DebateArguments, config: DPOConfig) -> SFTConfig:
    """The settings of the SFT step, on the device of the DPO step."""
    return SFTConfig(
        output_dir=f"{config.output_dir}/sft", seed=config.seed, num_train_epochs=1,
        learning_rate=debate.sft_learning_rate, max_steps=config.max_steps,
        per_device_train_batch_size=debate.sft_batch_size, use_cpu=config.use_cpu,
        bf16=config.bf16, gradient_checkpointing=config.gradient_checkpointing,
        logging_steps=config.logging_steps, save_strategy="no", report_to="none",
    )  # fmt: skip


def to_completion(row):
    return {
        "prompt": row["prompt"],
        "completion": [{"role": "assistant", "content": row["solution"]}],
    }


def with_worked(records, rows):
    """The records, and the worked argument of each row in which none earns anything."""
    samples = {name: list(group) for name, group in groupby(records, key=lambda r: r.id)}
    for row in rows:
        yield from samples[row["id"]]
        if not any(record.score for record in samples[row["id"]]):
            first = samples[row["id"]][0]
            yield replace(first, sample=-1, completion=row["solution"], score=1.0)


def score_change(before, after) -> str:
    """Mean scores, partial marks included, and a paired test of their difference."""
    old = {record.id: record.score for record in before.records}
    pairs = [(old[record.id], record.score) for record in after.records]
    changes = [new - was for was, new in pairs if was is not None and new is not None]
    change = f"{before.summary.mean_score:.3f} -> {after.summary.mean_score:.3f}"
    p_value = permutation_p_value(changes, seed=0)
    return f"{change} on {len(changes)} rows, sign-flip p = {p_value:.4f}"


if __name__ == "__main__":
    main()
