"""The page and the terminal: what they show, and that a completion cannot break out of them."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import mrlm.report
from mrlm.evaluation.comparison import Comparison, compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.evaluation.summary import summarize
from mrlm.report import format, print_comparison, print_evaluation, write_report
from mrlm.report.charts import curves
from mrlm.report.runs import load_runs, write_runs_report
from mrlm.runs.folder import RunFolder

Make = Callable[..., Evaluation]

HOSTILE = "<script>alert(1)</script></div><img src=x onerror=alert(1)> & [bold red]\"'</style>"
VOID = {"meta", "img", "br", "use", "path"}


class Outline(HTMLParser):
    """Tags of a page, and whether each is closed where it must be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def poison(evaluation: Evaluation) -> Evaluation:
    records = [
        replace(
            record,
            completion=HOSTILE,
            answer=HOSTILE,
            kind=f"{record.kind}{HOSTILE}",
            prompt=[{"role": "user", "content": HOSTILE}],
            reference={HOSTILE: HOSTILE},
            rewards={HOSTILE: 1.0, "b": 0.0},
            errors=[HOSTILE],
        )
        for record in evaluation.records
    ]
    return replace(evaluation, records=records, summary=summarize(records))


def make_run(folder: Path, comparison: Comparison, **results: Any) -> Path:
    run = RunFolder(folder)
    with run.phase("Train"):
        pass
    run.write_results(comparison, **{"title": "A title", **results})
    return run.path


@pytest.fixture
def comparison(evaluation: Make) -> Comparison:
    return compare(evaluation([0.0] * 12 + [1.0] * 8), evaluation([1.0] * 19 + [0.0]))


def test_the_page_shows_the_numbers(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "pytest"])
    folder = make_run(tmp_path, comparison, warnings=["Mind the gap."])
    run = RunFolder(folder)
    run.write_config({"learning_rate": 3e-5})
    run.write_metrics({"step": i, "reward": i / 30, "kl": 0.1} for i in range(30))

    page = write_report(folder).read_text()

    outline = Outline(page)
    text = " ".join(outline.text)
    assert outline.open == []
    for expected in (
        "A title",
        "40.0%",
        "95.0%",
        "+55.0",
        "Mind the gap.",
        "exact McNemar",
        "odd",
        "learning_rate",
        "3e-05",
        "Reward",
        "It is 3",
        "What is 2 + 1?",
        "cpu_cores",
        "pytest",
        format.p_value(comparison.p_value),
    ):
        assert expected in text, expected
    assert outline.tags.count("svg") == 2
    assert "Explained variance" not in text


def test_the_page_needs_no_other_file(comparison: Comparison, tmp_path: Path) -> None:
    page = write_report(make_run(tmp_path, comparison)).read_text()

    assert not {"script", "link", "img", "iframe"} & set(Outline(page).tags)
    assert not re.search(r"(?:src|href)=\"(?!#)|url\((?!#)|@import", page)


def test_hostile_text_stays_text_everywhere(evaluation: Make, tmp_path: Path) -> None:
    comparison = compare(
        poison(evaluation([0.0, 1.0, 1.0, None])), poison(evaluation([1.0, 0.0, 1.0, 1.0]))
    )
    folder = make_run(tmp_path, comparison, title=HOSTILE, warnings=[HOSTILE])
    RunFolder(folder).write_config({HOSTILE: HOSTILE})
    RunFolder(folder).write_metrics([{HOSTILE: 1.0, "step": 1}, {HOSTILE: 2.0, "step": 2}])

    outline = Outline(write_report(folder).read_text())

    assert outline.open == []
    assert not {"script", "img"} & set(outline.tags)
    assert "onerror" not in outline.attributes
    assert outline.text.count(HOSTILE) > 10


def test_the_page_is_made_again_from_the_folder_alone(
    comparison: Comparison, tmp_path: Path
) -> None:
    report = write_report(make_run(tmp_path, comparison))
    first = report.read_text()
    report.unlink()

    assert write_report(tmp_path).read_text() == first


