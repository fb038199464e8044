"""Answers of a policy that stands still, their hidden states, and what can be fitted on both.

Not covered: which of it is worth anything (``baselines``, ``gradient_variance``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mrlm import PPOConfig, PPOTrainer, load_model, make_task
from mrlm.models.chat_templates import add_tool_calling
from mrlm.trainers.packing import pack

EACH = 8  # answers of a prompt that are sampled at a time
FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of an answer
FOLDS = 8
ROLLOUT = 64  # answers
PENALTIES = np.logspace(-3, 2, 11)  # beside the variance of a feature, which is 1

TASKS: dict[str, dict[str, Any]] = {
    "math": {"difficulties": ["easy", "medium"], "answer_format": "last_number"},
    "tools": {},
}
SAMPLING = {
    "math": {"max_completion_length": 32, "temperature": 0.5},
    "tools": {"max_completion_length": 224, "temperature": 1.0},
}


@dataclass
class Answers:
    """N answers to P prompts, those of a prompt adjacent.

    Attributes:
        rows: Of the task, one per prompt.
        returns: (N,).
        states: Per layer, per answer, (T, H): the state before each token of the model's, of
            length 1.
        batches: As the trainer makes them, ``EACH`` answers of one prompt.
    """

    rows: list[dict[str, Any]]
    returns: np.ndarray[Any, Any]
    states: dict[int, list[np.ndarray[Any, Any]]]
    batches: list[dict[str, Tensor]]

    @property
    def prompts(self) -> np.ndarray[Any, Any]:
        return np.repeat(np.arange(len(self.rows)), len(self.returns) // len(self.rows))

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(row["difficulty"], row["kind"]) for row in self.rows]

    def at(self, layer: int, fraction: float) -> np.ndarray[Any, Any]:
        """(N, H)."""
        return np.stack([s[round(fraction * (len(s) - 1))] for s in self.states[layer]])


def make_trainer(arguments: argparse.Namespace, folder: str) -> PPOTrainer:
    model, tokenizer = load_model(arguments.model)
    task = make_task(arguments.task, **TASKS[arguments.task])
    if task.has_tools:
        add_tool_calling(tokenizer)
    config = PPOConfig(
        folder,
        per_device_train_batch_size=ROLLOUT,
        num_generations=EACH,
        report_to="none",
        zero_truncated_rewards=arguments.zero_truncated_rewards,
        seed=arguments.seed,
        **SAMPLING[arguments.task],  # type: ignore[arg-type]
    )
    return PPOTrainer(
        model,
        list(task.reward_funcs),
        config,
        train_dataset=task.build_dataset(arguments.first + arguments.prompts, 0, "train"),
        processing_class=tokenizer,
        environment_factory=task.environment_factory,
    )


def sample(trainer: Any, rows: list[dict[str, Any]], times: int, layers: Sequence[int]) -> Answers:
    """``times * EACH`` answers of each row; states of the layers, if any."""
    trainer.model.train()
    at_once = ROLLOUT // EACH
    found: list[list[dict[str, Tensor]]] = [[] for _ in rows]
    for _ in range(times):
        for start in range(0, len(rows), at_once):
            chunk = rows[start : start + at_once]
            batch = trainer._generate_and_score_completions(
                [row for row in chunk for _ in range(EACH)]
            )
            for i in range(len(chunk)):
                part = {
                    name: x[i * EACH : (i + 1) * EACH]
                    for name, x in batch.items()
                    if isinstance(x, Tensor) and x.ndim
                }
                found[start + i].append(part)
            print(f"sampled {start + len(chunk)} of {len(rows)} prompts", flush=True)
    batches = [batch for parts in found for batch in parts]
    returns = np.concatenate([first_return(batch) for batch in batches])
    states: dict[int, list[np.ndarray[Any, Any]]] = {layer: [] for layer in layers}
    for batch in batches if layers else ():
        for layer, of_answers in read_states(trainer, batch, layers).items():
            states[layer] += of_answers
    return Answers(rows, returns, states, batches)


def first_return(batch: dict[str, Tensor]) -> np.ndarray[Any, Any]:
    """(EACH,); gamma is 1, so the return of every token is the answer's."""
    written = batch["value_mask"] > 0
    if not written.any(dim=1).all():
        raise SystemExit("An answer has no score or no token: leave out the row that it is of.")
    first = written.int().argmax(dim=1, keepdim=True)
    return batch["returns"].gather(1, first).squeeze(1).double().numpy()


def autocast(trainer: Any) -> Any:
    return torch.autocast("cpu", torch.bfloat16, enabled=trainer.args.bf16)


