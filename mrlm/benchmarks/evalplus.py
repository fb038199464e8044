"""EvalPlus's tests (https://arxiv.org/abs/2305.01210) as test programs for our sandbox.

They come in two forms. On the Hub a row has a program that compares with stored results; it asks
numpy for closeness, which stands in the program itself here, so that no package has to be opened.
In EvalPlus's own files a row has inputs, and the results are those of its reference solution, which
runs beside the tests, in the sandbox. Both judge as EvalPlus does, its exceptions included.

Where EvalPlus lets numpy stretch a number to a list before it compares, this does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mrlm.benchmarks.benchmark import UncheckableError

__all__ = ["input_suite", "mbpp_inputs", "program_suite"]

_IMPORT_NUMPY = "import numpy as np"
_ANY_NUMPY = re.compile(r"^[ \t]*(?:from|import)[ \t]+numpy\b", re.M)
# What the programs on the Hub use of numpy, and no more.
_NUMPY = """\
from collections import Counter, OrderedDict, defaultdict, deque  # in results

inf, nan = float("inf"), float("nan")

class np:
    class ndarray:
        pass

    float64 = float32 = None

    def allclose(out, exp, rtol=1e-05, atol=1e-08):
        if isinstance(exp, (list, tuple)):
            fits = isinstance(out, (list, tuple)) and len(out) == len(exp)
            return fits and all(np.allclose(a, b, rtol, atol) for a, b in zip(out, exp))
        return out == exp or abs(out - exp) <= atol + rtol * abs(exp) or (out != out and exp != exp)

    class testing:
        def assert_allclose(out, exp, rtol=1e-07, atol=0):
            assert np.allclose(out, exp, rtol, atol)
"""
_MAX_CHARS = 8 << 20  # what the sandbox hands over of one result, and so of all in a program
_MAIN_LOOP = "\nfor "

# The comparison of EvalPlus's evaluator. The reference gets a copy: it may work in place.
_CHECK = """\
import copy
import math
import time

space = {{}}
exec({source!r}, space)
reference = space[{name!r}]

def all_floats(exp):
    if isinstance(exp, (list, tuple)) and exp:
        return all(isinstance(item, float) for item in exp)
    return isinstance(exp, float)

def same(out, exp, arguments, atol):
    return {same}

