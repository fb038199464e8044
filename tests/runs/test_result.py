"""``mrlm results``: what is read from runs, what is kept of them, and what the page says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mrlm import cli
from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.evaluation.uncertainty import permutation_p_value
from mrlm.files import read_json, write_json
from mrlm.report.results_table import markdown, to_data
from mrlm.runs.folder import RunFolder
from mrlm.runs.groups import group_runs
from mrlm.runs.result import RunResult, find_results

ROOT = Path(__file__).parents[2]
Scores = Sequence[float | None]

BASE = [0.0] * 12 + [1.0] * 4
WARMED_UP = [1.0] * 4 + [0.0] * 8 + [1.0] * 4
BETTER = [1.0] * 12 + [0.0] + [1.0] * 3


@pytest.fixture
def make_run(evaluation: Callable[..., Evaluation], tmp_path: Path) -> Callable[..., Path]:
    """``make_run(name, before, sft or None, after, **config)``: a run's folder."""

    def make(
        name: str,
        before: Scores,
        sft: Scores | None,
        after: Scores,
        task: str = "math",
        title: str = "PPO on the task math",
        **config: Any,
    ) -> Path:
        run = RunFolder(tmp_path / "runs" / name)
        with run.phase("PPO training"):
            pass
        run.phases[0]["seconds"] = 90.0
        stages = {"before": before, "sft": sft, "after": after}
        made = {
            stage: evaluation(list(scores), task=task, model="tiny")
            for stage, scores in stages.items()
            if scores is not None
        }
        for stage, one in made.items():
            one.save(run.path / f"eval_{stage}")
        run.write_config({"seed": 1, "learning_rate": 1e-5, "kinds": ["a"]} | config)
        run.write_metrics([{"step": 1, "loss": 0.1}, {"step": 7, "train_loss": 0.1}])
        run.write_results(compare(made["before"], made["after"]), title=title)
        return run.path

    return make


def test_a_run_is_read_and_kept_without_loss(make_run: Any, tmp_path: Path) -> None:
    half = [0.5, None, 1 / 3, *BASE[3:]]
    folder = make_run("one", half, WARMED_UP, BETTER, algorithm="GRPO", use_peft=True)
    result = RunResult.from_run(folder)

    assert (result.algorithm, result.task, result.seed, result.steps) == ("GRPO", "math", 1, 7)
    assert result.settings == {"kinds": ["a"], "use_peft": True, "learning_rate": 1e-5}
    assert result.minutes == 1.5
    assert result.scores == {"before": half, "sft": WARMED_UP, "after": BETTER}
    kept = result.keep(tmp_path / "kept")
    assert kept.name == "grpo_math_seed1.json"
    assert kept.stat().st_size < 4096
    assert RunResult.from_file(kept) == result
    again, _ = find_results([tmp_path / "kept"])
    assert markdown(group_runs(again), "x") == markdown(group_runs([result]), "x")


def test_each_stage_against_the_one_before_as_compare_does(
    make_run: Any, evaluation: Callable[..., Evaluation]
) -> None:
    [group] = group_runs([RunResult.from_run(make_run("one", BASE, WARMED_UP, BETTER))])

    base, warmed_up, better = group.stages
    assert (base.accuracy, base.change) == (0.25, None)
    assert (warmed_up.accuracy, better.accuracy) == (0.5, 15 / 16)
    for stage, old, new in ((warmed_up, BASE, WARMED_UP), (better, WARMED_UP, BETTER)):
        expected = compare(evaluation(old), evaluation(new))
        assert stage.change is not None
        assert stage.change.difference == pytest.approx(expected.difference)
        assert stage.change.interval == expected.interval
        assert stage.change.p_value == expected.p_value


def test_seeds_are_averaged_by_row_and_shown_one_by_one(make_run: Any) -> None:
    runs = [make_run("one", BASE, None, BETTER), make_run("two", BASE, None, WARMED_UP, seed=2)]
    runs.append(make_run("other", BASE, None, BASE, seed=2, learning_rate=1e-3))
    groups = group_runs(map(RunResult.from_run, runs))

    assert sorted(group.seeds for group in groups) == [[1, 2], [2]]
    [both] = [group for group in groups if group.seeds == [1, 2]]
    change = both.stages[-1].change
    assert change is not None and change.by_seed == [11 / 16, 4 / 16]
    rows = [1.0] * 4 + [0.5] * 8 + [-0.5] + [0.0] * 3
    assert change.difference == pytest.approx(sum(rows) / 16)
    assert change.p_value == permutation_p_value(rows, seed=0)
    page = markdown(groups, "x")
    assert "1: +68.8; 2: +25.0" in page
    names = sorted(group.name for group in groups)
    assert names == ["PPO, 7 steps", "PPO, 7 steps (2)"]
    assert f"{groups[0].name}: " in page and "+0.0 points, no clear change" in page


