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
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mrlm import PPOConfig, PPOTrainer, load_model, make_task
from mrlm.models.chat_templates import add_tool_calling
from mrlm.ppo.baseline import shrunk_baseline
from mrlm.trainers.packing import pack

EACH = 8  # answers of a prompt that are sampled at a time
FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of an answer
FOLDS = 8
SKETCH = 32  # rows and columns that are left of the gradient of a matrix
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


# ---------------------------------------------------------------------- sampling


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


# ---------------------------------------------------------------------- predictions


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


# ---------------------------------------------------------------------- what a critic could know


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


def describe(answers: Answers) -> None:
    groups = answers.returns.reshape(len(answers.rows), -1)
    means, within = groups.mean(axis=1), groups.var(axis=1, ddof=1).mean()
    between = np.var(means, ddof=1) - within / groups.shape[1]
    print(
        f"\n{len(answers.rows)} prompts x {groups.shape[1]} answers: mean return "
        f"{means.mean():.3f}, variance {answers.returns.var():.3f}, of it between prompts "
        f"{between / (between + within):.2f}; all equal {np.mean(np.ptp(groups, axis=1) == 0):.0%}"
    )


# ---------------------------------------------------------------------- variance of the gradient


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


def layers_of(trainer: Any) -> tuple[int, int, int]:
    """A third of the way up, two thirds, and the last."""
    depth = trainer._causal_model().config.num_hidden_layers
    return depth // 3, 2 * depth // 3, depth


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
