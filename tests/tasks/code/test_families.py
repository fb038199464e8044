from __future__ import annotations

import ast
import keyword
from collections import Counter
from typing import Any

import pytest

from mrlm.splits import RowStream
from mrlm.tasks.code.families import DIFFICULTIES, FAMILIES, KINDS, Family
from mrlm.tasks.code.families.inputs import int_lists, integers, texts
from mrlm.tasks.code.problems import HIDDEN_TESTS, VISIBLE_TESTS

SIZE = VISIBLE_TESTS + HIDDEN_TESTS


def test_there_are_enough_families_on_both_sides() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) >= 60
    sides = Counter(family.split for family in FAMILIES)
    assert set(sides) == {"train", "test"} and sides["test"] >= 12
    for split in ("train", "test"):
        side = [family for family in FAMILIES if family.split == split]
        assert {family.difficulty for family in side} == set(DIFFICULTIES)
        assert {family.kind for family in side} == set(KINDS)


def test_no_two_families_have_the_same_reference() -> None:
    def normal(family: Family) -> str:
        function = ast.parse(family.render(family.source, family.variants[0], "f")).body[0]
        assert isinstance(function, ast.FunctionDef)
        return ast.unparse(function.body[0]) + ast.unparse(function.args)

    bodies = Counter(normal(family) for family in FAMILIES if family.difficulty == "easy")
    assert bodies.most_common(1)[0][1] == 1


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_variant_renders(family: Family) -> None:
    for variant in family.variants:
        for word in family.names.split():
            name = family.render(word, variant).replace("-", "minus_")
            assert name.isidentifier() and not keyword.iskeyword(name)
        for wording in family.wordings:
            text = family.render(wording, variant)
            assert text.endswith(".") and "  " not in text and "{" not in text
        source = family.render(family.source, variant, "f")
        function = ast.parse(source).body[0]
        assert isinstance(function, ast.FunctionDef) and function.returns is not None
        assert all(argument.annotation for argument in function.args.args)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_tests_are_distinct_literals_and_cover_the_edges(family: Family) -> None:
    for place in (0, -1):
        variant = family.variants[place]
        source = family.render(family.source, variant, "f")
        drawn, edges = family.cases(source, "f", variant, RowStream(place, "s", 1), SIZE)
        inputs = [test["input"] for test in drawn + edges]
        assert len(set(inputs)) == len(inputs) == SIZE
        assert len(drawn) > VISIBLE_TESTS and edges
        for test in drawn + edges:
            arguments = ast.literal_eval(f"[{test['input']}]")
            assert len(arguments) == len(family.arguments)
            # A float would compare by its last digit, a set prints in no certain order.
            assert _is_plain(ast.literal_eval(test["output"])) and _is_plain(arguments)
        # Names the same answer too often: a constant would come near.
        answers = Counter(test["output"] for test in drawn + edges)
        assert answers.most_common(1)[0][1] <= SIZE - 4, answers


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_plain(list(value)) and _is_plain(list(value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (int, str))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_references_do_not_change_their_arguments(family: Family) -> None:
    variant = family.variants[0]
    source = family.render(family.source, variant, "f")
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # our own reference
    drawn, edges = family.cases(source, "f", variant, RowStream(3, "s", 1), SIZE)
    for test in drawn + edges:
        arguments = ast.literal_eval(f"[{test['input']}]")
        assert repr(namespace["f"](*arguments)) == test["output"]
        assert arguments == ast.literal_eval(f"[{test['input']}]")


def test_held_out_variants_are_a_share_of_those_of_larger_families() -> None:
    for family in FAMILIES:
        held_out, training = family.held_out_variants, family.training_variants
        assert len(held_out) + len(training) == len(family.variants)
        assert training
        assert not held_out or len(family.variants) >= 5
    assert sum(bool(family.held_out_variants) for family in FAMILIES) > 60


def test_draws_lie_next_to_parameters() -> None:
    argument = integers(-100, 100)
    assert {6, 7, 8} <= set(argument.all_edges([7, "text"]))
    stream = RowStream(0, "s", 0)
    near = sum(abs(argument.draw(stream, [50]) - 50) <= 1 for _ in range(300))
    assert near > 60
    assert [7] in int_lists(-9, 9).all_edges([7])
    assert "elephants"[:5] in texts().all_edges([5])


def test_a_family_with_too_few_inputs_is_refused() -> None:
    family = Family(
        "tiny",
        "numbers",
        "easy",
        "train",
        "f",
        ("Return x.",),
        "def $name(x: int) -> int:\n    return x",
        inputs={"x": integers(0, 3)},
    )
    source = family.render(family.source, {}, "f")
    with pytest.raises(ValueError, match="'tiny' has too few distinct inputs for 27 tests"):
        family.cases(source, "f", {}, RowStream(0, "s", 0), SIZE)
