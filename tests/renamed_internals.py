"""Trains with libraries in which one private name is another, for ``test_trl_internals.py``.

``renamed_internals.py MODEL PRELOAD NAME=LIBRARY ...`` does for each ``NAME`` what the next version
of TRL or transformers might: their sources are read with the name changed wherever it stands. Each
is tried in a process of its own, which starts from what all have imported already, the modules of
``PRELOAD``. Prints a line of JSON per name: what became of a step of GRPO and of PPO, of dynamic
sampling, of resuming, and the warnings; or ``too_late`` where a preloaded module has the name.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import logging
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Renamer(importlib.abc.MetaPathFinder):
    """Finds modules of some packages as always, and has them compiled with a name changed."""

    def __init__(self, name: str, packages: tuple[str, ...]) -> None:
        # Of a common word, no argument and no attribute of something else.
        is_common = "_" not in name and name.islower()
        self.pattern = re.compile(rf"(?<![.\w]){name}\b(?!=)" if is_common else rf"\b{name}\b")
        self.replacement, self.packages = f"{name}_renamed", packages

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname.partition(".")[0] not in self.packages:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            source = Path(spec.loader.path).read_text(encoding="utf-8")
            if self.pattern.search(source):
                spec.loader = RenamingLoader(fullname, spec.loader.path, self)
        return spec


class RenamingLoader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, renamer: Renamer) -> None:
        super().__init__(fullname, path)
        self.renamer = renamer

    def get_code(self, fullname: str) -> Any:
        source = self.get_data(self.path).decode()
        changed = self.renamer.pattern.sub(self.renamer.replacement, source)
        return compile(changed, self.path, "exec", dont_inherit=True)


def told(run: Callable[[], Any]) -> str:
    """``"done"``, or the error."""
    try:
        run()
    except Exception as error:
        if "changed" not in str(error):
            traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return "done"


def reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
    return [sum(i < 128 for i in ids) / len(ids) for ids in completion_ids]


def make(kind: str, folder: str, **settings: Any) -> Any:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from mrlm.trainers import GRPOConfig, GRPOTrainer

    classes = {"grpo": (GRPOTrainer, GRPOConfig)}
    if kind == "ppo":
        from mrlm import PPOConfig, PPOTrainer

        classes["ppo"] = (PPOTrainer, PPOConfig)
    trainer_class, config_class = classes[kind]
    common: dict[str, Any] = {
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "report_to": "none",
        "disable_tqdm": True,
        "per_device_train_batch_size": 4,
        "num_generations": 2,
        "max_completion_length": 4,
        "max_steps": 1,
        "save_steps": 1,
    }
    return trainer_class(
        AutoModelForCausalLM.from_pretrained(sys.argv[1]),
        reward,
        config_class(folder, **(common | settings)),
        train_dataset=Dataset.from_dict({"prompt": ["ab", "longer prompt", "c", "de"]}),
        processing_class=AutoTokenizer.from_pretrained(sys.argv[1]),
    )


def is_imported(renamer: Renamer) -> bool:
    """Whether a module that is here already has the name, so that it would not be renamed there."""
    files = (
        getattr(module, "__file__", None)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in renamer.packages
    )
    sources = (Path(file).read_text(encoding="utf-8") for file in files if file)
    return any(renamer.pattern.search(source) for source in sources)


def outcome(renamer: Renamer) -> dict[str, Any]:
    sys.meta_path.insert(0, renamer)
    warnings: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("mrlm").addHandler(handler)
    with tempfile.TemporaryDirectory() as folder:
        grpo = told(lambda: make("grpo", f"{folder}/grpo").train())
        return {
            "grpo": grpo,
            "ppo": told(lambda: make("ppo", f"{folder}/ppo").train()),
            "dynamic_sampling": told(
                lambda: make("grpo", f"{folder}/more", resample_rounds=1).train()
            ),
            "resumption": told(
                lambda: make("grpo", f"{folder}/grpo", max_steps=2).train(
                    resume_from_checkpoint=True
                )
            ),
            "warnings": warnings,
        }


def main() -> None:
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    import accelerate  # noqa: F401
    import datasets  # noqa: F401
    import torch

    torch.set_num_threads(1)
    for module in filter(None, sys.argv[2].split(",")):
        __import__(module)
    for pair in sys.argv[3:]:
        name, library = pair.split("=")
        renamer = Renamer(name, ("trl",) if library == "trl" else ("trl", "transformers"))
        if is_imported(renamer):
            print(json.dumps({"name": name, "too_late": True}), flush=True)
            continue
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            sys.stdout = sys.stderr
            with os.fdopen(write, "w") as pipe:
                json.dump({"name": name, **outcome(renamer)}, pipe)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        print(text or json.dumps({"name": name, "grpo": "died", "ppo": "died"}), flush=True)


if __name__ == "__main__":
    main()
