"""What is exported: a run, a model, a checkpoint, an adapter or a Hub id, as one plain model.

Whoever exports names what lies before them, most often a run. An adapter is merged by PEFT into its
base model, in float32, and what comes out must give the adapted model's own probabilities: an
adapter that no plain weights can hold is refused, never written as something else.

Not covered: checkpoints of sharded weights (FSDP's ``pytorch_model_fsdp_0``, DeepSpeed's folders).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mrlm.errors import ModelError
from mrlm.files import read_json, read_json_lines
from mrlm.hub import why_unreachable
from mrlm.models.loading import EMBEDDED_MODEL, load_model, load_tokenizer, model_path
from mrlm.runs.folder import CONFIG_FILE, MODEL_FOLDER, RunFolder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Source", "find_source", "load_plain_model", "system_prompt", "ties_embeddings"]

_ADAPTER = "adapter_config.json"
_PROBE_TOKENS = 32
# Of log-probabilities in float32; merging a LoRA adapter moves them by some 1e-5.
_MERGE_TOLERANCE = 2e-3


@dataclass(frozen=True)
class Source:
    """A model to export.

    Attributes:
        name: Short, for names of files.
        path: What transformers or PEFT loads: a folder or a Hub id.
        run: Folder of the run that it came from, where that is known.
    """

    name: str
    path: str
    run: Path | None = None

    def output_dir(self, suffix: str) -> Path:
        """Where its exports go: into its run, or beside its folder, or here."""
        if self.run is not None and Path(self.path) == self.run / MODEL_FOLDER:
            return self.run / suffix
        here = Path(self.path).parent if Path(self.path).is_dir() else Path()
        return here / f"{Path(self.path).name}-{suffix}"


def find_source(model: str | None) -> Source:
    """The model that a name means.

    Args:
        model: Folder of a run, a model, a checkpoint or an adapter; a Hub id; the embedded model's
            name, or ``None`` for that.

    Raises:
        FileNotFoundError: There is such a folder, and no model in it.
        ValueError: It is the name of a file.
    """
    if model in (None, EMBEDDED_MODEL):
        return Source(EMBEDDED_MODEL, EMBEDDED_MODEL)
    assert model is not None
    folder = Path(model)
    if folder.is_file():
        raise ValueError(f"{model} is a file: name the folder of a run or model, or a Hub id.")
    if not folder.is_dir():
        return Source(_file_name(model.rstrip("/").rpartition("/")[2]), model)
    folder = folder.resolve()
    if not _holds_model(folder) and _holds_model(folder / MODEL_FOLDER):
        folder = folder / MODEL_FOLDER
    if _holds_model(folder):
        run = folder.parent
        if folder.name == MODEL_FOLDER and (run / CONFIG_FILE).is_file():
            return Source(_file_name(run.name), str(folder), run)
        if re.fullmatch(r"checkpoint-\d+", folder.name):
            return Source(_file_name(f"{run.name}-{folder.name}"), str(folder), run)
        return Source(_file_name(folder.name), str(folder))
    inside = sorted(path.name for path in folder.iterdir() if _holds_model(path))
    hint = f" In it are {', '.join(inside)}: name one of these." if inside else ""
    raise FileNotFoundError(
        f"{folder} holds no model: name the folder of a finished run, of a model (config.json with "
        f"its weights), of a checkpoint or of a LoRA adapter ({_ADAPTER}), or a Hub id.{hint}"
    )


def _holds_model(folder: Path) -> bool:
    if (folder / _ADAPTER).is_file():
        return True
    config = folder / "config.json"  # a run has another of this name
    return config.is_file() and "model_type" in read_json(config)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "model"


def load_plain_model(
    source: Source, *, keep_dtype: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model, on the CPU, with an adapter merged into it.

    Args:
        source: What ``find_source`` found.
        keep_dtype: Give merged weights the precision that the base model is saved in, rather than
            float32.

    Raises:
        ModelError: It cannot be loaded, or its adapter cannot be merged.
    """
    if not _is_adapter(source.path):
        return load_model(None if source.path == EMBEDDED_MODEL else source.path, dtype="auto")
    from peft import PeftConfig, PeftModel

    try:
        base_name = PeftConfig.from_pretrained(source.path).base_model_name_or_path
        base, _ = load_model(base_name)
        tokenizer = load_tokenizer(source.path if _has_tokenizer(source.path) else base_name)
        if len(tokenizer) > base.config.vocab_size:
            base.resize_token_embeddings(len(tokenizer))
        adapted = PeftModel.from_pretrained(base, source.path)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"Cannot load the adapter {source.path!r}: {reason}") from error
    merged: Any = _merge(adapted.eval(), source.path)
    if keep_dtype:
        from transformers import AutoConfig

        merged.to(AutoConfig.from_pretrained(model_path(base_name)).dtype or torch.float32)
    return merged, tokenizer


