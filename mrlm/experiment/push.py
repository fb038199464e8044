"""``--push_to_hub`` of the recipes: the trained model with its card, once, when all is written.

TRL's trainers would push their whole output folder, checkpoints and all, under a card of their own.
So the flags are taken out of a trainer's configuration before the trainer sees them.

Not covered: ``--hub_strategy`` (there is one push, at the end), branches.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrlm.hub import check_repo_id, push_folder, writing_account

__all__ = ["ModelRepository", "check_push_flags", "pop_hub_settings"]

# Left by an earlier push, they would be loaded together with, or in place of, the new ones.
_WEIGHTS = re.compile(
    r"(?:adapter_)?model(?:-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json"
    r"|adapter_config\.json|value_head\.safetensors"
)


@dataclass(frozen=True)
class ModelRepository:
    """Where on the Hub a model goes.

    Attributes:
        repo_id: ``user/name``.
        private: Whether it is made private; ``None`` for its owner's default.
        token: ``None`` for the machine's.
    """

    repo_id: str
    private: bool | None
    token: str | None = field(repr=False)

    def push(self, folder: Path) -> str:
        """Push every file of a model's folder; returns the commit's address.

        Raises:
            HubError: It failed; says why, and the command that pushes the folder later.
        """
        files = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        return push_folder(
            folder,
            self.repo_id,
            files,
            _WEIGHTS,
            repo_type="model",
            private=self.private,
            token=self.token,
            again=f"Push them with: {_upload(self.repo_id, folder, self.private)}",
        )


def check_push_flags(config: Any) -> None:
    """Raise ``ValueError`` where the flags of a ``TrainingArguments`` ask for what cannot be."""
    if not config.push_to_hub:
        if config.hub_model_id:
            raise ValueError("hub_model_id goes with push_to_hub; give that, too.")
        return
    if config.hub_revision:
        raise ValueError(f"hub_revision is {config.hub_revision!r}: a push is to main only.")
    option = "hub_model_id" if config.hub_model_id else "hub_model_id, here the output folder's,"
    check_repo_id(_name(config), option, needs_owner=False)


def pop_hub_settings(config: Any) -> ModelRepository | None:
    """Where the model goes, if it is to be pushed; the trainer's configuration forgets it.

    Args:
        config: A ``TrainingArguments``. What saving it would give away, the token, it forgets too.

    Returns:
        ``None`` also in all processes but the first.

    Raises:
        HubError: The token is missing, wrong or may only read, or the Hub cannot be reached.
    """
    wanted, token = config.push_to_hub, config.hub_token
    config.push_to_hub, config.hub_token = False, None
    if not wanted or config.process_index:
        return None
    name, private = _name(config), config.hub_private_repo
    upload = _upload(name, Path(config.output_dir) / "model", private)
    owner = writing_account(
        token,
        f"{name} could not be pushed at the end",
        f"Nothing was trained. Or leave out --push_to_hub, and push later: {upload}",
    )
    repo_id = name if "/" in name else f"{owner}/{name}"  # as the Hub's client does
    return ModelRepository(repo_id, private, token)


def _name(config: Any) -> str:
    return str(config.hub_model_id or Path(config.output_dir).absolute().name)


def _upload(repo_id: str, folder: Path, private: bool | None) -> str:
    """The command that pushes a folder by hand."""
    return shlex.join(["hf", "upload", repo_id, str(folder), *(["--private"] if private else [])])
