"""Take a trained model home: as GGUF for llama.cpp and Ollama, or as plain merged weights.

``export_model`` is loaded when it is first used, so that ``import mrlm.export`` does not import
torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrlm.export.write import export_model

__all__ = ["export_model"]


def __getattr__(name: str) -> Any:
    if name == "export_model":
        return import_module("mrlm.export.write").export_model
    raise AttributeError(f"module 'mrlm.export' has no attribute {name!r}")
