"""Small files in the forms that the benchmarks are published in, with problems of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PLUS_HEAD = """\
import numpy as np

def is_floats(x) -> bool:
    # check if it is float; List[float]; Tuple[float]
    if isinstance(x, float):
        return True
    if isinstance(x, (list, tuple)):
        return all(isinstance(i, float) for i in x)
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return False


def assertion(out, exp, atol):
    exact_match = out == exp

    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if not exact_match and atol != 0:
        np.testing.assert_allclose(out, exp, atol=atol)
    else:
        assert exact_match

"""

GSM8K = [
    {
        "question": "Ann has 3 bags of 4 nuts. How many nuts?",
        "answer": "3 * 4 = <<3*4=12>>12\n#### 12",
    },
    {"question": "A car costs $1,200. Two cars?", "answer": "2 * 1200 = 2400\n#### 2,400"},
]
MATH500 = [
    {
        "problem": "What is $\\frac12 + \\frac14$?",
        "solution": "We add: $\\boxed{\\frac{3}{4}}$.",
        "answer": "\\frac{3}{4}",
        "subject": "Prealgebra",
        "level": 1,
        "unique_id": "test/prealgebra/1.json",
    },
    {
        "problem": "Solve $x^2 = 3$ for $x > 0$.",
        "solution": "It is $\\boxed{\\sqrt{3}}$.",
        "answer": "\\sqrt{3}",
        "subject": "Algebra",
        "level": 5,
        "unique_id": "test/algebra/2.json",
    },
]
AIME = [
    {
        "id": 60,
        "problem": "Find 100 + 104.",
        "solution": "\\boxed{204}",
        "answer": "204",
        "year": "2024",
    },
    {"problem_idx": 1, "problem": "Find 35 + 35.", "answer": 70, "problem_type": ["Algebra"]},
]
HUMANEVAL = [
    {
        "task_id": "HumanEval/0",
        "prompt": "from typing import List\n\n\ndef total(xs: List[int]) -> int:\n"
        '    """ Sum of xs.\n    >>> total([1, 2])\n    3\n    """\n',
        "entry_point": "total",
        "canonical_solution": "    return sum(xs)\n",
        "test": "\n\nMETADATA = {'author': 'us'}\n\n\ndef check(candidate):\n"
        "    assert candidate([1, 2]) == 3\n    assert candidate([]) == 0\n",
    }
]
HUMANEVAL_PLUS = [  # as on the Hub
    {
        **HUMANEVAL[0],
        "test": PLUS_HEAD + "\ndef check(candidate):\n"
        "    inputs = [[[1, 2]], [[]], [[-5, 5, 9]]]\n    results = [3, 0, 9]\n"
        "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
        "        assertion(candidate(*inp), exp, 0)\n",
    },
    {
        "task_id": "HumanEval/1",
        "prompt": 'def half(x: float) -> float:\n    """ Half of x. """\n',
        "entry_point": "half",
        "canonical_solution": "    return x / 2\n",
        "test": PLUS_HEAD + "\ndef check(candidate):\n"
        "    inputs = [[1.0], [0.3]]\n    results = [0.5, 0.15000000001]\n"
        "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
        "        assertion(candidate(*inp), exp, 1e-06)\n",
    },
]
HUMANEVAL_PLUS_FILE = [  # as in EvalPlus's own file
    {
        "task_id": "HumanEval/0",
        "prompt": HUMANEVAL[0]["prompt"],
        "entry_point": "total",
        "canonical_solution": "    return sum(xs)\n",
        "contract": "\n    assert all(type(x) == int for x in xs) # $_CONTRACT_$\n",
        "base_input": [[[1, 2]], [[]]],
        "plus_input": [[[-5, 5, 9]]],
        "atol": 0,
    },
    {
        "task_id": "HumanEval/32",
        "prompt": 'def find_zero(xs: list):\n    """ A root of the polynomial. """\n',
        "entry_point": "find_zero",
        "canonical_solution": "    return -xs[0] / xs[1]\n",
        "contract": "",
        "base_input": [[[1, 2]]],
        "plus_input": [[[-6, 3]]],
        "atol": 0.0001,
    },
]
MBPP = [
    {
        "task_id": 11,
        "text": "Write a function to add two numbers.",
        "code": "def add(a, b):\r\n  return a + b",
        "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0", "assert add(-1, 1) == 0"],
        "test_setup_code": "",
        "challenge_test_list": [],
    }
]
MBPP_SANITIZED = [
    {
        "source_file": "Benchmark Questions Verification V2.ipynb",
        "task_id": 12,
        "prompt": "Write a function for the square root.",
        "code": "import math\ndef root(x):\n  return math.sqrt(x)",
        "test_imports": ["import math"],
        "test_list": ["assert math.isclose(root(4), 2)"],
    }
]
MBPP_PLUS = [  # as on the Hub
    {
        "task_id": 2,
        "code": "\ndef similar_elements(test_tup1, test_tup2):\n"
        "  return tuple(set(test_tup1) & set(test_tup2))\n",
        "prompt": "Write a function to find the shared elements.",
        "source_file": "Benchmark Questions Verification V2.ipynb",
        "test_imports": [],
        "test_list": ["assert set(similar_elements((3, 4), (4, 5))) == set((4,))"],
        "test": PLUS_HEAD + "\ninputs = [[(3, 4), (4, 5)], [(), ()], [(1, 2, 3), (3, 2)]]\n"
        "results = [(4,), (), (3, 2)]\n"
        "for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
        "    assertion(set(similar_elements(*inp)), set(exp), 0)\n",
    }
]
MBPP_PLUS_FILE = [  # as in EvalPlus's own file
    {
        "task_id": "Mbpp/2",
        "prompt": '"""\nWrite a function to find the shared elements.\n'
        'assert set(similar_elements((3, 4), (4, 5))) == set((4,))\n"""\n',
        "entry_point": "similar_elements",
        "canonical_solution": "\ndef similar_elements(test_tup1, test_tup2):\n"
        "  return tuple(set(test_tup1) & set(test_tup2))\n",
        "base_input": [[[3, 4], [4, 5]]],
        "plus_input": [[[], []], [[1, 2, 3], [3, 2]]],
        "atol": 0,
        "contract": "\n  assert isinstance(test_tup1, tuple) # $_CONTRACT_$\n",
        "assertion": "assert set(similar_elements((3, 4), (4, 5))) == set((4,))",
    }
]
AREA = {
    "name": "area.triangle",
    "description": "Area of a triangle.",
    "parameters": {
        "type": "dict",
        "properties": {
            "base": {"type": "integer", "description": "In units."},
            "height": {"type": "integer", "description": "In units."},
            "unit": {"type": "string", "description": "Such as cm."},
        },
        "required": ["base", "height"],
    },
}
PLAY = {
    "name": "play",
    "description": "Play an artist.",
    "parameters": {
        "type": "dict",
        "properties": {"artist": {"type": "string", "description": "Who."}},
        "required": ["artist"],
    },
}


