"""HTML that cannot be injected into: templates in which every value is escaped.

Completions, prompts and file names are untrusted text. The templates in ``templates/`` escape what
they are given, but for the charts, which this package draws from numbers. A page holds its style
sheet and needs no other file.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mrlm.report import format

__all__ = ["render"]


def render(template: str, **values: Any) -> str:
    """A page.

    Args:
        template: A file of ``templates/``.
        **values: What it shows.

    Raises:
        jinja2.UndefinedError: A value that it shows is missing.
    """
    return _environment().get_template(template).render(values) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mrlm.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": format.duration,
        "label": format.label,
        "number": format.number,
        "p_value": format.p_value,
        "percent": format.percent,
        "points": format.points,
        "question": format.question,
        "thousands": "{:,}".format,
    }
    return environment
