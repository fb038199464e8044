"""The page and the terminal: what they show, and that a completion cannot break out of them."""

from __future__ import annotations

import base64
import hashlib
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

from mrlm.evaluation.comparison import Comparison, compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.evaluation.summary import summarize
from mrlm.files import write_json_lines
from mrlm.report import format, print_comparison, print_evaluation, write_report
from mrlm.report.runs import load_runs, write_runs_report
from mrlm.runs.folder import RunFolder

Make = Callable[..., Evaluation]

HOSTILE = "<script>alert(1)</script></div><img src=x onerror=alert(1)> & [bold red]\"'</style>"
VOID = {"meta", "img", "link"}


class Outline(HTMLParser):
    """Tags of a page, and the text of its elements; each is closed where it must be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.policy = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], data))

    def element(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]

    @property
    def data(self) -> Any:
        """What the page holds."""
        return json.loads(self.element("script")[0])


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


def test_the_page_holds_the_numbers(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "pytest"])
    folder = make_run(tmp_path, comparison, warnings=["Mind the gap."])
    run = RunFolder(folder)
    run.write_config({"learning_rate": 3e-5})
    run.write_metrics({"step": i, "reward": i / 30, "note": "no number"} for i in range(30))

    page = Outline(write_report(folder).read_text())

    assert page.element("title") == ["A title · mrlm"]
    (held,) = page.data["runs"]
    assert held["state"] == "finished"
    assert held["results"]["comparison"] == json.loads(json.dumps(comparison.to_dict()))
    assert held["results"]["warnings"][0] == "Mind the gap."
    assert "pytest" in held["results"]["command"]
    assert held["config"] == {"learning_rate": 3e-5}
    derived = held["derived"]
    assert derived["verdict"] == format.verdict(comparison.to_dict())
    assert derived["p_value"] == format.p_value(comparison.p_value)
    assert ["Accuracy, all rows", "40.0%", "95.0%"] in derived["measures"]
    assert derived["facts"]["rows"] == "20"
    assert held["rows"]["metrics"][29] == {"step": 29, "reward": 0.966667}


def test_the_page_needs_no_other_file(comparison: Comparison, tmp_path: Path) -> None:
    text = write_report(make_run(tmp_path, comparison)).read_text()

    page = Outline(text)
    assert not {"img", "iframe", "object", "form", "base"} & set(page.tags)
    assert not re.search(r"(?:src|href)=\"(?!#|data:,)|url\(|@import|https?://(?!www.w3.org)", text)


def test_its_policy_lets_nothing_else_run(comparison: Comparison, tmp_path: Path) -> None:
    page = Outline(write_report(make_run(tmp_path, comparison)).read_text())

    data, script = page.element("script")
    for kind, text in (("script", script), ("style", page.element("style")[0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none';") and "unsafe" not in page.policy
    assert json.loads(data)
    # Nodes are made, and their text set: no part of the script takes text for markup or code.
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", script
    )


def test_hostile_text_stays_data(evaluation: Make, tmp_path: Path) -> None:
    before, after = (
        poison(evaluation(scores)) for scores in ([0.0, 1.0, 1.0, None], [1.0, 0.0, 1.0, 1.0])
    )
    folder = make_run(tmp_path, compare(before, after), title=HOSTILE, warnings=[HOSTILE])
    run = RunFolder(folder)
    before.save(run.eval_before)
    after.save(run.eval_after)
    run.write_config({HOSTILE: HOSTILE})
    run.write_metrics([{HOSTILE: 1.0, "step": 1}, {HOSTILE: 2.0, "step": 2}])
    rollout = {"step": 1, "prompt": HOSTILE, "completion": HOSTILE, "rewards": {HOSTILE: 1.0}}
    write_json_lines(folder / "completions.jsonl", [rollout])

    text = write_report(folder).read_text()

    page = Outline(text)
    assert page.tags.count("script") == 2 and "img" not in page.tags
    assert page.element("title") == [f"{HOSTILE} · mrlm"]
    assert "<" not in page.element("script")[0]
    (held,) = page.data["runs"]
    assert held["title"] == held["results"]["warnings"][0] == HOSTILE
    assert held["rows"]["completions"] == [rollout]
    assert held["rows"]["after"][0]["completion"] == HOSTILE
    assert held["rows"]["metrics"][1] == {HOSTILE: 2.0, "step": 2}


def test_text_that_is_no_text_is_written_all_the_same(
    comparison: Comparison, tmp_path: Path
) -> None:
    """Half a surrogate pair, as a tokenizer's bytes can give; U+2028, which ends a line in HTML."""
    folder = make_run(tmp_path, comparison)
    said = {"step": 1, "prompt": "p", "completion": "\ud83d \u2028", "rewards": {"r": 1.0}}
    (folder / "completions.jsonl").write_text(json.dumps(said) + "\n")

    page = Outline(write_report(folder).read_text())

    assert page.data["runs"][0]["rows"]["completions"] == [said]


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


def test_several_runs_share_a_page(evaluation: Make, tmp_path: Path) -> None:
    runs = []
    for number in range(2):
        folder = tmp_path / f"{HOSTILE.replace('/', '|')}{number}"
        before, after = evaluation([0.0, 1.0, 1.0]), evaluation([1.0, 0.0, 1.0])
        make_run(folder, compare(poison(before), poison(after)), warnings=[HOSTILE])
        run = RunFolder(folder)
        run.write_config({HOSTILE: f"{HOSTILE}{number}"})
        run.write_metrics({"step": i, "reward": i / 4} for i in range(3))
        runs.append(folder)

    page = Outline(write_runs_report(load_runs(runs), tmp_path).read_text())

    names = [str(run) for run in runs]
    assert [run["id"] for run in page.data["runs"]] == names
    assert [len(run["rows"]["metrics"]) for run in page.data["runs"]] == [3, 3]
    assert "completions" not in page.data["runs"][0]["rows"]
    found = page.data["table"]
    assert [row[0] for row in found["rows"]] == names
    assert found["settings"] == [[HOSTILE, f"{HOSTILE}0", f"{HOSTILE}1"]]
    assert [kind for kind, *_ in found["kinds"]] == [f"even{HOSTILE}", f"odd{HOSTILE}"]
    assert found["warnings"][0] == f"{names[0]}: {HOSTILE}"


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
