"""HTML that cannot be injected into: text is escaped where a tag is built, and nowhere else.

Completions are untrusted text. Only ``Markup`` goes into a page as it is, and only ``tag`` and the
project's own charts make one.
"""

from __future__ import annotations

from html import escape


class Markup(str):
    """Finished HTML."""

    __slots__ = ()


def tag(name: str, *children: str | None, **attributes: str) -> Markup:
    """An element; children that are not ``Markup`` are escaped, ``None`` is left out.

    ``class_`` becomes ``class`` and ``aria_hidden`` becomes ``aria-hidden``.
    """
    words = [
        name,
        *(f'{key.rstrip("_").replace("_", "-")}="{escape(v)}"' for key, v in attributes.items()),
    ]
    return Markup(f"<{' '.join(words)}>{join(*children)}</{name}>")


def join(*children: str | None) -> Markup:
    """Several pieces side by side, escaped as in ``tag``."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else escape(child)
            for child in children
            if child is not None
        )
    )
