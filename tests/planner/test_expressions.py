"""Random expressions: their plans give NumPy's values on every store, and keep the planner's promises."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.ops import Concat, Contract, ObjectSource, Op, Random, Reduce, Reshape, Stored, in_order
from lambdarray.planner import Resources, blocks, make_plan, trees
from lambdarray.planner.check import check
from lambdarray.task import Plan, Program

from .expressions import Pair, assert_close, expressions, whole_numbers

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


def examples(count: int) -> settings:
    return settings(max_examples=count, suppress_health_check=UNHURRIED)


def check_values(pairs: list[Pair]) -> None:
    values = la.compute(*(p.ours for p in pairs))
    for value, pair in zip(values if len(pairs) > 1 else [values], pairs, strict=True):
        assert (pair.ours.shape, pair.ours.dtype) == (pair.theirs.shape, pair.theirs.dtype)
        assert_close(value, pair)


def planned(pairs: list[Pair], workers: int = 4, remote: bool = True, content: str = "as it was") -> Plan:
    """The plan as for a durable store, where sources are known by their content."""
    ops = [p.ours._op for p in pairs]
    tokens = {op.token: f"{content}, {n}" for n, op in enumerate(sources(ops))}
    return make_plan(ops, Resources(workers, 1 << 30, remote), tokens=tokens)[0]


def sources(ops: list[Op]) -> list[ObjectSource]:
    return [op for op in in_order(ops) if isinstance(op, ObjectSource)]


# -- values


@examples(120)
@given(pairs=expressions(), workers=st.integers(1, 7))
def test_expressions_have_numpys_values(pairs: list[Pair], workers: int) -> None:
    with la.config(workers=workers):
        check_values(pairs)


@examples(120)
@given(pairs=expressions(), workers=st.integers(1, 7))
def test_expressions_have_numpys_values_where_every_reduction_is_a_tree(pairs: list[Pair], workers: int) -> None:
    with pytest.MonkeyPatch.context() as patch, la.config(workers=workers):
        patch.setattr(blocks, "LEAST_ELEMENTS", 4)
        patch.setattr(trees, "FAN_IN", 2)
        check_values(pairs)


@examples(40)
@given(data=st.data(), workers=st.integers(1, 7))
def test_expressions_over_stored_arrays_have_numpys_values(data: st.DataObject, workers: int, tmp_path: Path) -> None:
    with la.config(workers=workers, store=str(tmp_path / "store")):
        check_values(data.draw(expressions(tmp_path)))


# -- promises


@examples(60)
@given(pairs=expressions(), workers=st.integers(1, 7), remote=st.booleans())
def test_plans_keep_the_rules_of_plans(pairs: list[Pair], workers: int, remote: bool) -> None:
    plan = planned(pairs, workers, remote)
    check(plan, 1 << 30)
    assert len(plan.outputs) == len(pairs)
    for name, pair in zip(plan.outputs, pairs, strict=True):
        spec = plan.arrays[name]
        assert (spec.tiling.chunks, spec.dtype) == (pair.ours.chunks, pair.ours.dtype)


@examples(60)
@given(pairs=expressions(), workers=st.integers(1, 7))
def test_stages_are_no_more_than_what_has_to_be_stored(pairs: list[Pair], workers: int) -> None:
    """Ops that are fused have no stage: shared ones and outputs have one, products and reductions a tree at most."""
    order = in_order([p.ours._op for p in pairs])
    computed = [op for op in order if not isinstance(op, ObjectSource | Stored)]
    trees = sum(isinstance(op, Reduce | Contract) for op in order)
    assert len(planned(pairs, workers).programs) <= len(computed) + 3 * trees


@examples(60)
@given(pairs=expressions())
def test_a_chain_that_nothing_shares_is_one_stage(pairs: list[Pair]) -> None:
    order = in_order([pairs[0].ours._op])
    uses = Counter(id(i) for op in order for i in op.inputs)
    stops = (Contract, Reduce, Reshape, Concat, Random)
    if any(isinstance(op, stops) for op in order) or max(uses.values(), default=1) > 1:
        return
    plan = planned(pairs[:1])
    assert len(plan.programs) == (0 if isinstance(pairs[0].ours._op, ObjectSource) else 1)


@examples(60)
@given(pairs=expressions(), workers=st.integers(1, 7))
def test_programs_are_plain_data(pairs: list[Pair], workers: int) -> None:
    for program in planned(pairs, workers).programs:
        text = json.dumps(program.to_json())
        assert json.dumps(Program.from_json(json.loads(text)).to_json()) == text


@examples(60)
@given(pairs=expressions(), workers=st.integers(1, 7))
def test_keys_and_plans_follow_from_the_recipe_and_the_data_alone(pairs: list[Pair], workers: int) -> None:
    first, again = planned(pairs, workers), planned(pairs, workers)
    assert first.key == again.key
    assert [p.to_json() for p in first.programs] == [p.to_json() for p in again.programs]
    if sources([p.ours._op for p in pairs]):
        assert planned(pairs, workers, content="changed").key != first.key


def test_on_a_durable_store_equal_data_have_equal_keys_and_others_other_keys(tmp_path: Path) -> None:
    values = whole_numbers(1, (6, 5), "f8")
    other = values.copy()
    other[5, 4] += 1
    with la.config(store=str(tmp_path)):
        keys = [la.plan((la.from_array(v, chunks=2) + 1).sum(axis=0)).key for v in (values, values.copy(), other)]
    assert keys[0] == keys[1] != keys[2]


@examples(30)
@given(pairs=expressions(most=4), workers=st.integers(1, 7))
def test_computing_twice_gives_the_same_bits(pairs: list[Pair], workers: int) -> None:
    with la.config(workers=workers):
        values = [np.asarray(la.compute(pairs[0].ours)).tobytes() for _ in range(2)]
    assert values[0] == values[1]
