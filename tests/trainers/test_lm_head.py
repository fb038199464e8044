"""The CPU's output head gives TRL's numbers and gradients, and says when TRL has changed."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from trl.kernels.chunked_logprob import ChunkedLogProbFunction
from trl.trainer import utils

from mrlm.trainers import lm_head
from mrlm.trainers.lm_head import CPUHead, cpu_lm_head

V, H, N = 300, 16, 70
OUTPUTS = ("log_probs", "entropy", "is_top1")


def inputs(bias: bool) -> list[Any]:
    torch.manual_seed(0)
    hidden = torch.randn(N, H, requires_grad=True)
    weight = torch.randn(V, H, requires_grad=True)
    return [hidden, weight, torch.randn(V, requires_grad=True) if bias else None]


def run(function: Any, tensors: list[Any], temperature: float, outputs: Any = OUTPUTS) -> Any:
    targets = torch.arange(N) * 4
    out = function.apply(*tensors, targets, temperature, 128, None, 1.0, outputs)
    weights = torch.linspace(-1, 1, N)
    loss = (out[0] * weights).sum()
    if out[1] is not None:
        loss = loss + (out[1] * weights.flip(0)).sum()
    grads = torch.autograd.grad(loss, [x for x in tensors if x is not None])
    return out, grads


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_numbers_and_gradients_are_trl_s(temperature: float, bias: bool) -> None:
    out, grads = run(CPUHead(ChunkedLogProbFunction), inputs(bias), temperature)
    expected, expected_grads = run(ChunkedLogProbFunction, inputs(bias), temperature)
    for mine, theirs in zip(out, expected, strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)
    assert out[4].any() == expected[4].any()
    torch.testing.assert_close(grads, expected_grads, atol=1e-4, rtol=1e-4)


def test_a_gradient_of_one_output_alone() -> None:
    out, grads = run(CPUHead(ChunkedLogProbFunction), inputs(False), 1.0, ("log_probs",))
    expected, expected_grads = run(ChunkedLogProbFunction, inputs(False), 1.0, ("log_probs",))
    assert [x is None for x in out] == [x is None for x in expected]
    torch.testing.assert_close(grads, expected_grads, atol=1e-4, rtol=1e-4)


def test_under_bf16_autocast_as_near_to_float32_as_trl_s() -> None:
    exact, exact_grads = run(ChunkedLogProbFunction, inputs(False), 1.0)
    with torch.autocast("cpu", torch.bfloat16):
        mine, grads = run(CPUHead(ChunkedLogProbFunction), inputs(False), 1.0)
        theirs, trl_grads = run(ChunkedLogProbFunction, inputs(False), 1.0)

    def error(a: Any, b: Any) -> float:
        return ((a.float() - b).norm() / b.norm()).item()

    for i in (0, 1):
        assert error(mine[i], exact[i]) < 1.1 * error(theirs[i], exact[i]) + 1e-4
    for a, b, c in zip(grads, trl_grads, exact_grads, strict=True):
        assert a.dtype == torch.float32
        assert error(a, c) < 0.01 and error(b, c) < 0.01


def count_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of the positions that are projected from now on, by either function."""
    seen: list[int] = []
    ours, theirs = CPUHead.apply, ChunkedLogProbFunction.apply

    def count_ours(self: Any, hidden: Any, *args: Any) -> Any:
        seen.append(len(hidden))
        return ours(self, hidden, *args)

    def count_theirs(hidden: Any, *args: Any) -> Any:
        seen.append(len(hidden))
        return theirs(hidden, *args)

    monkeypatch.setattr(CPUHead, "apply", count_ours)
    monkeypatch.setattr(ChunkedLogProbFunction, "apply", count_theirs)
    return seen


def test_the_model_projects_labelled_positions_only(
    tiny_llama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRL's own forward, with its loss, its shapes and its gradients."""
    seen = count_rows(monkeypatch)
    ids = torch.arange(24).view(2, 12) + 5
    labels = ids.clone()
    labels[:, :8] = -100
    results = []
    for lean in (False, True):
        torch.manual_seed(0)
        model = tiny_llama()
        utils.add_fused_lm_head(model, outputs=OUTPUTS)
        if lean:
            with cpu_lm_head():
                out = model(input_ids=ids, labels=labels, fused_lm_head=True)
        else:
            out = model(input_ids=ids, labels=labels, fused_lm_head=True)
        out.loss.backward()
        results.append((out, {name: p.grad for name, p in model.named_parameters()}))
    assert seen == [22, 8]
    (plain, grads), (mine, lean_grads) = results
    assert mine.log_probs.shape == plain.log_probs.shape == (2, 11)
    for field in ("loss", "log_probs", "entropy", "label_mask"):
        torch.testing.assert_close(getattr(mine, field), getattr(plain, field))
    torch.testing.assert_close(lean_grads, grads, atol=1e-6, rtol=1e-4)
    assert utils._ChunkedLogProbFunction is ChunkedLogProbFunction


@pytest.mark.parametrize("case", ["softcap", "scale", "statistics", "memory"])
def test_what_is_not_covered_stays_trl_s(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(ChunkedLogProbFunction, "apply", lambda *args: called.append("TRL") or args)
    if case == "memory":
        monkeypatch.setattr(lm_head, "MAX_LOGITS", N * V - 1)
    CPUHead(ChunkedLogProbFunction).apply(
        *inputs(False),
        torch.zeros(N, dtype=torch.long),
        1.0,
        128,
        30.0 if case == "softcap" else None,
        2.0 if case == "scale" else 1.0,
        ("log_probs", "mean_logits") if case == "statistics" else OUTPUTS,
    )
    assert called == ["TRL"]


def test_canary_trl_s_head_is_where_it_was() -> None:
    """If this fails, TRL has changed: read ``add_fused_lm_head`` and mend ``lm_head``."""
    assert list(inspect.signature(ChunkedLogProbFunction.forward).parameters) == [
        "ctx",
        "hidden",
        "weight",
        "bias",
        "targets",
        "temperature",
        "chunk_size",
        "final_logit_softcapping",
        "logit_scale",
        "outputs",
    ]
    source = inspect.getsource(utils.add_fused_lm_head)
    assert "_ChunkedLogProbFunction.apply(" in source
    assert "compact = _use_triton(hidden_states.device)" in source
    uses = inspect.getsource(utils).count("_use_triton(")
    assert uses == 1, "trl.trainer.utils asks for Triton in a second place"
