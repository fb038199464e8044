"""How long a step of an online trainer takes on this machine, found before training begins.

The number of steps sets the learning rate of each and the order of the rows, so it cannot be cut
once a run goes. What is timed is what a step consists of: sampling one rollout with the trainer's
settings, then one forward and backward pass over as many tokens as its update has. It draws no
random number of the run's and leaves no gradient.

Not covered: rewards, rounds of tools, several processes, other devices than CPUs, which sample in
another way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mrlm.sampling.types import Completion, SamplingParams, SupportsGenerate

__all__ = ["Pace", "measure_pace"]


@dataclass(frozen=True)
class Pace:
    """Seconds of one optimizer step.

    Attributes:
        sampling: Of the rollout.
        update: Of forward, backward and optimizer.
    """

    sampling: float
    update: float

    @property
    def step(self) -> float:
        return self.sampling + self.update

    def steps_within(self, seconds: float, most: int) -> int:
        """How many steps take no longer; at least 1, and ``most`` at most."""
        return max(1, min(most, int(max(0.0, seconds) / self.step)))


def measure_pace(
    model: Any, generator: SupportsGenerate, prompt_ids: Sequence[list[int]], config: Any
) -> Pace:
    """Time what a step of a ``PPOConfig`` or ``GRPOConfig`` does, on rows that it will see.

    Args:
        model: The policy, as it will be trained.
        generator: Samples from it.
        prompt_ids: Token ids of training prompts, as many as one rollout has or more.
        config: Of the trainer.
    """
    count = int(config.num_generations or 1)
    prompts = list(prompt_ids)[: max(1, config.generation_batch_size // count)]
    params = SamplingParams(
        config.max_completion_length,
        num_generations=count,
        temperature=config.temperature,
        top_p=config.top_p,
        seed=config.seed,
    )
    start = time.perf_counter()
    completions = generator.generate(prompts, params)
    sampled = time.perf_counter()
    chosen = max(1, round(getattr(config, "update_fraction", 1.0) * len(prompts)))
    _update(model, _rows(prompts[:chosen], completions, count), config)
    updated = time.perf_counter()
    # Optimizer steps from one rollout to the next; each of its rows is used ``iterations`` times.
    iterations = int(config.num_iterations)
    steps = config.steps_per_generation * iterations / config.gradient_accumulation_steps
    return Pace((sampled - start) / steps, (updated - sampled) * iterations / steps)


def _rows(
    prompts: Sequence[list[int]], completions: Sequence[Completion], count: int
) -> list[tuple[list[int], int]]:
    """Of each prompt the tokens that an update reads, once, and how many of them it scores."""
    rows = []
    for i, prompt in enumerate(prompts):
        own = completions[i * count : (i + 1) * count]
        written = [token for completion in own for token in completion.token_ids]
        rows.append((prompt + written, len(written)))
    return rows


def _update(model: Any, rows: Sequence[tuple[list[int], int]], config: Any) -> None:
    """Forward, backward, and what the optimizer does to memory, without a change of weights."""
    device = next(model.parameters()).device
    size = -(-len(rows) // int(config.steps_per_generation))
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        width = max(len(ids) for ids, _ in part)
        ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in part], device=device)
        mask = torch.tensor(
            [[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in part], device=device
        )
        scored = torch.zeros_like(mask, dtype=torch.bool)
        for i, (row, written) in enumerate(part):
            scored[i, len(row) - written : len(row)] = True
        with torch.autocast(device.type, torch.bfloat16, enabled=bool(config.bf16)):
            hidden: Tensor = model.base_model(
                input_ids=ids, attention_mask=mask, use_cache=False
            ).last_hidden_state[scored]
            logits = model.get_output_embeddings()(hidden)
            loss = logits.logsumexp(-1).mean()
        if not loss.requires_grad:  # quantised: only an adapter will be trained
            return
        loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    torch.nn.utils.get_total_norm(gradients)
    # Adam reads and writes a weight, its gradient and two moments.
    for gradient in gradients:
        gradient.mul_(2).mul_(2)
    model.zero_grad(set_to_none=True)
