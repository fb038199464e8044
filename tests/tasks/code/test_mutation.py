"""The hidden tests have teeth: wrong variants of every family's reference fail them.

A mutant is one small change: a constant one larger or smaller, an operator, comparison or function
swapped for its neighbour, a condition always true or false, a statement, slice bound, filter or
call dropped, the returned value changed, emptied or fixed.

A mutant counts as equivalent, and is left out, when it also gives the reference's output on 12
further draws of tests, 324 in all, edges included. The rest must fail. All of them, on several rows
of each family, are tried by ``python -m pytest -m slow -s tests/tasks/code/test_mutation.py``,
which prints the score.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

import pytest

from mrlm.sandbox import FunctionJob, Sandbox, Verdict
from mrlm.splits import RowStream
from mrlm.tasks.code.families import FAMILIES, Case, Family
from mrlm.tasks.code.problems import HIDDEN_TESTS, VISIBLE_TESTS

FRESH = 12
ROWS = 3
QUICK = 7  # mutants per family in the quick test

_BINARY = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Mod: ast.FloorDiv,
    ast.FloorDiv: ast.Mod,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
}
_COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
}
_NAMES = {
    "max": "min",
    "min": "max",
    "any": "all",
    "all": "any",
    "sum": "len",
    "len": "sum",
    "sorted": "list",
    "upper": "lower",
    "lower": "upper",
    "startswith": "endswith",
    "endswith": "startswith",
    "count": "index",
    "values": "keys",
    "append": "extend",
}
_RETURNS = {
    "int": ("({}) + 1", "({}) - 1", "-({})", "0"),
    "str": ("({})[1:]", "({})[:-1]", "({})[::-1]", "''"),
    "bool": ("not ({})", "True", "False"),
    "list": ("({})[1:]", "({})[:-1]", "({})[::-1]", "[]"),
    "dict": ("{{}}", "dict(list(({}).items())[1:])", "list({})"),
}


def mutants(source: str) -> list[str]:
    """All distinct wrong variants of a function's source."""
    tree = ast.parse(source)
    found = {ast.unparse(tree): None}
    for place, node in enumerate(ast.walk(tree)):
        for replacement in _replacements(node, tree):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[place]
            found.setdefault(ast.unparse(_Swap(target, replacement).visit(changed)))
    return list(found)[1:]


class _Swap(ast.NodeTransformer):
    def __init__(self, target: ast.AST, replacement: ast.AST) -> None:
        self.target, self.replacement = target, replacement

    def visit(self, node: ast.AST) -> ast.AST:
        return self.replacement if node is self.target else self.generic_visit(node)


def _replacements(node: ast.AST, tree: ast.Module) -> Iterator[ast.AST]:
    yield from _expressions(node)
    yield from _statements(node)
    if isinstance(node, ast.Return) and node.value is not None:
        function = tree.body[0]
        assert isinstance(function, ast.FunctionDef) and function.returns is not None
        kind = ast.unparse(function.returns).partition("[")[0]
        for form in _RETURNS[kind]:
            text = f"return {form.format(ast.unparse(node.value))}"
            yield ast.parse(text).body[0]


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int):
            yield ast.Constant(node.value + 1)
            yield ast.Constant(node.value - 1)
        elif isinstance(node.value, str):
            yield ast.Constant(node.value + "x")
            if node.value:
                yield ast.Constant("")
    elif isinstance(node, ast.BinOp):
        yield ast.BinOp(node.left, _BINARY[type(node.op)](), node.right)
        yield node.left
        yield node.right
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _COMPARISONS[type(node.ops[0])]:
            yield ast.Compare(node.left, [other()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Slice):
        for part in ("lower", "upper", "step"):
            if getattr(node, part) is not None:
                changed = copy.copy(node)
                setattr(changed, part, None)
                yield changed
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield ast.comprehension(node.target, node.iter, [], 0)


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    function = node.func
    if isinstance(function, ast.Name) and function.id in _NAMES:
        yield ast.Call(ast.Name(_NAMES[function.id]), node.args, node.keywords)
    if isinstance(function, ast.Attribute):
        yield function.value
        if function.attr in _NAMES:
            renamed = ast.Attribute(function.value, _NAMES[function.attr])
            yield ast.Call(renamed, node.args, node.keywords)
    elif node.args and not isinstance(node.args[0], ast.GeneratorExp):
        yield node.args[0]
    for keyword in node.keywords:
        yield ast.Call(function, node.args, [k for k in node.keywords if k is not keyword])


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If):
        yield ast.If(ast.Constant(True), node.body, node.orelse)
        yield ast.If(ast.Constant(False), node.body, node.orelse)
    elif isinstance(node, ast.AugAssign):
        yield ast.AugAssign(node.target, _BINARY[type(node.op)](), node.value)
        yield ast.Pass()
    elif isinstance(node, ast.Expr):
        yield ast.Pass()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, time_limit=0.5) as sandbox:
        yield sandbox


def _problem(family: Family, seed: int) -> tuple[str, str, list[Case], list[Case]]:
    """Source, function name, hidden tests and fresh tests of one variant of a family."""
    variants = family.variants
    variant = variants[(seed * 7 + 3) % len(variants)]
    source = family.render(family.source, variant, "solve")
    size = VISIBLE_TESTS + HIDDEN_TESTS
    drawn, edges = family.cases(source, "solve", variant, RowStream(seed, "hidden", 0), size)
    fresh = [
        test
        for index in range(FRESH)
        for part in family.cases(source, "solve", variant, RowStream(seed, "x", index), size)
        for test in part
    ]
    return source, "solve", drawn[VISIBLE_TESTS:] + edges, fresh


def _run(sandbox: Sandbox, codes: list[str], tests: list[list[Case]]) -> list[Verdict]:
    jobs = [FunctionJob(code, "solve", cases) for code, cases in zip(codes, tests, strict=True)]
    return sandbox.check_many(jobs)


@pytest.mark.integration
def test_five_wrong_variants_of_every_family_fail(sandbox: Sandbox) -> None:
    codes, tests, owners = [], [], []
    for family in FAMILIES:
        source, _, hidden, _ = _problem(family, 0)
        found = mutants(source)
        for code in found[:: max(1, len(found) // QUICK)]:
            codes.append(code)
            tests.append(hidden)
            owners.append(family.name)
    verdicts = _run(sandbox, codes, tests)
    failed = {family.name: 0 for family in FAMILIES}
    for name, verdict in zip(owners, verdicts, strict=True):
        failed[name] += not verdict.passed
    assert {name: count for name, count in failed.items() if count < 5} == {}


@pytest.mark.slow
def test_mutation_score(sandbox: Sandbox) -> None:
    killed = equivalent = 0
    survivors = []
    for seed in range(ROWS):
        for family in FAMILIES:
            source, _, hidden, fresh = _problem(family, seed)
            found = mutants(source)
            verdicts = _run(sandbox, found, [hidden] * len(found))
            alive = [code for code, v in zip(found, verdicts, strict=True) if v.passed]
            again = _run(sandbox, alive, [fresh] * len(alive))
            wrong = [code for code, v in zip(alive, again, strict=True) if not v.passed]
            killed += len(found) - len(alive)
            equivalent += len(alive) - len(wrong)
            survivors += [(family.name, code) for code in wrong]
    total = killed + len(survivors)
    print(f"\nmutation score {killed / total:.2%}: {killed} of {total}, {equivalent} equivalent")
    for name, code in survivors:
        print(name, code, sep="\n")
    assert killed / total > 0.99
