"""Settings of a recipe for a task that it does not know: a starting point, chosen by the task.

What is looked at is whether rows are episodes with tools, how long the worked solutions are, and
whether there are any. Where the recipe knows nothing better, a model as small as the embedded one,
on a laptop, is what the settings are for; flags change each of them.

Not covered: tuning. The recipes' own settings were measured; these were not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from mrlm.task import Task

__all__ = ["default_settings"]

_LOOKED_AT = 64  # rows
_BYTES_PER_TOKEN = 3  # of text; of English it is rather 4
# Tokens of a completion: of text, and of a whole episode with what its tools say.
_TEXT_TOKENS, _EPISODE_TOKENS = (32, 512), (192, 1024)
_UNKNOWN = {False: 128, True: 256}  # by whether there are tools, without a worked solution


def default_settings(task: Task, known: Collection[str]) -> dict[str, Any]:
    """Settings for a task, of those that a recipe has.

    Args:
        task: With the options that were set.
        known: The names of the recipe's options: fields of its arguments and of its config.
    """
    solutions = _solutions(task)
    length = _length(task, solutions)
    settings: dict[str, Any] = {"eval_rows": 200, "eval_max_new_tokens": length}
    if solutions:
        settings |= _WARMUP | ({"sft_batch_size": 4} if task.has_tools else {})
    if "max_completion_length" in known:  # an online trainer
        settings |= _ONLINE | {"max_completion_length": length}
        if task.has_tools:
            settings |= _ONLINE_TOOLS
    elif "assistant_only_loss" in known:  # SFT
        settings |= _SFT | (_SFT_TOOLS if task.has_tools else {})
    return {name: value for name, value in settings.items() if name in known}


_WARMUP = {
    "sft_rows": 256,
    "sft_batch_size": 8,
    "sft_learning_rate": 1e-4,
    "sft_lr_scheduler_type": "cosine",
    "sft_warmup_steps": 0.05,
}
_ONLINE = {
    "max_steps": 24,
    "learning_rate": 2e-5,
    "lr_scheduler_type": "constant",
    "per_device_train_batch_size": 64,
    "num_generations": 8,
    "temperature": 1.0,
}
# 64 long episodes at once take 15 GB.
_ONLINE_TOOLS = {"per_device_train_batch_size": 16, "gradient_accumulation_steps": 4}
_SFT = {"train_rows": 512, "num_train_epochs": 1, "learning_rate": 5e-5}
_SFT_TOOLS = {
    "learning_rate": 1e-4,
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 4,
    "assistant_only_loss": True,
}


def _solutions(task: Task) -> list[Any]:
    """Worked solutions of the first rows; none where the task has none."""
    rows = task.build_dataset(_LOOKED_AT, 0, "train")
    if "solution" not in rows.column_names:
        return []
    return [solution for solution in rows["solution"] if solution]


def _length(task: Task, solutions: list[Any]) -> int:
    """Tokens that hold the longest of some worked solutions, with room to spare."""
    if not solutions:
        return _UNKNOWN[task.has_tools]
    shortest, longest = _EPISODE_TOKENS if task.has_tools else _TEXT_TOKENS
    tokens = max(map(_num_bytes, solutions)) // _BYTES_PER_TOKEN + 16
    return min(max(16 * -(-tokens // 16), shortest), longest)


def _num_bytes(solution: Any) -> int:
    """Of a text, or of all that is said and called in an episode."""
    if isinstance(solution, str):
        return len(solution.encode("utf-8", "replace"))
    said = [
        {name: value for name, value in message.items() if value is not None}
        for message in solution
        if isinstance(message, Mapping)
    ]
    return len(json.dumps(said, ensure_ascii=False, default=str).encode("utf-8", "replace"))
