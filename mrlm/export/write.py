"""Export a model into a folder: whole files or none, and nothing replaced without being told to."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mrlm.export.gguf_file import OUTTYPES, require_gguf, write_gguf
from mrlm.export.ollama import modelfile
from mrlm.export.source import Source, find_source, load_plain_model, system_prompt
from mrlm.files import replace_folder, write_text

__all__ = ["FORMATS", "MODELFILE", "export_model"]

FORMATS = ("gguf", "merged")
MODELFILE = "Modelfile"


def export_model(
    model: str | None,
    *,
    format: str = "gguf",
    outtype: str = "f16",
    output_dir: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a trained model for other programs.

    Args:
        model: Folder of a run, a model, a checkpoint or a LoRA adapter, or a Hub id; default: the
            embedded model.
        format: ``"gguf"`` for llama.cpp and Ollama, with a ``Modelfile``; ``"merged"`` for a folder
            of safetensors, with an adapter merged into its base model.
        outtype: Of the GGUF file's weights, ``"f16"`` or ``"q8_0"``.
        output_dir: Where to. Default: ``gguf`` or ``merged`` in the run's folder; of what is no run
            ``NAME-gguf`` beside its folder, or here.
        overwrite: Replace an earlier export.

    Returns:
        The GGUF file, or the folder of the merged model.

    Raises:
        FileNotFoundError: There is no model.
        ModelError: The model cannot be loaded, or not be written in this format.
        ValueError: There is no such format or ``outtype``, or the files would take the place of
            what is there.
    """
    for name, value, allowed in (("format", format, FORMATS), ("outtype", outtype, OUTTYPES)):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    source = find_source(model)
    folder = Path(output_dir) if output_dir is not None else source.output_dir(format)
    if folder.resolve() in (Path(source.path).resolve(), source.run):
        raise ValueError(f"{folder} holds what is exported: name another folder to write to.")
    write = _write_merged if format == "merged" else _write_gguf
    return write(source, folder, outtype, overwrite)


def _write_gguf(source: Source, folder: Path, outtype: str, overwrite: bool) -> Path:
    require_gguf()
    path = folder / f"{source.name}-{outtype}.gguf"
    there = [p for p in (path, folder / MODELFILE) if p.exists()]
    if there and not overwrite:
        raise _occupied(there[0])
    model, tokenizer = load_plain_model(source)
    write_gguf(model, tokenizer, path, outtype=outtype, name=source.name)
    system = system_prompt(source.run)
    write_text(folder / MODELFILE, modelfile(path.name, tokenizer, model.generation_config, system))
    return path


def _write_merged(source: Source, folder: Path, outtype: str, overwrite: bool) -> Path:
    del outtype  # weights stay as the model has them
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        is_export = (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
        if not is_export:
            raise ValueError(f"{folder} is there and holds no model: name another folder.")
        if not overwrite:
            raise _occupied(folder)
    model, tokenizer = load_plain_model(source, keep_dtype=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        partial.chmod(0o755)  # mkdtemp makes a private folder
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        replace_folder(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _occupied(path: Path) -> ValueError:
    return ValueError(
        f"{path} is there already: replace it with --overwrite, or name another folder."
    )
