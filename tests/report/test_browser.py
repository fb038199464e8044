"""The page as a reader has it: in a real browser, on the board while a run goes and as a file.

Needs Playwright and a Chromium, and is skipped without: ``pip install playwright`` and
``apt-get install chromium`` (or ``playwright install chromium``).
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mrlm.evaluation.comparison import compare
from mrlm.evaluation.evaluation import Evaluation
from mrlm.files import append_json_lines, write_json, write_json_lines
from mrlm.report import write_report
from mrlm.report.runs import load_runs, write_runs_report
from mrlm.report.server import BoardServer
from mrlm.runs.folder import RunFolder

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
pytestmark = pytest.mark.integration

Make = Callable[..., Evaluation]

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'><b>&amp;"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    # As root, as in a container, Chromium's own sandbox does not start.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=program, args=options)
        except sync_api.Error as error:
            pytest.skip(f"no Chromium here: apt-get install chromium ({error})")
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A window in which nothing may complain, and nothing be asked of another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    window = context.new_page()
    window.set_default_timeout(30_000)
    said: list[str] = []
    asked: list[str] = []
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.on("request", lambda request: asked.append(request.url))
    yield window
    hacked = window.evaluate("window.hacked")
    context.close()
    assert (said, hacked) == ([], None)
    assert all(url.startswith(("http://127.0.0.1:", "file://", "data:")) for url in asked), asked


def rollout(step: int, text: str, reward: float | None, kind: str) -> dict[str, Any]:
    prompt = [{"role": "user", "content": f"Question of step {step}"}]
    rewards = {"exact": reward}
    return {"step": step, "prompt": prompt, "completion": text, "rewards": rewards, "kind": kind}


ROLLOUTS = [
    rollout(1, "apple", 0.0, "fruit"),
    rollout(1, "pear tree", 1.0, "tree"),
    rollout(2, HOSTILE, 0.5, "fruit"),
    rollout(3, "an apple", 1.0, "fruit"),
    rollout(3, "nothing", None, "tree"),
]


@pytest.fixture
def root(evaluation: Make, tmp_path: Path) -> Path:
    """Two runs that have ended, and one that goes on."""
    folder = tmp_path / "runs"
    before = evaluation([0.0, 0.0, 1.0, 1.0] * 6)
    for name, after in (("one", [1.0, 0.0, 0.0, 1.0] * 6), ("two", [1.0, 1.0, 0.0, 1.0] * 6)):
        run = RunFolder(folder / name)
        before.save(run.eval_before)
        evaluation(after).save(run.eval_after)
        run.write_config({"learning_rate": 1e-5, "name": name})
        run.write_metrics({"step": i, "reward": i / 50, "entropy": 1 / i} for i in range(1, 31))
        run.write_results(
            compare(before, evaluation(after)), title=f"PPO {name}", warnings=[HOSTILE]
        )
        write_json_lines(run.path / "completions.jsonl", ROLLOUTS)
    live = {"title": "GRPO on the task math", "phase": "GRPO training", "max_steps": 10}
    before.save(folder / "live" / "eval_before")
    write_json(folder / "live" / "live.json", {**live, "training": True, "findings": []})
    write_json_lines(folder / "live" / "metrics.jsonl", [{"step": 1, "reward": 0.1}])
    return folder


@pytest.fixture
def url(root: Path) -> Iterator[str]:
    with BoardServer(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


def expect(found: Any) -> Any:
    return sync_api.expect(found, "")


def test_the_list_leads_to_a_run_and_back(url: str, page: Any) -> None:
    page.goto(url)
    expect(page.locator(".run")).to_have_count(3)
    expect(page.locator(".run", has_text="live")).to_contain_text("running")
    page.get_by_label("Find a run").fill("grpo")
    expect(page.locator(".run")).to_have_count(1)
    page.get_by_label("Find a run").fill("")

    page.get_by_role("link", name="one").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("PPO one")
    expect(page.locator(".hero")).to_contain_text("50.0%")
    expect(page.locator(".warnings")).to_contain_text(HOSTILE)
    expect(page.locator("#kinds")).to_contain_text("odd")
    expect(page.locator("#measured")).to_contain_text("exact McNemar")
    expect(page.locator("#about")).to_contain_text("pytest")
    page.get_by_role("link", name="All runs").click()
    expect(page.locator(".run")).to_have_count(3)


def test_what_a_run_writes_appears_by_itself(url: str, root: Path, page: Any) -> None:
    folder = root / "live"
    page.goto(f"{url}#/run/live")
    expect(page.locator(".live")).to_contain_text("GRPO training")
    reward = page.locator(".chart", has_text="Reward").first
    expect(reward.locator("output")).to_contain_text("0.1")
    expect(page.locator("#rollouts")).to_have_count(0)

    lines = [{"step": i, "reward": 0.7, "held_out_accuracy": 0.25} for i in (2, 3)]
    lines[1] |= {"held_out_accuracy/even": 0.5, "held_out_accuracy/odd": 0.125}
    append_json_lines(folder / "metrics.jsonl", lines)
    append_json_lines(folder / "completions.jsonl", ROLLOUTS[:2])

    expect(reward.locator("output")).to_contain_text("0.7")
    expect(reward.locator("path.line")).to_have_count(1)
    expect(page.locator(".live")).to_contain_text("of 10")
    expect(page.locator(".live")).to_contain_text("25.0%")
    expect(page.locator("#kinds table").first).to_contain_text("12.5%")
    expect(page.locator(".rollout")).to_have_count(2)

    # What the reader has typed outlives what comes in.
    page.locator("#rollouts").get_by_label("Search").fill("apple")
    expect(page.locator(".rollout")).to_have_count(1)
    append_json_lines(folder / "completions.jsonl", ROLLOUTS[2:])
    expect(page.locator("#rollouts [role=status]")).to_have_text("2 of 5 rollouts")
    # Or holds still, to be read.
    page.get_by_label("follow the run").uncheck()
    append_json_lines(folder / "completions.jsonl", [rollout(4, "apple pie", 1.0, "fruit")])
    status = page.locator("#rollouts [role=status]")
    expect(status).to_have_text("2 of 5 rollouts, 1 more wait")
    expect(page.locator(".rollout")).to_have_count(2)
    page.get_by_label("follow the run").check()
    expect(status).to_have_text("3 of 6 rollouts")
    finding = {"step": 3, "name": "x", "message": "Every completion got the same reward."}
    live = {"title": "GRPO", "training": True, "max_steps": 10, "findings": [finding]}
    write_json(folder / "live.json", live)
    expect(page.locator(".warnings")).to_contain_text("Step 3: Every completion")


def test_the_end_of_a_run_appears_by_itself(
    url: str, root: Path, page: Any, evaluation: Make
) -> None:
    page.goto(f"{url}#/run/live")
    expect(page.locator(".chip")).to_have_text("running")
    before, after = evaluation([0.0, 0.0, 1.0, 1.0] * 6), evaluation([1.0] * 24)
    after.save(root / "live" / "eval_after")
    RunFolder(root / "live").write_results(compare(before, after), title="Done")
    (root / "live" / "live.json").unlink()
    expect(page.locator(".chip")).to_have_text("finished")
    expect(page.locator(".hero")).to_contain_text("+50.0")
    page.get_by_label("Outcome").select_option("gained")
    expect(page.locator(".example")).to_have_count(10)


def test_rollouts_are_searched_and_filtered(url: str, page: Any) -> None:
    page.goto(f"{url}#/run/one")
    rollouts = page.locator("#rollouts")
    cards = page.locator(".rollout")
    texts = page.locator(".rollout .completion")
    expect(texts).to_have_text(["an apple", "nothing", HOSTILE, "apple", "pear tree"])

    rollouts.get_by_label("Search").fill("APPLE")
    expect(texts).to_have_text(["an apple", "apple"])
    expect(page.locator(".rollout mark").first).to_have_text("apple")
    rollouts.get_by_label("least reward").fill("0.5")
    expect(texts).to_have_text(["an apple"])
    rollouts.get_by_label("Search").fill("")
    expect(texts).to_have_text(["an apple", HOSTILE, "pear tree"])
    rollouts.get_by_label("Kind").select_option("tree")
    expect(texts).to_have_text(["pear tree"])
    rollouts.get_by_label("Kind").select_option("")
    rollouts.get_by_label("least reward").fill("")
    rollouts.get_by_label("first step").fill("2")
    rollouts.get_by_label("last step").fill("2")
    expect(texts).to_have_text([HOSTILE])
    expect(page.locator("#rollouts [role=status]")).to_have_text("1 of 5 rollouts")
    rollouts.get_by_label("first step").fill("")
    rollouts.get_by_label("last step").fill("")
    rollouts.get_by_label("Order").select_option("worst")
    expect(cards.first).to_contain_text("apple")
    expect(cards.last).to_contain_text("no reward")


def test_records_are_searched_and_filtered(url: str, page: Any) -> None:
    page.goto(f"{url}#/run/one")
    records = page.locator("#records")
    status, cards = records.locator("[role=status]"), records.locator(".example")
    expect(status).to_have_text("24 of 24 rows")
    expect(cards).to_have_count(10)
    records.get_by_role("button", name="Next").click()
    records.get_by_role("button", name="Next").click()
    expect(cards).to_have_count(4)
    records.get_by_label("Outcome").select_option("lost")
    expect(status).to_have_text("6 of 24 rows")
    expect(cards.first).to_contain_text("✓ right before")
    expect(cards.first).to_contain_text("✗ wrong after")
    records.get_by_label("Search").fill("what is 2 + 1")
    expect(status).to_have_text("1 of 24 rows")


def test_text_of_a_model_is_text(url: str, page: Any) -> None:
    """The fixture sees to it that none of it ran."""
    page.goto(f"{url}#/run/one")
    expect(page.get_by_text(HOSTILE, exact=True).first).to_be_visible()
    assert page.locator("#page img, #page script, #page b:text-is('&')").count() == 0


def test_runs_beside_each_other(url: str, page: Any) -> None:
    page.goto(url)
    button = page.locator("button.main")
    expect(button).to_be_disabled()
    page.get_by_label("choose one").check()
    page.get_by_label("choose two").check()
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2 runs compared")
    expect(page.locator(".legend").first).to_contain_text("two")
    reward = page.locator(".chart", has_text="Reward").first
    expect(reward.locator("path.line")).to_have_count(2)
    expect(page.locator(".several").first).to_contain_text("+25.0 (p = ")
    expect(page.get_by_text("Settings that differ")).to_be_visible()

    page.goto(f"{url}#/compare/one/live")  # one of them goes on
    expect(page.locator(".several")).to_contain_text("running")
    expect(page.locator(".legend").first).to_contain_text("live")


def test_curves_by_keyboard_and_slider(url: str, page: Any) -> None:
    page.goto(f"{url}#/run/one")
    reward = page.locator(".chart", has_text="Reward").first
    drawing = reward.get_by_role("img")
    expect(drawing).to_have_attribute("aria-label", "Reward by step: 0.6 at step 30")
    drawing.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(reward.locator("output")).to_have_text("0.58step 29")
    smooth = reward.locator("path.line").get_attribute("d")
    page.get_by_label("Smoothing").fill("0")
    expect(reward.locator("path.raw")).to_have_count(0)
    assert reward.locator("path.line").get_attribute("d") != smooth
    page.get_by_label("Find a curve").fill("entropy")
    expect(page.locator("#curves .chart:visible")).to_have_count(1)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "svg"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_it_fits_any_window(url: str, page: Any, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    for view in ("", "#/run/one", "#/run/live", "#/compare/one/two"):
        page.goto(f"{url}{view}")
        expect(page.get_by_role("heading", level=1)).not_to_be_empty()
        expect(page.locator(".card").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
    bright = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] > 128"
    )
    assert bright == (scheme == "light")


def test_the_report_is_the_same_page_without_a_server(root: Path, page: Any) -> None:
    page.goto(write_report(root / "one").as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("PPO one ")
    expect(page.locator(".hero")).to_contain_text("50.0%")
    expect(page.locator(".rollout")).to_have_count(5)
    page.locator("#rollouts").get_by_label("Search").fill("pear")
    expect(page.locator(".rollout")).to_have_count(1)
    page.get_by_label("Outcome").select_option("gained")
    expect(page.locator("#records [role=status]")).to_have_text("6 of 24 rows")
    expect(page.get_by_text("All runs")).to_have_count(0)


def test_a_comparison_without_records_shows_its_examples(
    evaluation: Make, tmp_path: Path, page: Any
) -> None:
    run = RunFolder(tmp_path)
    run.write_results(compare(evaluation([0.0] * 9), evaluation([1.0] * 9)), title="A against B")
    page.goto(write_report(tmp_path).as_uri())
    expect(page.locator(".example")).to_have_count(6)
    expect(page.locator("#curves .empty")).to_be_visible()


def test_the_report_of_several_runs_is_the_same_page(root: Path, page: Any) -> None:
    runs = load_runs([root / "one", root / "two"])
    page.goto(write_runs_report(runs, root / "both").as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("2 runs compared")
    expect(page.locator(".chart").first.locator("path.line")).to_have_count(2)
    expect(page.locator(".warnings")).to_contain_text(HOSTILE)
