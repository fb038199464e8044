"""The reward under Accelerate with several ranks: real processes, real gloo, threads in each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.distributed]

RANK = '''
import json, threading
import psutil
from accelerate import PartialState
from accelerate.utils import gather_object
from mrlm.tasks.code.execution import DEFAULT_LIMITS, get_sandbox
from mrlm.tasks.code.reward import code_reward

state = PartialState(cpu=True)
rank = state.process_index

def reward(number):
    """Right, wrong, hanging and crashing code; other code on every rank and in every thread."""
    hangs = "while True: pass" if number == 2 else "return None"
    bodies = [f"return x * {number}", "return x", hangs, "import os; os._exit(0)"]
    texts = [f"def f(x):\\n    # {rank} {number}\\n    {body}\\n" for body in bodies]
    tests = [{"input": str(x), "output": str(x * number)} for x in range(1, 5)]
    return code_reward(texts, function_name=["f"] * 4, hidden_tests=[tests] * 4)

found = {}
threads = [
    threading.Thread(target=lambda n=n: found.update({n: reward(n)})) for n in range(2, 5)
]
for thread in threads: thread.start()
for thread in threads: thread.join()
sandbox = get_sandbox(DEFAULT_LIMITS)
zygotes = [
    child.pid
    for child in psutil.Process().children()
    if any("mrlm.sandbox" in argument for argument in child.cmdline())
]
everyone = gather_object([(rank, sorted(found.items()), sandbox.workers, zygotes)])
if state.is_main_process:
    print(json.dumps(everyone), flush=True)
state.destroy_process_group()
'''


def test_every_rank_scores_with_a_sandbox_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "rank.py"
    script.write_text(RANK)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*command, str(script)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[[")))
    assert [rank for rank, *_ in ranks] == [0, 1]
    cores = len(os.sched_getaffinity(0))
    for _, found, workers, zygotes in ranks:
        assert found == [[number, [1.0, 0.0, 0.0, 0.0]] for number in (2, 3, 4)]
        assert workers == max(1, cores // 2)  # the ranks share the machine
        assert 1 <= len(zygotes) <= workers
    processes = {pid for *_, zygotes in ranks for pid in zygotes}
    assert len(processes) == sum(len(zygotes) for *_, zygotes in ranks)
    assert _all_end(processes)


def _all_end(processes: set[int], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(_alive(pid) for pid in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
