"""Chat templates, as jinja files: ours for tools, and a plain one for models that have none.

Both take a message's content as a text or, as OpenAI's interface has it, as a list of text parts.

Not covered: parts that are no text (images, audio), which raise.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["read_template", "with_text_parts"]


@cache
def read_template(name: str) -> str:
    """The text of the template ``<name>.jinja`` of this folder."""
    return files(__name__).joinpath(f"{name}.jinja").read_text(encoding="utf-8")


def with_text_parts(template: str) -> str:
    """A template that reads contents as texts, made to read lists of text parts too."""
    return read_template("text_parts") + template
