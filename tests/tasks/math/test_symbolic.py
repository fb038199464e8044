"""The pool's workers are real processes: these tests kill, stall and crash them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from mrlm.tasks.math.reward import MathReward
from mrlm.tasks.math.symbolic import WORKERS, SymbolicPool, symbolic_pool
from mrlm.tasks.math.symbolic_worker import limit_memory

ENDLESS = "9^{9^{9^9}}"
REWARD = MathReward("boxed", "expression")


@pytest.fixture(scope="module")
def pool() -> Iterator[SymbolicPool]:
    pool = SymbolicPool()
    yield pool
    pool.close()


def _workers(of: int | None = None) -> set[psutil.Process]:
    """The workers of every pool in a process, by default in this one."""
    found = set()
    for child in psutil.Process(of).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie's command cannot be read
            if any(word.endswith("symbolic_worker.py") for word in child.cmdline()):
                found.add(child)
    return found


def _processor_time(worker: psutil.Process) -> float:
    """Of a worker and the child that computes for it."""
    return sum(sum(one.cpu_times()[:2]) for one in (worker, *worker.children()))


def _has_ended(worker: psutil.Process) -> bool:
    return not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("reference", "answer", "verdict"),
    [
        ("(x+1)^2", "x^2+2x+1", "same"),
        ("(x+1)^2", "x^2+1", "different"),
        (r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt{2}}{2}", "same"),
        ("46", "43+3", "same"),
        ("(3,4)", "(4,3)", "different"),
        ("x", "", "different"),
        ("(((", "x", "bad_reference"),
        ("x", "\ud800", "different"),
    ],
)
def test_verdicts(pool: SymbolicPool, reference: str, answer: str, verdict: str) -> None:
    assert pool.verdict(reference, answer)[0] == verdict


def test_a_worker_serves_again_and_again(pool: SymbolicPool) -> None:
    pool.verdict("x", "x")
    before = _workers()
    assert [pool.verdict("x", "y")[0] for _ in range(5)] == ["different"] * 5
    assert _workers() == before


def test_a_timeout_is_tried_again_and_the_same_worker_goes_on(pool: SymbolicPool) -> None:
    pool.verdict("x", "x")
    before = _workers()
    verdict, seconds = pool.verdict("5", ENDLESS, limits_s=(0.2, 0.3))
    assert (verdict, seconds) == ("timeout", 0.5)
    assert _workers() == before
    assert pool.verdict("x", "x")[0] == "same"


def test_what_the_first_limit_cut_short_is_right_at_the_second(pool: SymbolicPool) -> None:
    slow = ("5x - 3y + 8 = 0", "10x - 6y + 16 = 0")
    assert pool.verdict(*slow, limits_s=(0.001,))[0] == "timeout"
    assert pool.verdict(*slow, limits_s=(0.001, 5.0))[0] == "same"


@pytest.mark.integration
def test_time_that_others_use_does_not_count(pool: SymbolicPool) -> None:
    """A stopped worker gets no processor time, as on a busy machine; its answer is still right."""
    pool.verdict("x", "x")
    for worker in _workers():
        os.killpg(worker.pid, signal.SIGSTOP)
        threading.Timer(2.0, os.killpg, (worker.pid, signal.SIGCONT)).start()
    assert pool.verdict("(x+1)^2", "x^2+2x+1", limits_s=(1.0,))[0] == "same"


def test_a_killed_worker_is_replaced(pool: SymbolicPool) -> None:
    pool.verdict("x", "x")
    killed = _workers()
    for worker in killed:
        worker.kill()
    assert pool.verdict("x", "x")[0] == "same"
    assert not killed & _workers()


@pytest.mark.integration
def test_all_workers_may_be_killed_while_idle(pool: SymbolicPool) -> None:
    with ThreadPoolExecutor(3) as threads:
        for verdict in [
            threads.submit(pool.verdict, "5", ENDLESS, limits_s=(0.5,)) for _ in range(3)
        ]:
            verdict.result()
    killed = _workers()
    assert len(killed) >= 2
    for worker in killed:
        worker.kill()
    psutil.wait_procs(killed, timeout=60)
    # The child that serves goes on for a while; nobody is there to say that it was stopped.
    assert pool.verdict("5", ENDLESS)[0] == "timeout"


def test_a_worker_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    symbolic_pool().close()
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    metrics: dict[str, float] = {}
    rewards = REWARD(["\\boxed{x}"], answer=["x+0"], log_metric=metrics.__setitem__)
    assert rewards == [None]
    assert metrics["math_boxed_expression_reward/unscored"] == 1.0


@pytest.mark.integration
def test_a_huge_computation_is_stopped(pool: SymbolicPool) -> None:
    assert pool.verdict("5", "300000000!")[0] == "timeout"


@pytest.mark.integration
def test_a_stuck_worker_ends_without_its_parent() -> None:
    """Its own timer ends it, even when nobody is left to kill it."""
    script = (
        "from mrlm.tasks.math.symbolic import SymbolicPool\n"
        "pool = SymbolicPool()\n"
        "pool.verdict('x', 'x')\n"
        "print('ready', flush=True)\n"
        f"pool.verdict('5', {ENDLESS!r}, limits_s=(3.0,))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
        (worker,) = _workers(parent.pid)
        computing = worker.children()
        idle = _processor_time(worker)
        while _processor_time(worker) < idle + 0.5:
            time.sleep(0.01)
        parent.kill()
    _, alive = psutil.wait_procs([worker, *computing], timeout=60)
    assert alive == []


def test_several_threads(pool: SymbolicPool) -> None:
    others = _workers()
    pool.close()
    others &= _workers()
    with ThreadPoolExecutor(6) as threads:
        answers = ["x", "y"] * 12
        verdicts = [one[0] for one in threads.map(lambda y: pool.verdict("x", y), answers)]
    assert verdicts == ["same", "different"] * 12
    assert 2 <= len(_workers() - others) <= WORKERS


@pytest.mark.integration
def test_close_kills_idle_and_busy_workers() -> None:
    pool, others = SymbolicPool(), _workers()
    assert pool.verdict("x", "x")[0] == "same"
    (idle,) = _workers() - others
    pool.close()
    assert _has_ended(idle)
    assert pool.verdict("x", "x")[0] == "same"
    results: list[str] = []
    thread = threading.Thread(
        target=lambda: results.append(pool.verdict("5", ENDLESS, limits_s=(20.0,))[0])
    )
    thread.start()
    time.sleep(0.5)
    (busy,) = _workers() - others
    while thread.is_alive():  # a lost worker is replaced once before it counts as broken
        pool.close()
        thread.join(timeout=0.1)
    assert _has_ended(busy)
    assert results == ["error"]


def test_no_worker_outlives_the_interpreter() -> None:
    script = (
        "from mrlm.tasks.math.symbolic import symbolic_ask\n"
        "assert symbolic_ask()('x', 'x', 1e-6) == 'same'\n"
        "print('ready', flush=True)\n"
        "input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        (worker,) = _workers(process.pid)
        process.communicate(b"\n")
    assert process.returncode == 0
    assert _has_ended(worker)


def test_the_reward_in_symbolic_mode() -> None:
    completions = ["\\boxed{x^2+2x+1}", "\\boxed{x}", "no box", "\\boxed{x or x^2+2x+1}"]
    assert REWARD(completions, answer=["(x+1)^2"] * 4) == [1.0, 0.0, 0.0, 0.0]
    for hedge in ("12 or 13", "1 2 3 ... 12", "not 12", "12, maybe"):
        assert REWARD([f"\\boxed{{{hedge}}}"], answer=["12"]) == [0.0]
    assert REWARD(["\\boxed{x}"], answer=[""]) == [None]


def test_a_timeout_scores_zero_and_is_counted_off_the_main_thread() -> None:
    metrics: dict[str, float] = {}

    async def reward_on_a_loop() -> list[float | None]:
        return await asyncio.to_thread(
            REWARD, [f"\\boxed{{{ENDLESS}}}", "\\boxed{5}"], ["5", "5"], metrics.__setitem__
        )

    assert asyncio.run(reward_on_a_loop()) == [0.0, 1.0]
    assert metrics["math_boxed_expression_reward/timeout"] == 0.5


@pytest.mark.integration
def test_right_answers_beside_bombs_are_paid() -> None:
    bombs = [ENDLESS, "300000000!", "(x+y+z)^{500}", "9^{9^{9^8}}"]
    completions, answers = [], []
    for number in range(12):
        completions.append(f"\\boxed{{x^2 + 2x + {number}}}")
        answers.append(f"{number} + x(x + 2)")
        if number < 4:
            completions.append(f"\\boxed{{{bombs[number]}}}")
            answers.append("x + y + z")
    rewards = REWARD(completions, answer=answers)
    assert rewards == [float("x^2 + 2x" in text) for text in completions]


def test_a_list_of_slow_items_takes_no_longer_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def slow_verdict(_: SymbolicPool, *question: object, **__: object) -> tuple[str, float]:
        asked.append(question)
        return "different", 0.3

    monkeypatch.setattr(SymbolicPool, "verdict", slow_verdict)
    items = [f"x^{{{power}}}" for power in range(2, 40)]
    reference = ", ".join(f"{item} + 1" for item in items)
    assert REWARD.outcome(f"\\boxed{{{', '.join(items)}}}", reference) == "timeout"
    assert len(asked) < 10


def test_a_system_that_refuses_the_memory_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS does: the worker goes on there. On Linux it would run without its limit."""

    def refuse(what: int, limits: tuple[int, int]) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr("resource.setrlimit", refuse)
    monkeypatch.setattr("sys.platform", "darwin")
    limit_memory()
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ValueError, match="current limit"):
        limit_memory()