def test_the_page_says_what_was_not_run(make_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    worse = make_run("worse", [1.0] * 16, None, [0.0] * 16, task="code", algorithm="SFT")
    partly = [score * 0.5 for score in BASE]
    graded = make_run("graded", partly, WARMED_UP, [None, *BETTER[1:]], task="debate")
    assert cli.main(["results", str(worse), str(graded)]) == 0
    page = capsys.readouterr().out

    assert "| SFT | **\N{MINUS SIGN}100.0 points, worse** | not run | not run | not run |" in page
    assert "| GRPO | not run | not run | not run | not run |" in page
    code, debate = (
        page[page.index("### code") : page.index("### debate")],
        page[page.index("### debate") :],
    )
    assert "mean score" not in code and "### math" not in page
    assert "| **GRPO** | not run |" in code and "| **PPO** | not run |" in code
    assert "| **PPO, 7 steps** | base model | 16 | 0.0% |  |  | 0.125 |" in debate
    assert "| after SFT warm-up | 16 | 50.0% | +50.0 (" in debate
    assert "after PPO (1 without a score)" in debate
    assert "kinds a; seeds 1; CPU cores: " in debate
    assert "--output_dir" not in page

    assert cli.main(["results", str(worse), str(graded), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [(one["algorithm"], one["task"]) for one in data if one["stages"]] == [
        ("PPO", "debate"),
        ("SFT", "code"),
    ]
    assert sum(not one["stages"] for one in data) == 14
    assert data == json.loads(json.dumps(to_data(group_runs(find_results([worse, graded])[0]))))


def test_runs_are_found_below_a_folder(
    make_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = make_run("deep/one", BASE, None, BETTER)
    mixed = make_run("mixed/math", BASE, None, BETTER, mixture=["math=1"])
    keep, page = tmp_path / "kept", tmp_path / "page.md"
    runs = str(tmp_path / "runs")
    assert cli.main(["results", runs, "--keep", str(keep), "--output", str(page)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert f"left out {mixed}: {mixed} is a run on several tasks at once" in told.err
    assert [path.name for path in keep.iterdir()] == ["ppo_math_seed1.json"]
    assert "**+68.8 points**" in page.read_text()

    make_run("deep/one", BASE, None, WARMED_UP)  # the same run again is replaced
    assert cli.main(["results", str(one), "--keep", str(keep)]) == 0
    assert RunResult.from_file(keep / "ppo_math_seed1.json").scores["after"] == WARMED_UP


def test_what_cannot_be_shown_is_told(make_run: Any, tmp_path: Path) -> None:
    run = make_run("one", BASE, None, BETTER)
    result = RunResult.from_run(run)
    result.keep(tmp_path / "kept")
    with pytest.raises(ValueError, match="other settings"):
        replace(result, steps=8).keep(tmp_path / "kept")
    with pytest.raises(ValueError, match="are the same run"):
        find_results([run, tmp_path / "kept"])
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_results([tmp_path / "absent"])
    with pytest.raises(ValueError, match="several tasks"):
        find_results([make_run("mixed", BASE, None, BETTER, mixture=["math=1"])])
    with pytest.raises(ValueError, match="different rows"):
        find_results([make_run("rows", BASE, BASE[1:], BASE)])
    kept = tmp_path / "kept" / "ppo_math_seed1.json"
    whole = read_json(kept)
    for broken in (
        [1],
        {"scores": {}},
        whole | {"extra": 1},
        whole | {"scores": {"before": "1", "after": ""}},
        whole | {"scores": {"before": "x", "after": "1"}},
        whole | {"scores": {"before": [1.0]}},
        whole | {"scores": whole["scores"] | {"later": whole["scores"]["after"]}},
    ):
        write_json(kept, broken)
        with pytest.raises(ValueError, match=f"{kept}"):
            find_results([kept])


def test_the_page_in_the_docs_is_what_the_command_makes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "results").symlink_to(ROOT / "docs" / "results")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["results", "docs/results", "--output", "docs/results.md"]) == 0
    assert Path("docs/results.md").read_text(encoding="utf-8") == committed, (
        "run `mrlm results docs/results --output docs/results.md`"
    )
