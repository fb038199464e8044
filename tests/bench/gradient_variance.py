"""What each baseline leaves of the policy gradient's variance, all on the same answers.

The gradient is that of the outputs of attention and MLP in the upper third of the layers, sketched
by random projections, so that any rollout is a product of one small matrix.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from critic_answers import (
    EACH,
    FOLDS,
    ROLLOUT,
    Answers,
    autocast,
    describe,
    fit_head,
    fit_prompt_probe,
    fit_table,
    fit_token_probe,
    layers_of,
    sample,
)
from torch import Tensor

from mrlm.ppo.baseline import shrunk_baseline

SKETCH = 32  # rows and columns that are left of the gradient of a matrix


def variance(trainer: Any, arguments: argparse.Namespace) -> None:
    layers = layers_of(trainer)
    middle, last = layers[1], layers[2]
    rows = list(trainer.train_dataset)[arguments.first :]
    fit = sample(trainer, rows[: arguments.prompts - arguments.pool], 1, layers)
    describe(fit)
    everything = np.ones(len(fit.returns), dtype=bool)
    functions = {
        "head": (fit_head(fit, last, arguments.head_steps), last),
        "probe": (fit_token_probe(fit, middle, everything), middle),
    }
    pool = rows[arguments.prompts - arguments.pool :]
    others = sample(trainer, pool, arguments.others, [])
    answers = sample(trainer, pool, 1, layers)
    describe(answers)
    tokens = {
        name: [function(states) for states in answers.states[layer]]
        for name, (function, layer) in functions.items()
    }
    values = {name: np.array([v[0] for v in of_answers]) for name, of_answers in tokens.items()}
    values["table"] = fit_table(fit, everything)(answers)
    values["prompt probe"] = fit_prompt_probe(fit, middle, everything)(answers.at(middle, 0.0))
    # A prompt's mean from its other answers, the answer's own left out.
    sums = others.returns.reshape(len(pool), -1).sum(axis=1)[answers.prompts]
    own = answers.returns.reshape(len(pool), -1).sum(axis=1)[answers.prompts] - answers.returns
    values["perfect"] = (sums + own) / (EACH * (arguments.others + 1) - 1)
    gram = gradient_products(trainer, answers, list(tokens.values()))
    report(answers, values, gram)


def gradient_products(trainer: Any, answers: Answers, values: Sequence[Any]) -> Any:
    """Inner products (K * N, K * N) of sketched gradients, K = 1 + value functions.

    First those of each answer's log-probability, then of the same with every token's weighted by
    what a value function has learned since the prompt.
    """
    model, modules = trainer._causal_model(), []
    model.requires_grad_(False)
    depth = model.config.num_hidden_layers
    upper = model.base_model.layers[depth - depth // 3 :]
    for layer in upper:
        modules += [layer.self_attn.o_proj, layer.mlp.down_proj]
    torch.manual_seed(0)
    sides = [
        [torch.randn(SKETCH, size) / SKETCH**0.5 for size in module.weight.shape]
        for module in modules
    ]
    upper[0].register_forward_pre_hook(
        lambda _, given: (given[0].detach().requires_grad_(), *given[1:])
    )
    seen: dict[int, tuple[Tensor, Tensor]] = {}
    for i, module in enumerate(modules):
        module.register_forward_hook(
            lambda _, given, output, i=i: seen.update({i: (given[0].detach(), output)})
        )
    sketches: list[list[Tensor]] = [[] for _ in range(1 + len(values))]
    for number, batch in enumerate(answers.batches):
        log_probs, written = token_log_probs(trainer, batch)
        for k, found in enumerate(sketches):
            weights = torch.zeros_like(log_probs)
            for row in range(EACH):
                learned = values[k - 1][number * EACH + row] if k else None
                weights[row, written[row]] = (
                    1.0 if learned is None else torch.tensor(learned - learned[0]).float()
                )
            total = (weights * log_probs).sum()
            outputs = [seen[i][1] for i in range(len(modules))]
            slopes = torch.autograd.grad(total, outputs, retain_graph=k < len(values))
            parts = [
                (left @ slope.float().mT) @ (seen[i][0].float() @ right.T)
                for i, (slope, (left, right)) in enumerate(zip(slopes, sides, strict=True))
            ]
            found.append(torch.stack(parts, dim=1).flatten(1))
        print(f"gradients of {number + 1} of {len(answers.batches)} prompts", flush=True)
    whole = torch.cat([torch.cat(found) for found in sketches])
    return (whole @ whole.T).double().numpy()


def token_log_probs(trainer: Any, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """(EACH, T) and where the model wrote; the prompt is the same, so only answers are padded."""
    completion, length = batch["completion_ids"], int(batch["prompt_mask"][0].sum())
    prompt = batch["prompt_ids"][:, batch["prompt_ids"].size(1) - length :]
    width = int(batch["completion_mask"].sum(dim=1).max())
    completion = completion[:, :width]
    with autocast(trainer):
        model = trainer._causal_model()
        states = model.base_model(
            input_ids=torch.cat([prompt, completion], dim=1), use_cache=False
        ).last_hidden_state[:, length - 1 : -1]
        logits = model.lm_head(states)
    logits = logits.float() / trainer.temperature
    chosen = logits.gather(2, completion.unsqueeze(2)).squeeze(2)
    return chosen - logits.logsumexp(dim=2), batch["value_mask"][:, :width] > 0


def baseline_of(name: str, returns: Any, values: dict[str, Any], size: int) -> Any:
    """What is subtracted from the returns of a rollout, before anything learned after the prompt.

    Args:
        name: ``"X, shrunk"``: X and the shrunk mean of what it leaves.
        returns: (N,) of the rollout, a prompt's adjacent.
        values: Of the prompts, (N,) each.
        size: Answers per prompt.
    """
    if name == "none":
        return np.zeros_like(returns)
    if name == "batch mean":
        return (returns.sum() - returns) / (len(returns) - 1)
    value, _, how = name.partition(", ")
    start = values[value.removesuffix(" tokens")] if value in VALUES else np.zeros_like(returns)
    if how == "shrunk" or value == "shrunk":
        left = torch.tensor(returns - start)
        return start + shrunk_baseline(left, torch.ones_like(left).bool(), size).numpy()
    if how == "siblings" or value == "siblings":
        groups = (returns - start).reshape(-1, size)
        others = (groups.sum(axis=1, keepdims=True) - groups) / (size - 1)
        return start + others.flatten()
    return start


VALUES = ("table", "prompt probe", "probe tokens", "head tokens", "perfect")
BASELINES = (
    "none",
    "batch mean",
    "siblings",
    "shrunk",
    "head tokens",
    "head tokens, siblings",
    "head tokens, shrunk",
    "table, shrunk",
    "prompt probe",
    "prompt probe, shrunk",
    "probe tokens, shrunk",
    "perfect",
)


def report(answers: Answers, values: dict[str, Any], gram: Any) -> None:
    sizes = (1, 2, 4)
    blocks = np.arange(len(answers.rows)) % FOLDS
    whole = {size: variances(answers, values, gram, size, blocks >= 0) for size in sizes}
    parts = [
        {size: variances(answers, values, gram, size, blocks != block) for size in sizes}
        for block in range(FOLDS)
    ]
    standard = ("siblings", 4)
    print(
        "\nTrace of the gradient's covariance beside that with the mean of siblings, four answers "
        f"a prompt, in rollouts of {ROLLOUT}; standard errors by jackknife over prompts\n\n"
        "| baseline | " + " | ".join(f"G = {size}" for size in sizes) + " |\n|---|---|---|---|"
    )

    def ratio(found: Any, name: str, size: int) -> float:
        return float(found[size][name] / found[standard[1]][standard[0]])

    for name in BASELINES:
        cells = []
        for size in sizes:
            if name not in whole[size]:
                cells.append("")
                continue
            drawn = [ratio(part, name, size) for part in parts]
            error = np.sqrt((FOLDS - 1) * np.var(drawn))
            cells.append(f"{ratio(whole, name, size):.3f} ± {error:.3f}")
        print(f"| {name} | {' | '.join(cells)} |")


def variances(
    answers: Answers, values: dict[str, Any], gram: Any, size: int, chosen: Any
) -> dict[str, float]:
    """By baseline, mean over rollouts that are drawn from the prompts that are chosen."""
    generator, count = np.random.default_rng(size), len(answers.returns)
    prompts = chosen.nonzero()[0]
    used = ROLLOUT // size
    found: dict[str, list[float]] = {}
    for _ in range(400):
        drawn = generator.permutation(prompts)[:used]
        rows = np.concatenate([p * EACH + generator.permutation(EACH)[:size] for p in drawn])
        returns = answers.returns[rows]
        told = {name: value[rows] for name, value in values.items()}
        for name in BASELINES:
            if size == 1 and "siblings" in name:
                continue
            advantages = returns - baseline_of(name, returns, told, size)
            places, weights = [rows], [advantages]
            for k, value in enumerate(("head", "probe"), start=1):
                if name.startswith(f"{value} tokens"):
                    places.append(rows + k * count)
                    weights.append(-np.ones_like(advantages))
            place, weight = np.concatenate(places), np.concatenate(weights)
            found.setdefault(name, []).append(weight @ gram[np.ix_(place, place)] @ weight)
    signal = signal_square(answers, values["perfect"], gram, prompts)
    return {name: float(np.mean(squares)) / ROLLOUT**2 - signal for name, squares in found.items()}


def signal_square(answers: Answers, perfect: Any, gram: Any, prompts: Any) -> float:
    """Squared length of the expected gradient, the same under every baseline: by pairs of prompts
    that are different, under the one that leaves least noise."""
    advantages = answers.returns - perfect
    weighted = advantages[:, None] * gram[: len(advantages), : len(advantages)] * advantages
    by_prompt = weighted.reshape(len(answers.rows), EACH, len(answers.rows), EACH).mean(axis=(1, 3))
    by_prompt = by_prompt[np.ix_(prompts, prompts)]
    pairs = len(prompts) * (len(prompts) - 1)
    return float((by_prompt.sum() - np.trace(by_prompt)) / pairs)
