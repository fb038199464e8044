"""A package that is opened can be used, nothing else becomes open, and no attack is rewarded."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest
from hacks import NUMPY_HACKS, PROGRAM_CASES, PROGRAM_HACKS, TEST
from tricks import TRICKS

from mrlm.sandbox import FunctionJob, ProgramJob, Sandbox, SuiteJob
from mrlm.sandbox.packages import find_packages
from mrlm.tasks.code import code_task
from mrlm.tasks.code.attacks import CASES, SOLUTION
from mrlm.tasks.code.execution import Limits
from mrlm.tasks.code.hacks import HACKS
from mrlm.tasks.code.reward import CodeReward

pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def open_sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, time_limit=1.5, memory_mb=512, packages=["numpy"]) as shared:
        yield shared


NUMPY = "import numpy as np\n"


@pytest.mark.parametrize(
    ("code", "test"),
    [
        ("def f(x): return np.array(x) * 2", "assert (f([1, 2]) == np.array([2, 4])).all()"),
        ("def f(x): return np.array(x) * 2", "assert f([1, 2]).tolist() == [2, 4]"),
        (
            "def f(x): return np.array(x)",
            "assert f([1, 2]).shape == (2,) and f([1.0]).dtype == float",
        ),
        ("def f(x): return np.sum(x)", "assert f([1, 2]) == 3"),
        ("def f(x): return np.sum(x) > 2", "assert f([1, 2]) == True"),
        ("def f(x): return x.mean()", "assert f(np.array([1.0, 2.0])) == 1.5"),
        ("def f(x): return np.linalg.norm(x)", "assert abs(f([3, 4]) - 5) < 1e-9"),
        (
            "def f(x): return np.eye(x) @ np.ones((x, 2))",
            "np.testing.assert_allclose(f(2), 1)\nassert 1",
        ),
        ("def f(x): return np.array(list(x))", "assert ''.join(f('ab')) == 'ab'"),
        (
            "from numpy.polynomial import Polynomial\nimport numpy.fft, numpy.testing, numpy.ma\n"
            "def f(x): return Polynomial(x)(2) + abs(np.fft.fft(x)).sum() * 0",
            "assert f([1, 2]) == 5",
        ),
        ("def f(x): return np.random.default_rng(x).integers(9)", "assert 0 <= f(1) < 9"),
        ("def f(x): return {'a': [np.float64(x)]}", "assert f(1) == {'a': [1.0]}"),
    ],
)
def test_numpy_can_be_used(code: str, test: str, open_sandbox: Sandbox) -> None:
    verdict = open_sandbox.check_suite(NUMPY + code, NUMPY + test, "f")
    assert (verdict.status, verdict.message) == ("passed", "")


def test_arrays_stand_for_lists_where_types_do_not_count(open_sandbox: Sandbox) -> None:
    code = NUMPY + "def f(x): return [np.array(x), np.int64(3)]"
    cases = [{"input": "[1, 2]", "output": "[[1, 2], 3]"}]
    jobs = [FunctionJob(code, "f", cases, how) for how in ("equal", "json", "exact")]
    assert [v.passed for v in open_sandbox.check_many(jobs)] == [True, True, False]
    wrong = [FunctionJob(code.replace("(3)", "(4)"), "f", cases, "equal")]
    assert not open_sandbox.check_many(wrong)[0].passed


def test_nothing_else_is_open(open_sandbox: Sandbox) -> None:
    elsewhere = "__import__('os').path.dirname(__import__('numpy').__path__[0])"
    for code in (
        "import pytest\ndef f(): return 1",
        "import torch\ndef f(): return 1",
        "import mrlm.tasks\ndef f(): return 1",
        f"import sys\nsys.path.append({elsewhere})\nimport pytest\ndef f(): return 1",
        f"def f(): return len(open({elsewhere} + '/pytest/__init__.py').read()) * 0 + 1",
        "import sys\ndef f(): return 1 / ('pytest' in sys.modules or 'mrlm.tasks' in sys.modules)",
        "import numpy\ndef f(): return open(numpy.__path__[0] + '/new', 'w').write('x')",
        "import numpy\ndef f():\n    import os\n    os.remove(numpy.__file__)\n    return 1",
        "import numpy\ndef f(): return int(bool(numpy.fromfile('/etc/passwd', dtype='u1').size))",
        "import numpy\ndef f(): return numpy.memmap('/etc/passwd', mode='r').size and 1",
        "def f():\n    import os\n    return 1 / len(os.environ)",
    ):
        verdict = open_sandbox.check_function(code, "f", [{"input": "", "output": "1"}])
        assert not verdict.passed, code


def test_without_it_nothing_is_open(sandbox: Sandbox) -> None:
    verdict = sandbox.check_suite("import numpy\ndef f(): return 1", "assert f() == 1", "f")
    assert "No module named 'numpy'" in verdict.message


@pytest.mark.integration
def test_no_attack_is_rewarded(open_sandbox: Sandbox) -> None:
    attacks = HACKS | TRICKS | NUMPY_HACKS
    jobs: list[FunctionJob | SuiteJob | ProgramJob] = []
    for code in attacks.values():
        jobs += [FunctionJob(code, "solve", CASES), FunctionJob(code, "solve", CASES, "equal")]
        jobs.append(SuiteJob(code, TEST, "solve"))
    verdicts = open_sandbox.check_many(jobs)
    names = [name for name in attacks for _ in range(3)]
    paid = [name for name, verdict in zip(names, verdicts, strict=True) if verdict.passed]
    unusable = [n for n, v in zip(names, verdicts, strict=True) if v.status == "invalid"]
    assert (paid, unusable) == ([], [])
    programs = [ProgramJob(code, PROGRAM_CASES, 1e-6) for code in PROGRAM_HACKS.values()]
    assert not any(verdict.passed for verdict in open_sandbox.check_many(programs))
    right = [FunctionJob(SOLUTION, "solve", CASES, "equal"), SuiteJob(SOLUTION, TEST, "solve")]
    assert all(verdict.passed for verdict in open_sandbox.check_many(right))


@pytest.mark.parametrize("name", ["no_such_package", "os", "scikit-learn", "numpy.linalg", "", 3])
def test_a_package_that_is_not_installed_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="no installed package"):
        Sandbox(packages=[name])
    with pytest.raises(ValueError, match="give a list of names"):
        find_packages("numpy")


def test_the_task_takes_packages() -> None:
    task = code_task(packages=["numpy"], time_limit=2.0)
    (reward,) = task.reward_funcs
    assert reward == CodeReward(limits=Limits(time_limit=2.0, packages=("numpy",)))
    row = {"function_name": "f", "hidden_tests": [{"input": "[1]", "output": "1"}]}
    code = f"```python\n{NUMPY}def f(x): return int(np.sum(x))\n```"
    assert task.score(code, row) == 1.0
    assert code_task().score(code, row) == 0.0
    assert pickle.loads(pickle.dumps(reward)) == reward


def test_a_copy_of_a_sandbox_has_its_packages(open_sandbox: Sandbox) -> None:
    with pickle.loads(pickle.dumps(open_sandbox)) as again:
        assert again.packages == ("numpy",)
