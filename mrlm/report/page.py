"""The page: one for a run that goes on and for one that has ended, one file with all that it needs.

``mrlm board`` serves it empty, and it asks the server for data; ``report.html`` is the same page
with the data in it. Completions, prompts and file names are untrusted text. None of it is put into
HTML: the data is JSON in which no tag can begin, the page's script makes nodes and sets their text,
and its content security policy lets no other script run and nothing be loaded.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from mrlm.files import read_json, to_json, write_text
from mrlm.report.frozen import frozen_rows
from mrlm.report.run_data import checked_results, run_data
from mrlm.runs.folder import REPORT_FILE, RESULTS_FILE

__all__ = ["page_policy", "render_page", "write_report"]

_FILES = Path(__file__).parent / "page_files"
# In the order in which they are read; each uses names of those before it.
_SCRIPTS = (
    "dom.js",
    "format.js",
    "source.js",
    "chart.js",
    "curves.js",
    "result.js",
    "kinds.js",
    "texts.js",
    "rollouts.js",
    "records.js",
    "about.js",
    "runs.js",
    "app.js",
)


def write_report(folder: str | Path) -> Path:
    """Make ``report.html`` from the files of a run folder; see ``mrlm.runs.folder``.

    ``results.json`` is needed; the others are shown where they exist.

    Returns:
        Where the page is.

    Raises:
        FileNotFoundError: The folder holds no ``results.json``.
        ValueError: A file is not what a run writes.
    """
    folder = Path(folder)
    path = folder / RESULTS_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no {RESULTS_FILE}: name the folder of a finished run, "
            "or make one from two evaluations with `mrlm compare BEFORE AFTER --output_dir DIR`"
        )
    checked_results(read_json(path), path)
    run = freeze(folder, ".")
    write_text(folder / REPORT_FILE, render_page(run["title"], {"runs": [run]}))
    return folder / REPORT_FILE


def freeze(folder: Path, name: str, *, only_log: bool = False) -> dict[str, Any]:
    """A finished run as the page holds it; the same files give the same data."""
    data = run_data(folder, name, is_finished=True)
    return {**data, "age": None, "rows": frozen_rows(folder, only_log=only_log)}


def render_page(title: str, data: Any = None) -> str:
    """The page as HTML.

    Args:
        title: Of the window.
        data: What it shows; without it the page asks the server that it came from.
    """
    style, script = _style(), _script()
    return Template((_FILES / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        policy=page_policy(),
        style=style,
        script=script,
        # In a script element only "<" could end it or begin a comment.
        data=to_json(data, compact=True).replace("<", "\\u003c"),
    )


@cache
def page_policy() -> str:
    """The content security policy: this script, this style, data from where the page came from."""
    return (
        "default-src 'none'; "
        f"script-src '{_digest(_script())}'; style-src '{_digest(_style())}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _style() -> str:
    return (_FILES / "page.css").read_text(encoding="utf-8")


@cache
def _script() -> str:
    return "".join((_FILES / name).read_text(encoding="utf-8") for name in _SCRIPTS)


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