def _is_adapter(path: str) -> bool:
    if Path(path).is_dir():
        return (Path(path) / _ADAPTER).is_file()
    if path == EMBEDDED_MODEL:
        return False
    from transformers.utils.peft_utils import find_adapter_config_file

    try:
        offline = bool(why_unreachable())
        return find_adapter_config_file(path, local_files_only=offline) is not None
    except (OSError, ValueError):  # loading it says what is wrong
        return False


def _has_tokenizer(path: str) -> bool:
    return not Path(path).is_dir() or (Path(path) / "tokenizer_config.json").is_file()


def _merge(adapted: Any, name: str) -> PreTrainedModel:
    """The plain model, which gives the adapted one's probabilities.

    Raises:
        ModelError: No plain weights give them.
    """
    probe = torch.randint(
        adapted.get_base_model().config.vocab_size,
        (1, _PROBE_TOKENS),
        generator=torch.Generator().manual_seed(0),
    )
    expected = _log_probs(adapted, probe)
    kind = str(getattr(adapted.peft_config["default"], "peft_type", "adapter")).rpartition(".")[2]
    try:
        _untie(adapted.get_base_model())
        merged = adapted.merge_and_unload(safe_merge=True)
        distance = float((_log_probs(merged, probe) - expected).abs().max())
    except (AttributeError, NotImplementedError, ValueError) as error:
        raise ModelError(_not_mergeable(name, kind, str(error).strip())) from error
    if not distance <= _MERGE_TOLERANCE:
        changed = f"merged, it changes log-probabilities by {distance:.2g}"
        raise ModelError(_not_mergeable(name, kind, changed))
    merged.config.tie_word_embeddings = ties_embeddings(merged)
    plain: PreTrainedModel = merged
    return plain


def _not_mergeable(name: str, kind: str, why: str) -> str:
    return (
        f"The adapter {name!r} ({kind}) cannot be merged into plain weights: {why}. It runs with "
        "PEFT alone (AutoPeftModelForCausalLM); LoRA and most of its variants can be exported."
    )


def _log_probs(model: nn.Module, ids: Tensor) -> Tensor:
    """Log-probabilities of the next token, ``(1, T, vocabulary)``."""
    with torch.no_grad():
        return torch.log_softmax(model(input_ids=ids).logits.float(), dim=-1)


def _untie(model: Any) -> None:
    """Give the output layer weights of its own, where an adapter will change one of a tied pair."""
    first, last = model.get_input_embeddings(), model.get_output_embeddings()
    if not (hasattr(first, "base_layer") or hasattr(last, "base_layer")):
        return
    inner, outer = getattr(first, "base_layer", first), getattr(last, "base_layer", last)
    if inner.weight is outer.weight:
        outer.weight = nn.Parameter(outer.weight.detach().clone(), requires_grad=False)
        model.config.tie_word_embeddings = False


def ties_embeddings(model: PreTrainedModel) -> bool:
    """Whether the output layer and the input embeddings are one tensor."""
    first, last = model.get_input_embeddings(), model.get_output_embeddings()
    return last is None or last.weight is first.weight


def system_prompt(run: Path | None) -> str | None:
    """The system message that every evaluated row of a run began with; ``None`` where none did."""
    if run is None:
        return None
    path = RunFolder(run).eval_after / "records.jsonl"
    if not path.is_file():
        return None
    firsts = [record["prompt"][0] for record in read_json_lines(path) if record["prompt"]]
    found = {first["content"] if first["role"] == "system" else None for first in firsts}
    return found.pop() if len(found) == 1 else None
