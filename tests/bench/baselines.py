"""Which baseline a policy gradient should have, measured at a policy that stands still.

``know``: what a critic could know. Answers are sampled to generated problems, their hidden states
are read, and ridge regressions predict the returns of prompts that they were not fitted on.

``variance``: what each baseline leaves of the gradient's variance. All are applied to the same
answers; the gradient is that of the outputs of attention and MLP in the upper third of the layers,
sketched by random projections, so that any rollout is a product of one small matrix.

    make bench-baselines ARGS='know'
    make bench-baselines ARGS='variance --model runs/demo/model'
    make bench-baselines ARGS='variance --task tools --model runs/sft_tools/model --pool 32'

The last two take the model of an earlier run. Not covered: training; several seeds of a run say
whether a smaller variance is worth anything.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from critic_answers import (
    EACH,
    FOLDS,
    FRACTIONS,
    TASKS,
    Answers,
    describe,
    fit_prompt_probe,
    fit_table,
    fit_token_probe,
    layers_of,
    make_trainer,
    sample,
)
from gradient_variance import variance


def know(trainer: Any, arguments: argparse.Namespace) -> None:
    layers = layers_of(trainer)
    rows = list(trainer.train_dataset)[arguments.first :]
    answers = sample(trainer, rows, 1, layers)
    describe(answers)
    held_out = predictions(answers, layers)
    print("\n| predicted from | prompt's mean return | single return |\n|---|---|---|")
    for name, predicted in held_out.items():
        if not isinstance(name, tuple):
            of_mean = interval(answers, lambda a, p: prompt_share(a, p), predicted)
            single = interval(answers, lambda a, p: 1 - np.var(a - p) / np.var(a), predicted)
            print(f"| {name} | {of_mean} | {single} |")
    print(
        "\n| state of layer, along the answer | single return | within the prompt |\n|---|---|---|"
    )
    for layer in layers:
        start = held_out[layer, 0.0]
        for fraction in FRACTIONS:
            now = held_out[layer, fraction]
            single = interval(answers, lambda a, p: 1 - np.var(a - p) / np.var(a), now)
            within = interval(answers, within_share, now - start)
            print(f"| {layer}, {fraction:.0%} | {single} | {within} |")


def predictions(answers: Answers, layers: Sequence[int]) -> dict[Any, np.ndarray[Any, Any]]:
    """(N,) by what is known, each from folds that do not hold the prompt."""
    found: dict[Any, np.ndarray[Any, Any]] = {}

    def put(name: Any, predicted: np.ndarray[Any, Any], out: Any) -> None:
        found.setdefault(name, np.zeros(len(answers.returns)))[out] = predicted[out]

    for fold in range(FOLDS):
        out = answers.prompts % FOLDS == fold
        put("constant", np.full(len(out), answers.returns[~out].mean()), out)
        put("table of difficulty and kind", fit_table(answers, ~out)(answers), out)
        for layer in layers:
            probe = fit_prompt_probe(answers, layer, ~out)
            put(f"prompt's last state, layer {layer}", probe(answers.at(layer, 0.0)), out)
            probe = fit_token_probe(answers, layer, ~out)
            for fraction in FRACTIONS:
                put((layer, fraction), probe(answers.at(layer, fraction)), out)
    return found


def prompt_share(returns: Any, predicted: Any) -> float:
    """Of the variance of prompts' true means; the noise of means of few is taken off."""
    groups, predicted = returns.reshape(-1, EACH), predicted.reshape(-1, EACH)[:, 0]
    noise = groups.var(axis=1, ddof=1).mean() / EACH
    means = groups.mean(axis=1)
    return float(1 - (np.var(means - predicted) - noise) / (np.var(means) - noise))


def within_share(returns: Any, predicted: Any) -> float:
    """Of the squared distance from the siblings' mean, by what was learned since the prompt."""
    groups = returns.reshape(-1, EACH)
    others = (groups.sum(axis=1, keepdims=True) - groups) / (EACH - 1)
    left = (groups - others).flatten()
    return float(1 - np.square(left - predicted).sum() / np.square(left).sum())


def interval(answers: Answers, share: Callable[[Any, Any], float], predicted: Any) -> str:
    """The share, and 95% of what it is where prompts are drawn anew."""
    generator = np.random.default_rng(0)
    returns, predicted = answers.returns.reshape(-1, EACH), predicted.reshape(-1, EACH)
    drawn = [
        share(returns[chosen].flatten(), predicted[chosen].flatten())
        for chosen in (generator.integers(len(returns), size=len(returns)) for _ in range(500))
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = share(returns.flatten(), predicted.flatten())
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("know", "variance"))
    parser.add_argument("--task", choices=sorted(TASKS), default="math")
    parser.add_argument("--model", help="folder or name; default: the embedded model")
    parser.add_argument("--prompts", type=int, help="default: 320, and 192 for the variance")
    parser.add_argument("--pool", type=int, default=96, help="of them, those with gradients")
    parser.add_argument("--others", type=int, default=2, help="x 8 answers for the true mean")
    parser.add_argument("--head_steps", type=int, default=48, help="of Adam, for the value head")
    parser.add_argument("--first", type=int, default=0, help="row of the training split")
    parser.add_argument("--zero_truncated_rewards", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.prompts = arguments.prompts or {"know": 320, "variance": 192}[arguments.mode]
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(arguments, folder)
        {"know": know, "variance": variance}[arguments.mode](trainer, arguments)


if __name__ == "__main__":
    main()