def _question(name: str, text: str, *functions: dict[str, Any]) -> dict[str, Any]:
    turns = [[{"role": "user", "content": text}]]
    return {"id": name, "question": turns, "function": list(functions)}


BFCL_FILES = {
    "BFCL_v4_simple_python.json": [
        _question("simple_python_0", "Area of base 10, height 5?", AREA)
    ],
    "BFCL_v4_multiple.json": [_question("multiple_0", "Play Abba.", AREA, PLAY)],
    "BFCL_v4_parallel.json": [_question("parallel_0", "Play Abba and Cher.", PLAY)],
    "BFCL_v4_irrelevance.json": [_question("irrelevance_0", "Who was Ada?", PLAY)],
    "possible_answer/BFCL_v4_simple_python.json": [
        {
            "id": "simple_python_0",
            "ground_truth": [{"area.triangle": {"base": [10], "height": [5], "unit": ["cm", ""]}}],
        }
    ],
    "possible_answer/BFCL_v4_multiple.json": [
        {"id": "multiple_0", "ground_truth": [{"play": {"artist": ["Abba", "ABBA band"]}}]}
    ],
    "possible_answer/BFCL_v4_parallel.json": [
        {
            "id": "parallel_0",
            "ground_truth": [{"play": {"artist": ["Abba"]}}, {"play": {"artist": ["Cher"]}}],
        }
    ],
}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    """JSON lines, or a list where the name ends in ``.json`` and is not BFCL's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    is_list = path.suffix == ".json" and "BFCL" not in path.name
    path.write_text(json.dumps(rows) if is_list else lines, encoding="utf-8")
    return str(path)


def write_bfcl(folder: Path) -> str:
    for name, rows in BFCL_FILES.items():
        write(folder / name, rows)
    for name in ("live_multiple", "multi_turn_base", "live_irrelevance"):  # of other categories
        write(folder / f"BFCL_v4_{name}.json", [{"id": f"{name}_0"}])
    return str(folder)
