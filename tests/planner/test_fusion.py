"""What is computed together: which expressions are one stage, one task, one read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.api.array import Array
from lambdarray.errors import MemoryLimitError
from lambdarray.ops import Stored
from lambdarray.planner import Resources, make_plan
from lambdarray.planner.estimate import totals
from lambdarray.task import Plan, Program
from lambdarray.tiling import Tiling

from ..judge import assert_same

MIB = 1 << 20


def table(seed: int, shape: tuple[int, ...], chunks: Any) -> tuple[Array, np.ndarray]:
    values = np.random.default_rng(seed).integers(-4, 5, shape).astype(float)
    return la.from_array(values, chunks=chunks), values


def stored(shape: tuple[int, ...], chunks: tuple[int, ...], codecs: tuple[str, ...] = ()) -> Array:
    """An array in a bucket that nobody reads: for plans alone."""
    location = {"kind": "zarr", "url": f"s3://bucket/{shape}-{chunks}", "codecs": [{"name": c} for c in codecs]}
    tiling = Tiling.regular(shape, chunks)
    return Array(Stored((), tiling, np.dtype("f8"), location=location, token=location["url"]))


def planned(*arrays: Array, workers: int = 8, mib: int = 512, remote: bool = True) -> Plan:
    return make_plan([a._op for a in arrays], Resources(workers, mib * MIB, remote))[0]


def stages(*arrays: Array, **how: Any) -> list[str]:
    return [p.name.split("-")[0] for p in planned(*arrays, **how).programs]


def reads_of(programs: tuple[Program, ...], letter: str) -> list[str]:
    return [part.array for p in programs for r in p.reads for part in r.parts if part.array.startswith(letter)]


# -- elementwise


def test_a_chain_of_elementwise_ops_is_one_task_per_tile() -> None:
    x, values = table(0, (10, 9), 4)
    out = np.sqrt(abs(x * 2 + 1)).astype("f4") - la.where(x > 0, x, 3)
    plan = planned(out)
    assert (len(plan.programs), plan.task_count) == (1, 9)
    assert len(reads_of(plan.programs, "s")) == 1
    assert_same(out, np.sqrt(abs(values * 2 + 1)).astype("f4") - np.where(values > 0, values, 3))


@pytest.mark.parametrize(
    "view",
    [
        lambda m, x: x.T,
        lambda m, x: x[::-2, 3:],
        lambda m, x: x[:, None, 1],
        lambda m, x: m.broadcast_to(x, (2, 10, 9)),
        lambda m, x: m.flip(x, 0).T[2:],
    ],
)
def test_views_cost_no_stage(view: Any) -> None:
    x, values = table(0, (10, 9), 4)
    out = view(la, x) * 2 + 1
    assert len(planned(out).programs) == 1
    assert_same(out, view(np, values) * 2 + 1)


def test_one_array_seen_through_two_views_is_not_stored_between() -> None:
    x, values = table(0, (8, 8), 3)
    out = x + x.T + x[::-1]
    assert len(planned(out).programs) == 1
    assert_same(out, values + values.T + values[::-1])


def test_a_concatenation_is_pasted_as_it_is_read() -> None:
    (x, a), (y, b) = table(0, (5, 4), 2), table(1, (3, 4), 2)
    out = la.concat([x, y[::-1, ::-1][:, ::-1]]) * 2
    assert stages(la.concat([x, y]) * 2) == ["multiply"]
    assert_same(out, np.concatenate([a, b[::-1]]) * 2)


def test_of_a_concatenation_only_the_parts_that_are_seen_are_read_and_made() -> None:
    (x, a), (y, b), (z, c) = (table(seed, (4, 5), (2, 5)) for seed in (1, 2, 3))
    rows, expected = la.concat([x, la.sort(y, axis=0), z, x * 2]), np.concatenate([a, np.sort(b, axis=0), c, a * 2])
    assert any("sort" in p.op for p in planned(rows).programs)
    for lo, hi, parts in [(0, 4, 1), (8, 12, 1), (2, 3, 1), (9, 14, 2), (12, 16, 1)]:
        seen, wanted = rows[lo:hi], expected[lo:hi]
        for made, value in [(seen + 1, wanted + 1), (seen @ x.T, wanted @ a.T), (seen, wanted)]:
            plan = planned(made)
            assert not any("sort" in p.op for p in plan.programs)
            assert len(plan.programs[-1].reads[0].parts) == parts
            assert_same(made, value)
    assert_same(rows[3:9], expected[3:9])
    assert_same(rows[:0] + 1, expected[:0] + 1)
    assert_same(rows[5], expected[5])


def test_parts_of_a_concatenation_whose_axes_are_in_another_order_are_stored_first() -> None:
    (x, a), (y, b) = table(0, (4, 4), 3), table(1, (4, 4), 3)
    assert_same(la.concat([x, y.T]), np.concatenate([a, b.T]))
    assert_same(la.concat([x[0], x[:, 0], y[1]]), np.concatenate([a[0], a[:, 0], b[1]]))
    assert_same(
        la.concat([la.broadcast_to(x[:1], (4, 4)), y], 1), np.concatenate([np.broadcast_to(a[:1], (4, 4)), b], 1)
    )
    assert len(planned(la.concat([x.T, y.T])).programs) == 1


def test_slices_of_a_concatenation_are_pasted_where_nothing_of_their_sources_lies_beyond_them() -> None:
    x, a = table(0, (10, 4), 3)
    rolled = la.concat([x[3:], x[:3]]) + 1
    assert len(planned(rolled).programs) == 1
    assert_same(rolled, np.concatenate([a[3:], a[:3]]) + 1)
    assert_same(la.concat([x[:3], x[2:5], x[7:]]) + 1, np.concatenate([a[:3], a[2:5], a[7:]]) + 1)
    assert_same(la.concat([x.T[:, 4:], x.T[:, 1:7][:, :3]], 1), np.concatenate([a.T[:, 4:], a.T[:, 1:4]], 1))


def blocks(m: Any, x: Any, y: Any) -> Any:
    return m.concatenate([m.concatenate([x, y], 1), m.concatenate([y[:, 2:], x, y[:, :2]], 1)])


@pytest.mark.parametrize(
    "made",
    [
        blocks,
        lambda m, x, y: m.roll(x, (2, -3), (0, 1)),
        lambda m, x, y: blocks(m, x, y)[1:, 3:-2].T,
        lambda m, x, y: m.concatenate([m.concatenate([y, x]).T, m.concatenate([x, x]).T], 0),
    ],
)
def test_concatenations_of_concatenations_along_other_axes_are_read_at_once(made: Any) -> None:
    (x, a), (y, b) = table(0, (5, 4), 2), table(1, (5, 4), 3)
    out = made(la, x, y) + 1
    assert len(planned(out).programs) == 1
    assert_same(out, made(np, a, b) + 1)


@pytest.mark.parametrize(
    "made",
    [
        lambda m, x, y: m.concatenate([m.concatenate([x[:, 1:3], y[:, 1:3]]), m.concatenate([y, x])], 1),
        lambda m, x, y: m.concatenate([m.concatenate([x, y], 1), m.concatenate([y[:4].T, x[:4].T], 1)]),
        lambda m, x, y: m.concatenate([m.concatenate([x, y])[2:7], x, m.concatenate([x, y])[::2]]),
        lambda m, x, y: m.concatenate([m.concatenate([x[:0], y]), x[:, :0], m.concatenate([y, x[:0]])], 1),
    ],
)
def test_parts_that_would_reach_too_far_are_stored_first(made: Any) -> None:
    (x, a), (y, b) = table(0, (5, 4), 2), table(1, (5, 4), 3)
    assert_same(made(la, x, y) + 1, made(np, a, b) + 1)


# -- diagonals


def test_of_a_matrix_only_the_tiles_that_its_diagonal_crosses_are_read() -> None:
    x = stored((4000, 3000), (500, 500))
    plan = planned(la.diagonal(x, -700))
    assert plan.task_count == 12  # the tiles of 500 begin at two places, 300 and 500 elements on
    assert totals(plan.programs[0])[1] < x.nbytes / 10


def test_what_is_made_of_a_diagonal_does_not_read_it_in_larger_blocks() -> None:
    x, values = table(0, (40, 40), 5)
    out = (la.diagonal(x * 2) + la.ones(40, chunks=40)).sum()
    assert_same(out, (np.diagonal(values * 2) + 1).sum())
    assert max(math.prod(c.max_chunk for c in p.axes) for p in planned(out).programs if "multiply" in p.op) == 5


@pytest.mark.parametrize(
    "made",
    [
        lambda m, x: m.diagonal(m.concatenate([x, x[:4]]), -2),
        lambda m, x: m.diagonal(x.T[::-1, ::2]) * 2,
        lambda m, x: m.diagonal(x @ x),
        lambda m, x: m.diagonal(x.reshape(5, 2, 10), 1, 2, 0) + x.mean(),
        lambda m, x: m.diagonal(x)[:, None] @ m.diagonal(x, 0)[None],
        lambda m, x: m.concatenate([m.diagonal(x, 3), m.diagonal(x, -4)]),
        lambda m, x: m.diagonal(m.broadcast_to(x[:3], (4, 3, 10)), 1),
    ],
)
def test_diagonals_of_all_there_is_and_all_of_diagonals(made: Any) -> None:
    x, values = table(0, (10, 10), 3)
    assert_same(made(la, x), made(np, values))


# -- reductions


def test_a_chain_and_the_first_step_of_its_reduction_are_one_stage() -> None:
    x = stored((2000, 2000), (500, 500))
    plan = planned((np.sin(x) * 2 + 1).sum(axis=0))
    assert len(plan.programs) == 2
    assert len(reads_of(plan.programs, "s")) == 1


def test_a_reduction_within_one_block_is_one_task() -> None:
    x, values = table(0, (40, 30), 10)
    for out, expected in ((x.sum(), values.sum()), ((x * 2).std(axis=1) + 1, (values * 2).std(axis=1) + 1)):
        plan = planned(out)
        assert (len(plan.programs), plan.task_count) == (1, 1 if out.ndim == 0 else plan.programs[0].task_count)
        assert_same(out, expected)


def test_reductions_that_share_a_source_read_it_once() -> None:
    x = stored((4000, 4000), (1000, 1000))
    plan = planned(x.sum(axis=0), x.mean(axis=0), (x * x).max(), x.argmin(axis=0))
    assert len(reads_of(plan.programs, "s")) == 1


def test_what_two_stages_use_is_computed_once() -> None:
    x, values = table(0, (12, 12), 4)
    y = np.exp(x * 0.0) + x
    z = np.exp(values * 0.0) + values
    plan = planned(y @ y + y)
    assert sum(i[0] == "exp" for p in plan.programs for s in p.steps for i in s.params.get("code", ())) == 1
    assert_same(y @ y + y, z @ z + z)


def test_equal_expressions_written_twice_are_computed_once() -> None:
    x, _ = table(0, (12, 12), 4)
    plan = planned((x + 1) @ (x + 1), (x + 1) @ (x + 1))
    assert len(plan.programs) == 2
    assert plan.outputs[0] == plan.outputs[1]


def test_a_reduction_that_meets_its_own_source_again_reads_it_twice_and_stores_nothing_large() -> None:
    x = stored((4000, 4000), (1000, 1000))
    plan = planned(((x - x.mean(axis=0)) ** 2).sum(axis=0))
    assert len(reads_of(plan.programs, "s")) == 2
    assert all(plan.arrays[name].nbytes < x.nbytes / 100 for name in plan.written)


# -- products


def test_what_follows_a_product_is_done_to_its_tile_before_it_is_stored() -> None:
    (x, a), (y, b) = table(0, (12, 8), 4), table(1, (8, 12), 4)
    out = (np.maximum(x @ y, 0) + 1).T
    assert len(planned(out).programs) == 1
    assert_same(out, (np.maximum(a @ b, 0) + 1).T)


def test_a_transposed_or_sliced_operand_costs_no_stage() -> None:
    x, values = table(0, (6, 9), 3)
    assert len(planned(x[1:].T @ x[:0:-1]).programs) == 1
    assert_same(x[1:].T @ x[:0:-1], values[1:].T @ values[:0:-1])


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_broadcast_operands_are_multiplied_whole(rows: int) -> None:
    x, values = table(0, (1, 4), 2)
    y, others = table(1, (4, 1), 3)
    ours, theirs = la.broadcast_to(x, (2, rows, 4)), np.broadcast_to(values, (2, rows, 4))
    assert_same(ours @ y, theirs @ others)
    assert_same(ours @ la.broadcast_to(y, (2, 4, 3)), theirs @ np.broadcast_to(others, (2, 4, 3)))
    assert_same(y @ la.broadcast_to(x[:, :1], (1, rows)), others @ np.broadcast_to(values[:, :1], (1, rows)))


# -- memory


@pytest.mark.parametrize("reduced", [lambda x: x.sum(), lambda x: (x + 1).mean(axis=0), lambda x: (x > 0).any(axis=1)])
@pytest.mark.parametrize("remote", [True, False])
def test_a_reduction_over_huge_chunks_is_cut_to_fit_the_memory(reduced: Any, remote: bool) -> None:
    plan = planned(reduced(stored((20_000, 20_000), (20_000, 20_000))), remote=remote)
    assert max(e.peak_bytes for e in plan.estimates) < 256 * MIB


def test_tiles_that_fit_are_not_cut_in_a_store() -> None:
    plan = planned(stored((8000, 8000), (2000, 2000)).sum(axis=0), workers=1000)
    assert plan.programs[0].task_count == 16


def test_chunks_that_are_encoded_are_not_cut_since_their_parts_cannot_be_read() -> None:
    with pytest.raises(MemoryLimitError, match="MiB"):
        planned(stored((20_000, 20_000), (20_000, 20_000), ("bytes", "crc32c")).sum())


def test_a_product_that_cannot_fit_says_what_it_needs_and_what_to_do() -> None:
    x = stored((20_000, 20_000), (20_000, 20_000))
    with pytest.raises(
        MemoryLimitError, match=r"matmul .* needs \d+ MiB a task .* has 512 MiB .* use chunks of at most"
    ):
        planned(x @ x)


def test_chunks_that_the_message_advises_do_fit() -> None:
    x = stored((20_000, 20_000), (20_000, 20_000))
    with pytest.raises(MemoryLimitError) as found:
        planned(x @ x)
    side = int(str(found.value).split("use chunks of at most (")[1].split(",")[0])
    planned(stored((20_000, 20_000), (side, side)) @ stored((20_000, 20_000), (side, side)))
