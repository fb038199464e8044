"""Training curves as small inline SVGs that take their colours from the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

# Title, the log's key, and how to read the curve.
CURVES = (
    ("Reward", r"reward", "mean per rollout; should rise"),
    ("Held-out accuracy", r"held_out_accuracy", "on the few rows of the live evaluation"),
    ("Explained variance", r"value/explained_variance", "of the critic; 1 is perfect"),
    ("Value loss", r"value/loss", "of the critic"),
    ("KL", r"kl", "from the reference model"),
    ("Policy drift", r"policy/approx_kl", "KL from the policy that sampled"),
    ("Entropy", r"entropy", "near 0 the policy has stopped exploring"),
    ("Completion length", r"completions/mean_length", "tokens"),
    ("Cut completions", r"completions/clipped_ratio", "share that hit the length limit"),
    ("Groups without signal", r"frac_reward_zero_std", "share whose rewards are all the same"),
    ("Clip fraction", r"clip_ratio/region_mean", "share of tokens clipped"),
    ("Without a reward", r"frac_unscorable", "share of completions that no reward could judge"),
    ("Loss", r"loss", "what the optimiser sees"),
    ("Tokens per second", r"tokens_per_second", "speed"),
    ("Gradient norm", r"grad_norm", "before clipping"),
)

_WIDTH, _HEIGHT = 3.5, 1.9  # inches
MAX_RUNS = 6  # that a chart can tell apart
# Stand-ins, replaced by the page's colours.
_TEXT, _GRID = "#010203", "#010205"
_LINES = tuple(f"#0102{i:02d}" for i in range(10, 10 + MAX_RUNS))
_COLOURS = {_TEXT: "var(--muted)", _GRID: "var(--line)", _LINES[0]: "var(--accent)"}
_COLOURS |= {line: f"var(--run{i})" for i, line in enumerate(_LINES[1:], start=2)}
_SMOOTH_FROM = 20  # points from which a running mean is drawn
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mrlm",  # the same chart gets the same ids
    "font.size": 8,
    "text.color": _TEXT,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}


def curves(*logs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Title, note and SVG of every known curve with at least two points in a trainer's log.

    Several logs, at most ``MAX_RUNS``, share each chart, a line for each that has the curve.
    """
    found = []
    for title, pattern, note in CURVES:
        lines = [_points(log, pattern) for log in logs]
        if any(len(points) > 1 for points in lines):
            found.append((title, note, _line_chart(title, lines)))
    return found


def _points(log: Sequence[Mapping[str, Any]], pattern: str) -> list[tuple[float, float]]:
    """(step, value) of the entries that hold the key; a value that was undefined is left out."""
    points: list[tuple[float, float]] = []
    for entry in log:
        key = next((name for name in entry if re.fullmatch(pattern, name)), None)
        value = entry.get(key) if key else None
        step = entry.get("step", len(points))
        if isinstance(value, int | float) and isinstance(step, int | float):
            points.append((float(step), float(value)))
    return points


def _line_chart(title: str, lines: Sequence[Sequence[tuple[float, float]]]) -> str:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        for colour, points in zip(_LINES, lines, strict=False):
            if len(points) < 2:
                continue
            steps, values = zip(*points, strict=True)
            smooth = len(values) >= _SMOOTH_FROM
            if not smooth or len(lines) == 1:  # behind several means the points would be a tangle
                axes.plot(steps, values, color=colour, linewidth=1.6, alpha=0.35 if smooth else 1)
            if smooth:
                axes.plot(steps, _running_mean(values), color=colour, linewidth=1.8)
        axes.grid(axis="y")
        axes.tick_params(length=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("step")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    for stand_in, colour in _COLOURS.items():
        svg = svg.replace(stand_in, colour)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    # The page sets the size; the view box keeps the shape.
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return svg.replace("<svg", f'<svg role="img" aria-label="{title} by step"', 1)


def _running_mean(values: Sequence[float]) -> list[float]:
    """Mean of a centred window of about a tenth of the points, narrower at the ends."""
    reach = max(1, len(values) // 20)
    windows = (values[max(0, i - reach) : i + reach + 1] for i in range(len(values)))
    return [fmean(window) for window in windows]
