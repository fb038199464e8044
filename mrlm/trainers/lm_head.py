"""TRL's fused output head for CPUs: only the tokens that count, and each product once.

TRL computes log-probabilities without holding all logits, which saves a GPU's memory. On a CPU it
projects every position onto the vocabulary, prompts too, does so a second time for the gradient,
and takes the gradient's two products in float32. ``cpu_lm_head`` makes it project labelled
positions only, keep their logits (bf16 under autocast) and take the gradient in their precision, as
every other layer's is taken. Log-probabilities and gradients are TRL's up to rounding.

Not covered, so left to TRL: other devices, soft-capped or scaled logits, statistics that are only
logged by other trainers, and more logits at a time than ``MAX_LOGITS``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mrlm.trainers import trl_internals

__all__ = ["MAX_LOGITS", "CPUHead", "cpu_lm_head"]

MAX_LOGITS = 2**28  # half a gigabyte in bf16
_ROWS = 32  # worked on at a time, so that what stands between stays in the cache
_COVERED = {"log_probs", "entropy", "is_top1"}


@contextmanager
def cpu_lm_head() -> Iterator[None]:
    """While it lasts; a backward pass may come later."""
    if not trl_internals.usable("cpu_lm_head"):
        yield
        return
    from trl.trainer import utils as trl_utils

    utils: Any = trl_utils
    function, scores_labelled_only = utils._ChunkedLogProbFunction, utils._use_triton
    utils._ChunkedLogProbFunction = CPUHead(function)
    utils._use_triton = lambda device: device.type == "cpu" or scores_labelled_only(device)
    try:
        yield
    finally:
        utils._ChunkedLogProbFunction, utils._use_triton = function, scores_labelled_only


class CPUHead:
    """Stands where TRL looks for its function, and hands on what is not covered.

    Args:
        function: TRL's own ``torch.autograd.Function``.
    """

    def __init__(self, function: Any) -> None:
        self._function = function

    def apply(
        self,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        temperature: float,
        chunk_size: int,
        final_logit_softcapping: float | None,
        logit_scale: float,
        outputs: tuple[str, ...],
    ) -> Any:
        """As TRL's: (N, H), (V, H), (V,) and (N,) to five of (N,), ``None`` if not asked for."""
        is_covered = (
            hidden.device.type == "cpu"
            and final_logit_softcapping is None
            and logit_scale == 1
            and set(outputs) <= _COVERED
            and hidden.shape[0] * weight.shape[0] <= MAX_LOGITS
        )
        if not is_covered:
            return self._function.apply(
                hidden,
                weight,
                bias,
                targets,
                temperature,
                chunk_size,
                final_logit_softcapping,
                logit_scale,
                outputs,
            )
        apply: Any = _LogProbs.apply
        logps, entropies, is_top1 = apply(hidden, weight, bias, targets, temperature)
        return (
            logps,
            entropies if "entropy" in outputs else None,
            None,
            None,
            is_top1 if "is_top1" in outputs else None,
        )


class _LogProbs(torch.autograd.Function):
    """(N, H) hidden states, (V, H) weight, (V,) bias, (N,) targets -> three of (N,)."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        temperature: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        autocast = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if autocast else hidden.dtype
        states, matrix = hidden.to(dtype), weight.to(dtype)
        logits = states @ matrix.T
        if bias is not None:
            logits += bias.to(dtype)
        log_z, logps, entropies = (
            hidden.new_empty(len(hidden), dtype=torch.float32) for _ in range(3)
        )
        is_top1 = torch.empty(len(hidden), dtype=torch.bool)
        for start in range(0, len(hidden), _ROWS):
            rows = slice(start, start + _ROWS)
            z = logits[rows].to(torch.float32, copy=True).div_(temperature)
            is_top1[rows] = z.argmax(-1) == targets[rows]
            log_z[rows] = z.logsumexp(-1)
            log_chances = z.sub_(log_z[rows, None])
            logps[rows] = log_chances.gather(1, targets[rows, None])[:, 0]
            entropies[rows] = -log_chances.exp().mul_(log_chances).sum(-1)
        ctx.save_for_backward(states, matrix, targets, logits, log_z, entropies)
        ctx.temperature = temperature
        ctx.dtypes = hidden.dtype, weight.dtype, bias.dtype if bias is not None else None
        ctx.mark_non_differentiable(is_top1)
        return logps, entropies, is_top1

    @staticmethod
    def backward(
        ctx: Any, grad_logps: Tensor | None, grad_entropies: Tensor | None, _: None
    ) -> tuple[Tensor | None, ...]:
        states, matrix, targets, logits, log_z, entropies = ctx.saved_tensors
        grad = torch.empty_like(logits)
        for start in range(0, len(logits), _ROWS):
            rows = slice(start, start + _ROWS)
            log_chances = (
                logits[rows]
                .to(torch.float32, copy=True)
                .div_(ctx.temperature)
                .sub_(log_z[rows, None])
            )
            chances = log_chances.exp()
            part = torch.zeros_like(chances)
            if grad_logps is not None:
                # d log p(target) / dz = onehot(target) - p
                part.addcmul_(chances, grad_logps[rows, None], value=-1)
                part.scatter_add_(1, targets[rows, None], grad_logps[rows, None])
            if grad_entropies is not None:
                # d entropy / dz = -p (log p + entropy)
                log_chances.add_(entropies[rows, None]).mul_(grad_entropies[rows, None])
                part.addcmul_(chances, log_chances, value=-1)
            grad[rows] = part.div_(ctx.temperature)
        needs_hidden, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        hidden_dtype, weight_dtype, bias_dtype = ctx.dtypes
        return (
            (grad @ matrix).to(hidden_dtype) if needs_hidden else None,
            (grad.T @ states).to(weight_dtype) if needs_weight else None,
            grad.sum(0, dtype=torch.float32).to(bias_dtype) if needs_bias else None,
            None,
            None,
        )
