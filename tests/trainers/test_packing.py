"""Packed forward passes give what the padded batch gives, for less."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from trl.trainer.utils import add_fused_lm_head

from mrlm.trainers import packing
from mrlm.trainers.packable import can_pack
from mrlm.trainers.packing import ATTENTION, Packed, pack, register_attention


def batch() -> dict[str, Any]:
    """Three prompts, of 2, 1 and 2 completions; one completion is empty, one is the longest."""
    prompts = [[5, 6, 7], [5, 6, 7], [9], [20, 21, 22, 23], [20, 21, 22, 23]]
    completions = [[30, 31], [32, 33, 34, 35], [], [36], [37, 38, 39]]
    width, length = 4, 4
    ids = torch.zeros(5, width + length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        ids[row, width - len(prompt) : width + len(completion)] = torch.tensor(prompt + completion)
        mask[row, width - len(prompt) : width + len(completion)] = 1
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, :width] = -100
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def test_each_prompt_stands_once() -> None:
    layout = pack(**batch())
    assert layout.lengths == [3 + 1 + 3, 1, 4 + 0 + 2]
    assert layout.input_ids.tolist() == [[5, 6, 7, 30, 32, 33, 34, 9, 20, 21, 22, 23, 37, 38]]
    assert layout.position_ids.tolist() == [[0, 1, 2, 3, 3, 4, 5, 0, 0, 1, 2, 3, 4, 5]]
    assert layout.targets.tolist() == [[30, 31, 32, 33, 34, 35, 36, 37, 38, 39]]
    assert layout.predictors.tolist() == [2, 3, 2, 4, 5, 6, 11, 11, 12, 13]


def test_groups_lie_side_by_side() -> None:
    plain, layout = pack(**batch()), pack(**batch(), side_by_side=True)
    for name in ("input_ids", "position_ids", "predictors", "targets", "slots"):
        assert torch.equal(getattr(layout, name), getattr(plain, name)), name
    grid = layout.grid
    assert grid is not None and plain.grid is None and not layout.masks
    assert grid.places.shape == (3, 8)  # a multiple of 8
    found = grid.places.flatten()[grid.back]
    assert found.tolist() == list(range(14))
    for group, mask in enumerate(plain.masks):
        size = len(mask)
        assert torch.equal(grid.seen[group, 0, :size, :size], mask)
        assert not grid.seen[group, 0, :size, size:].any()
    assert grid.seen.any(dim=-1).all()
    assert torch.equal(grid.bias(torch.float32) == 0, grid.seen)
    assert grid.bias(torch.float32) is grid.bias(torch.float32)
    assert grid.bias(torch.bfloat16).dtype == torch.bfloat16


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("family", ["tiny_llama", "tiny_qwen2", "tiny_gpt2"])
def test_equals_the_padded_batch(
    family: str,
    side_by_side: bool,
    checkpointing: bool,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packing, "pack", partial(pack, side_by_side=side_by_side))
    model = request.getfixturevalue(family)()
    add_fused_lm_head(model, temperature=0.7, outputs=("log_probs", "entropy"))
    inputs = batch()
    scored = inputs["labels"][:, 1:] != -100
    weight = torch.randn(scored.shape, generator=torch.Generator().manual_seed(0))

    def run(call: Any, **extra: Any) -> tuple[Any, dict[str, torch.Tensor]]:
        model.zero_grad()
        output = call(**inputs, fused_lm_head=True, **extra)
        (output.log_probs * weight)[scored].sum().backward()
        return output, {n: p.grad.clone() for n, p in model.named_parameters()}

    # TRL numbers positions with the padding; GPT-2's are absolute, so they are given here.
    positions = (inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)
    padded, expected = run(model, position_ids=positions)
    assert can_pack(model)
    register_attention()
    model.set_attn_implementation(ATTENTION)
    if checkpointing:
        model.train()  # without dropout, all the same
        model.activation_checkpointing_enable({"use_reentrant": False})
    packed, ours = run(Packed(model, [model.base_model]))
    for name in ("log_probs", "entropy"):
        torch.testing.assert_close(getattr(packed, name), getattr(padded, name), atol=1e-5, rtol=0)
    assert max(g.abs().max() for g in expected.values()) > 1e-2
    for name, grad in expected.items():
        torch.testing.assert_close(ours[name], grad, atol=1e-5, rtol=1e-4, msg=name)
    model.activation_checkpointing_disable()
    again, _ = run(model, position_ids=positions)  # the attention still serves ordinary calls
    torch.testing.assert_close(again.log_probs, padded.log_probs, atol=1e-6, rtol=0)


def test_refuses_what_it_would_compute_otherwise(tiny_llama: Any, tiny_qwen2: Any) -> None:
    assert can_pack(tiny_llama())
    eager = tiny_llama()
    eager.set_attn_implementation("eager")
    assert not can_pack(eager)
    assert not can_pack(tiny_qwen2(use_sliding_window=True, sliding_window=4, max_window_layers=0))