def check(candidate):
    atol, inputs = {atol!r}, {inputs!r}
    # All of them first: where the reference breaks, the candidate has had no part in it.
    started, expected = time.monotonic(), []
    for arguments in inputs:
        expected.append(reference(*copy.deepcopy(arguments)))
        if time.monotonic() - started > {seconds!r}:
            raise RuntimeError("the reference is too slow here")
    for arguments, exp in zip(inputs, expected):
        out = candidate(*copy.deepcopy(arguments))
        if atol == 0 and all_floats(exp):
            atol = 1e-6
        if same(out, exp, arguments, atol):
            continue
        assert {may_be_close} and atol != 0
        assert type(out) == type(exp)
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
"""
_EQUAL = "out == exp"
_SETS = "set(out) == set(exp)"
# A match counts as true.
_IS_THERE = (
    "(out if isinstance(out, bool) else out is not None) == "
    "(exp if isinstance(exp, bool) else exp is not None)"
)
# Problems with more right answers than the reference's, as in EvalPlus's ``_special_oracle``.
_SAME: dict[str, dict[str, str]] = {
    "humaneval": {
        "find_zero": "abs(sum(c * math.pow(out, i) for i, c in enumerate(arguments[0]))) <= atol",
    },
    "mbpp": {
        "are_equivalent": "True",
        "sum_div": "out == exp or out == 0",
        "surface_Area": "out == exp or abs(out - round(arguments[0] ** 2 + 2 * arguments[0] * "
        "math.sqrt((arguments[0] / 2) ** 2 + arguments[1] ** 2))) <= atol",
        "digit_distance_nums": "out == exp or out == sum(abs(int(a) - int(b)) for a, b in zip("
        "*(str(n).zfill(max(map(len, map(str, arguments)))) for n in arguments)))",
        **dict.fromkeys(
            (
                "similar_elements",
                "find_char_long",
                "common_in_nested_lists",
                "extract_singly",
                "larg_nnum",
                "intersection_array",
                "find_dissimilar",
                "Diff",
            ),
            _SETS,
        ),
        **dict.fromkeys(("check_str", "text_match_three", "text_starta_endb"), _IS_THERE),
    },
}


def program_suite(test: str) -> str:
    """The test program of a row on the Hub, with what it needs, as one that ``SuiteJob`` takes.

    Raises:
        UncheckableError: It asks for more of numpy than closeness, or for larger results than the
            sandbox hands over.
    """
    if len(test) > _MAX_CHARS:
        raise UncheckableError(f"its tests have {len(test):,} characters, over {_MAX_CHARS:,}")
    program = test.replace(_IMPORT_NUMPY, _NUMPY)
    if _ANY_NUMPY.search(program):
        raise UncheckableError("its tests import numpy in another way than EvalPlus's do")
    if "\ndef check(" in program:
        return program
    # MBPP+ runs its loop on the margin.
    before, loop, after = program.rpartition(_MAIN_LOOP)
    if not loop or "assertion(" not in after:
        raise UncheckableError("its tests have neither check(candidate) nor EvalPlus's loop")
    lines = "\n".join(f"    {line}" for line in f"for {after}".splitlines())
    return f"{before}\n\ndef check(candidate):\n{lines}\n"


def input_suite(
    source: str,
    name: str,
    inputs: Sequence[Any],
    atol: float,
    dataset: str,
    seconds: float = 60.0,
) -> str:
    """A test program that holds a candidate against the reference on every input.

    Args:
        source: The reference solution.
        name: Of the function.
        inputs: Each a list of arguments.
        atol: How far floats may be off.
        dataset: ``"humaneval"`` or ``"mbpp"``, for its exceptions.
        seconds: That the reference may take; beyond them the row has no score, whatever the
            candidate does.

    Raises:
        UncheckableError: There is no input, or one is no list of arguments.
    """
    if not inputs or not all(isinstance(arguments, list | tuple) for arguments in inputs):
        raise UncheckableError("its inputs are no lists of arguments")
    same = _SAME[dataset].get(name, _EQUAL)
    code = _CHECK.format(
        source=source,
        name=name,
        same=same,
        atol=atol,
        seconds=seconds,
        inputs=[list(arguments) for arguments in inputs],
        # A root that is not close enough is wrong, however close it is to the reference's.
        may_be_close=name != "find_zero",
    )
    return f"{_NUMPY}\n{code}"


def mbpp_inputs(task_id: str, inputs: Sequence[Any]) -> list[Any]:
    """Inputs of MBPP+ as they were before JSON made lists of tuples, by the problem's number."""
    digits = task_id.rpartition("/")[2]
    restore = _RESTORE.get(int(digits)) if digits.isdigit() else None
    try:
        return [restore(arguments) for arguments in inputs] if restore else list(inputs)
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise UncheckableError(f"its inputs are not those of MBPP/{digits} ({error})") from error


def _tuples(items: Any) -> list[Any]:
    return [tuple(item) for item in items]


def _nested(value: Any) -> Any:
    return tuple(map(_nested, value)) if isinstance(value, list) else value


def _table(
    rules: Mapping[str, Callable[[list[Any]], Any]],
) -> dict[int, Callable[[list[Any]], Any]]:
    return {int(number): rule for numbers, rule in rules.items() for number in numbers.split()}


# As EvalPlus's ``mbpp_deserialize_inputs`` has it.
_RESTORE = _table(
    {
        "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809": (
            _tuples
        ),
        "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780": (
            lambda arguments: [_tuples(argument) for argument in arguments]
        ),
        "75 413 444 753": lambda arguments: [_tuples(arguments[0]), arguments[1]],
        "106 750": lambda arguments: [arguments[0], tuple(arguments[1])],
        "115": lambda arguments: [
            [set(item) if isinstance(item, list) and item else {} for item in arguments[0]]
        ],
        "124": lambda arguments: [float(arguments[0]), complex(arguments[1])],
        "250 405 446 617 720 763 808": lambda arguments: [tuple(arguments[0]), arguments[1]],
        "259 401 445": lambda arguments: [tuple(_tuples(argument)) for argument in arguments],
        "278": lambda arguments: [
            tuple(tuple(item) if isinstance(item, list) else item for item in arguments[0])
        ],
        "307": lambda arguments: [tuple(arguments[0]), *arguments[1:3]],
        "722": lambda arguments: [
            {key: tuple(value) for key, value in arguments[0].items()},
            *arguments[1:],
        ],
        "252": lambda arguments: [complex(arguments[0])],
        "580 615 791": lambda arguments: [_nested(argument) for argument in arguments],
    }
)