def test_a_folder_without_a_run_says_what_to_do(evaluation: Make, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no results\.json"):
        write_report(tmp_path)
    evaluation([1.0]).save(tmp_path)
    with pytest.raises(ValueError, match="holds no comparison"):
        write_report(tmp_path)
    for broken in ('{"comparison": {}}', '{"comparison": []}', '{"comparison": null}'):
        (tmp_path / "results.json").write_text(broken)
        with pytest.raises(ValueError, match="not written by this version"):
            write_report(tmp_path)


def test_no_part_of_the_results_can_be_missing(comparison: Comparison, tmp_path: Path) -> None:
    file = make_run(tmp_path, comparison) / "results.json"
    whole = json.loads(file.read_text())
    for name in ("title", "created", "warnings", "phases", "environment", "command"):
        assert name in whole
        file.write_text(json.dumps({key: value for key, value in whole.items() if key != name}))
        with pytest.raises(ValueError, match=f"not written by this version.*{name}"):
            write_report(tmp_path)


def test_charts_skip_what_is_undefined_and_take_the_pages_colours() -> None:
    log = [{"step": i, "reward": 0.1 * i, "kl": None if i == 2 else i} for i in range(4)]
    log += [{"step": 4, "train_runtime": 3.0}]

    found = curves(log)

    assert [title for title, _, _ in found] == ["Reward", "KL"]
    for _, _, svg in found:
        assert "#0102" not in svg
        assert "var(--accent)" in svg
    assert curves(log) == found
    assert curves([{"step": 1, "reward": 1.0}]) == []


def test_hostile_names_and_settings_stay_text_in_a_page_of_runs(
    evaluation: Make, tmp_path: Path
) -> None:
    runs = []
    for number in range(2):
        folder = tmp_path / f"{HOSTILE.replace('/', '|')}{number}"
        before, after = evaluation([0.0, 1.0, 1.0]), evaluation([1.0, 0.0, 1.0])
        make_run(folder, compare(poison(before), poison(after)), warnings=[HOSTILE])
        run = RunFolder(folder)
        run.write_config({HOSTILE: f"{HOSTILE}{number}"})
        run.write_metrics({"step": i, "reward": i / 3} for i in range(3))
        runs.append(folder)

    page = write_runs_report(load_runs(runs), tmp_path).read_text()

    outline = Outline(page)
    assert outline.open == []
    assert not {"script", "img"} & set(outline.tags)
    assert "onerror" not in outline.attributes
    for expected in (*(str(run) for run in runs), HOSTILE, f"{HOSTILE}1", f"odd{HOSTILE}"):
        assert expected in outline.text, expected
    assert any(text.endswith(f": {HOSTILE}") for text in outline.text)
    assert outline.tags.count("svg") == 1


def test_only_charts_go_into_a_page_unescaped() -> None:
    templates = Path(mrlm.report.__file__).parent / "templates"
    sources = [path.read_text() for path in sorted(templates.iterdir())]

    assert len(sources) == 5
    assert re.findall(r"\S+\s*\|\s*safe|Markup|autoescape", " ".join(sources)) == ["svg|safe"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([0.0] * 20, [1.0] * 20, "The model got better: +100.0 points"),
        ([1.0] * 20, [0.0] * 20, "The model got worse: \N{MINUS SIGN}100.0 points"),
        ([0.0, 1.0, 0.0], [1.0, 1.0, 0.0], "No clear change: +33.3 points"),
        ([1.0, 0.0], [1.0, 0.0], "No clear change: +0.0 points"),
    ],
)
def test_the_verdict_claims_no_more_than_the_numbers(
    evaluation: Make, before: list[float], after: list[float], expected: str
) -> None:
    comparison = compare(evaluation(before), evaluation(after))

    assert format.verdict(comparison.to_dict()).startswith(expected)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.23, "4.2 s"), (187, "3 min 07 s"), (59.99, "1 min 00 s"), (7500, "2 h 05 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format.duration(seconds) == text


def test_the_terminal_shows_the_comparison_and_prints_brackets_as_they_are(
    evaluation: Make,
) -> None:
    comparison = compare(poison(evaluation([0.0] * 9)), poison(evaluation([1.0] * 9)))
    console = Console(file=io.StringIO(), width=300)

    print_comparison(console, comparison)

    text = console.file.getvalue()  # type: ignore[attr-defined]
    for expected in ("got better", "+100.0", "p = 0.0039", "exact McNemar", "9 rows gained"):
        assert expected in text, expected
    assert f"after {HOSTILE}" in text
    # Two kinds, a reward, and three examples with a kind, a question and two answers each.
    assert text.count(HOSTILE) >= 2 + 1 + 3 * 4


def test_the_terminal_shows_an_evaluation(evaluation: Make) -> None:
    console = Console(file=io.StringIO(), width=120)

    print_evaluation(console, evaluation([[1.0, 0.0], [None, None], [1.0, 1.0]], temperature=1.0))

    text = console.file.getvalue()  # type: ignore[attr-defined]
    for expected in ("kind even", "kind odd", "pass@2 100.0%", "75.0%", "Samples without a score"):
        assert expected in text, expected