@torch.no_grad()
def read_states(
    trainer: Any, batch: dict[str, Tensor], layers: Sequence[int]
) -> dict[int, list[np.ndarray[Any, Any]]]:
    """As in ``Answers``; the last layer's as the value head reads it, after the final norm."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    seen = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    labels = ids.masked_fill(seen == 0, -100)
    labels[:, : batch["prompt_ids"].size(1)] = -100
    layout = pack(ids, seen, labels)
    with autocast(trainer):
        output = trainer._causal_model().base_model(
            input_ids=layout.input_ids,
            attention_mask=ids.new_ones(1, 1, 1, 1, dtype=torch.bool),
            position_ids=layout.position_ids,
            use_cache=False,
            output_hidden_states=True,
            packing=layout,
        )
    row, column = layout.slots // ids.size(1), layout.slots % ids.size(1)
    written = batch["value_mask"][row, column - batch["prompt_ids"].size(1)] > 0
    found = {}
    for layer in layers:
        states = output.hidden_states[layer][0, layout.predictors].float()
        states = torch.nn.functional.normalize(states, dim=-1)
        found[layer] = [states[written & (row == i)].numpy() for i in range(len(ids))]
    return found


@dataclass
class Ridge:
    """Linear in the state, by least squares with a penalty that held-out prompts have chosen."""

    weight: np.ndarray[Any, Any]
    bias: float

    def __call__(self, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        predicted: np.ndarray[Any, Any] = x @ self.weight + self.bias
        return predicted


def fit_ridge(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], prompts: Any) -> Ridge:
    """Of x (N, H) and y (N,); every third prompt chooses the penalty."""
    out = prompts % 3 == 0
    errors = [np.square(y[out] - ridge(x[out])).sum() for ridge in _ridges(x[~out], y[~out])]
    [best] = _ridges(x, y, PENALTIES[[int(np.argmin(errors))]])
    return best


def _ridges(x: Any, y: Any, penalties: Any = PENALTIES) -> list[Ridge]:
    # A few features of a language model's states are a hundred times larger than the others.
    centre, scale, mean = x.mean(axis=0), x.std(axis=0) + 1e-8, float(y.mean())
    x = (x - centre) / scale
    values, vectors = np.linalg.eigh((x.T @ x / len(x)).astype(np.float64))
    values, projected = values.clip(min=0), vectors.T @ (x.T @ (y - mean) / len(x))
    weights = [vectors @ (projected / (values + penalty)) / scale for penalty in penalties]
    return [Ridge(weight, mean - float(centre @ weight)) for weight in weights]


def fit_table(answers: Answers, chosen: Any) -> Callable[[Answers], np.ndarray[Any, Any]]:
    """Mean return by difficulty and kind, of the answers that are chosen."""
    kinds = np.array([f"{kind}" for kind in answers.kinds])[answers.prompts]
    mean = answers.returns[chosen].mean()
    table = {kind: answers.returns[chosen & (kinds == kind)].mean() for kind in set(kinds[chosen])}
    return lambda of: np.array([table.get(f"{kind}", mean) for kind in of.kinds])[of.prompts]


def fit_prompt_probe(answers: Answers, layer: int, chosen: Any) -> Ridge:
    """On each prompt's last state and mean return."""
    first = chosen.nonzero()[0][:: len(answers.returns) // len(answers.rows)]
    means = answers.returns[chosen].reshape(len(first), -1).mean(axis=1)
    return fit_ridge(answers.at(layer, 0.0)[first], means, answers.prompts[first])


def fit_token_probe(answers: Answers, layer: int, chosen: Any) -> Ridge:
    """On states along the answers and the answers' returns."""
    states = [answers.at(layer, fraction)[chosen] for fraction in FRACTIONS]
    repeat = len(FRACTIONS)
    return fit_ridge(
        np.concatenate(states),
        np.tile(answers.returns[chosen], repeat),
        np.tile(answers.prompts[chosen], repeat),
    )


def fit_head(answers: Answers, layer: int, steps: int) -> Ridge:
    """As PPO's value head learns: from zero, one step of Adam at 1e-2 a rollout, all tokens."""
    head = torch.nn.Linear(answers.states[layer][0].shape[1], 1)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    starts = range(0, len(answers.returns) - ROLLOUT + 1, ROLLOUT)
    for step in range(steps):
        start = starts[step % len(starts)]
        states = answers.states[layer][start : start + ROLLOUT]
        lengths = [len(s) for s in states]
        returns = np.repeat(answers.returns[start : start + ROLLOUT], lengths)
        error = head(torch.tensor(np.concatenate(states))).squeeze(1) - torch.tensor(returns)
        optimizer.zero_grad()
        error.square().mean().backward()
        optimizer.step()
    return Ridge(head.weight[0].detach().double().numpy(), float(head.bias))


def describe(answers: Answers) -> None:
    groups = answers.returns.reshape(len(answers.rows), -1)
    means, within = groups.mean(axis=1), groups.var(axis=1, ddof=1).mean()
    between = np.var(means, ddof=1) - within / groups.shape[1]
    print(
        f"\n{len(answers.rows)} prompts x {groups.shape[1]} answers: mean return "
        f"{means.mean():.3f}, variance {answers.returns.var():.3f}, of it between prompts "
        f"{between / (between + within):.2f}; all equal {np.mean(np.ptp(groups, axis=1) == 0):.0%}"
    )


def layers_of(trainer: Any) -> tuple[int, int, int]:
    """A third of the way up, two thirds, and the last."""
    depth = trainer._causal_model().config.num_hidden_layers
    return depth // 3, 2 * depth // 3, depth
