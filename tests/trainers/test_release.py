"""What a trainer gives back when it has trained."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from mrlm.trainers.release import release_training_state


def test_the_optimizer_goes_and_the_model_stays(make_trainer: Any, tmp_path: Path) -> None:
    trainer = make_trainer()
    trainer.train()
    moments = [
        weakref.ref(value)
        for state in trainer.optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    ]
    copied = weakref.ref(next(trainer.sampler.generator._model.parameters()))
    trainer.save_model(str(tmp_path / "before"))
    assert moments and copied() is not None
    release_training_state(trainer)
    gc.collect()
    assert not any(moment() is not None for moment in moments) and copied() is None
    trainer.save_model(str(tmp_path / "after"))
    names = sorted(path.name for path in (tmp_path / "before").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "after").iterdir())
    weights = [load_file(tmp_path / when / "model.safetensors") for when in ("before", "after")]
    assert all(torch.equal(weights[0][name], x) for name, x in weights[1].items())
    assert trainer.state.log_history and trainer.synced_generator() is not None
