"""Reductions in parts: blocks of tiles to partials, partials to one, that to NumPy's result."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import elementwise, get, schedule
from lambdarray_kernels.reductions import combine, finish, partial_dtype

run = get("map").fn
EXACT = ["min", "max", "any", "all", "argmin", "argmax"]
ROUNDED = ["sum", "prod", "mean", "var", "std"]


@contextmanager
def blocks_of(elements: int) -> Iterator[None]:
    """Blocks of so few elements that a small tile has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "MIN_ELEMENTS", elements)
        patch.setattr(schedule, "MAX_ELEMENTS", elements)
        patch.setattr(schedule, "LONE_ELEMENTS", elements)
        patch.setattr("lambdarray_kernels.blocks.ROW", 4)
        patch.setattr(schedule, "SHRINK", 4)
        patch.setattr(schedule, "SHRINK_MORE", 4)
        elementwise._schedules.clear()
        yield
    elementwise._schedules.clear()


def numpys(x: np.ndarray, kind: str, axes: Sequence[int], **params: Any) -> Any:
    """NumPy's result, with its axes kept; of argmin and argmax that over axes flattened in C order."""
    with np.errstate(all="ignore"):
        if not kind.startswith("arg"):
            return getattr(np, kind)(x, axis=tuple(axes), keepdims=True, **params)
        rest = [d for d in range(x.ndim) if d not in axes]
        flat = x.transpose(rest + list(axes)).reshape([x.shape[d] for d in rest] + [-1])
        shape = [1 if d in axes else n for d, n in enumerate(x.shape)]
        return np.asarray(getattr(np, kind)(flat, axis=-1)).reshape(shape)


def spec(kind: str, axes: Sequence[int], dtype: np.dtype) -> dict[str, Any]:
    return {"kind": kind, "axes": list(axes), "dtype": dtype.str}


def partials(x: np.ndarray, how: dict[str, Any], bounds: Sequence[Sequence[int]]) -> np.ndarray:
    """The partials of all tiles, one element for each tile along a reduced axis."""
    pieces = [list(itertools.pairwise(b)) for b in bounds]
    counts = tuple(len(p) if d in how["axes"] else n for d, (n, p) in enumerate(zip(x.shape, pieces, strict=True)))
    dtype = partial_dtype(how["kind"], x.dtype, how["dtype"])
    out = np.empty(counts, dtype)
    for tile in itertools.product(*[range(len(p)) for p in pieces]):
        block = [p[i] for p, i in zip(pieces, tile, strict=True)]
        part = run(x[tuple(slice(*b) for b in block)], code=[], outputs=[[0, how]], block=block, shape=x.shape)
        assert part.dtype == dtype
        at = [slice(i, i + 1) if d in how["axes"] else slice(*block[d]) for d, i in enumerate(tile)]
        out[(*at, ...)] = part
    return out


def reduce(x: np.ndarray, kind: str, axes: Sequence[int], bounds: Any = None, ddof: float = 0) -> np.ndarray:
    """The whole way: tiles with these boundaries to NumPy's result."""
    expected = np.asarray(numpys(x, kind, axes))
    bounds = [[0, n] for n in x.shape] if bounds is None else bounds
    part = combine(partials(x, spec(kind, axes, expected.dtype), bounds), kind=kind, axes=axes)
    return finish(part, kind=kind, dtype=expected.dtype.str, ddof=ddof)


def assert_close(got: np.ndarray, x: np.ndarray, kind: str, axes: Sequence[int]) -> None:
    """NumPy's result: exactly, or within some roundings of the sum of magnitudes where it is rounded."""
    expected = np.asarray(numpys(x, kind, axes))
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    if kind in EXACT or got.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, expected)
        return
    scale = np.abs(x.astype("c16" if x.dtype.kind == "c" else "f8"))
    size = numpys(scale, {"prod": "prod", "var": "max", "std": "max"}.get(kind, kind), axes)
    size = size**2 if kind == "var" else size
    eps = np.finfo(got.dtype).eps
    if kind == "prod":  # an error for each factor
        eps *= math.prod(x.shape[a] for a in axes)
    with np.errstate(all="ignore"):
        error = np.abs(got.astype("c16") - expected.astype("c16"))
        close = (error <= 40 * eps * size) | (got == expected) | (np.isnan(got) & np.isnan(expected))
    if kind == "prod" and got.dtype.kind == "c":  # whether inf or nan depends on the order
        close |= ~np.isfinite(got) & ~np.isfinite(expected)
    assert close.all(), (got, expected)


def sample(dtype: str, shape: Sequence[int], seed: int, special: bool) -> np.ndarray:
    rng, dt = np.random.default_rng(seed), np.dtype(dtype)
    if dt.kind in "mM":
        out = rng.integers(-50, 50, shape).astype(dt)
        if special:
            out[rng.random(shape) < 0.1] = np.array("NaT", dt)
        return out
    if dt.kind not in "fc":
        return rng.integers(0 if dt.kind in "bu" else -5, 2 if dt.kind == "b" else 9, shape).astype(dt)
    out = (rng.integers(-4, 5, shape) / 2 + rng.standard_normal(shape).round(2)).astype(dt)
    if dt.kind == "c":
        out += (1j * rng.integers(-2, 3, shape)).astype(dt)
    for value in (np.nan, np.inf, -np.inf, -0.0) if special else ():
        out[rng.random(shape) < 0.02] = value
    return out


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, list[int], list[list[int]]]:
    """An array in any layout, axes to reduce, and boundaries of tiles, some of which may be empty."""
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 5, 8, 17]), min_size=1, max_size=3)))
    dtype = draw(st.sampled_from(["?", "i1", "u4", "i8", "f2", "f4", "f8", "c8", "c16", ">f8"]))
    x = sample(dtype, shape, draw(st.integers(0, 99)), draw(st.booleans()))
    layout = draw(st.sampled_from(["C", "F", "reversed", "strided"]))
    if layout == "F":
        x = np.asfortranarray(x)
    elif layout == "reversed":
        x = np.flip(np.flip(x).copy())
    elif layout == "strided":
        x = np.repeat(x, 2, axis=-1)[..., ::2]
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True).map(sorted))
    bounds = [sorted([0, n, *draw(st.lists(st.integers(0, n), max_size=2))]) for n in shape]
    return x, axes, [b if d in axes else sorted(set(b)) for d, b in enumerate(bounds)]


@pytest.mark.parametrize("kind", sorted(EXACT + ROUNDED))
@settings(max_examples=60)
@given(case=cases(), elements=st.sampled_from([2, 16, 1 << 16]))
def test_tiles_reduce_to_numpys_result(kind, case, elements):
    x, axes, bounds = case
    with blocks_of(elements):
        got = reduce(x, kind, axes, bounds)
    assert_close(got, x, kind, axes)


ORDERED = ["min", "max", "argmin", "argmax"]


@pytest.mark.parametrize(
    ("dtype", "kind"), [("M8[s]", k) for k in ORDERED] + [("m8[s]", k) for k in [*ORDERED, "sum", "mean"]]
)
@pytest.mark.parametrize("special", [False, True])
def test_times_reduce_as_in_numpy(kind, dtype, special):
    x = sample(dtype, (6, 11), 3, special)
    for axes in ([0], [1], [0, 1]):
        with blocks_of(8):
            got = reduce(x, kind, axes, [[0, 4, 6], [0, 5, 11]])
        np.testing.assert_array_equal(got, numpys(x, kind, axes))
        assert got.dtype == numpys(x, kind, axes).dtype


@pytest.mark.parametrize("kind", sorted(EXACT + ROUNDED))
@pytest.mark.parametrize("shape", [(700, 900), (900, 3), (3, 100_000), (40, 50, 60)])
def test_tiles_of_many_blocks_reduce_to_numpys_result(kind, shape):
    x = sample("f8", shape, 1, False)
    if kind == "prod":
        x = 1 + x / 1e6
    for count in range(1, len(shape) + 1):
        for axes in itertools.combinations(range(len(shape)), count):
            assert_close(reduce(x, kind, axes), x, kind, axes)
            assert_close(reduce(np.asfortranarray(x), kind, axes), x, kind, axes)


def test_several_reductions_and_the_whole_result_come_from_one_walk():
    x, y = np.random.default_rng(0).standard_normal((2, 200, 300))
    code = [["multiply", [0, 1], ["<f8"] * 2, ["<f8"]]]
    f8, i8 = np.dtype("f8"), np.dtype("i8")
    outputs = [[2, None], [2, spec("sum", [0], f8)], [2, spec("max", [1], f8)], [0, spec("argmax", [0, 1], i8)]]
    z, total, highest, place = run(x, y, code=code, outputs=outputs, block=[(0, 200), (0, 300)], shape=[200, 300])
    np.testing.assert_array_equal(z, x * y)
    np.testing.assert_allclose(total, (x * y).sum(0, keepdims=True), atol=1e-12)
    np.testing.assert_array_equal(highest, (x * y).max(1, keepdims=True))
    assert place["index"] == x.argmax()


def test_what_is_broadcast_counts_as_often_as_it_is_repeated():
    row = np.arange(3.0).reshape(1, 3)
    whole = {"block": [(0, 5), (0, 3)], "shape": [5, 3], "code": []}
    total = run(row, outputs=[[0, spec("sum", [0, 1], row.dtype)]], **whole)
    assert total == 15
    mean = run(row, outputs=[[0, spec("mean", [0], row.dtype)]], **whole)
    assert mean["n"].tolist() == [[5, 5, 5]]


def test_a_constant_is_summed_over_its_block():
    one = ["c", "<f8", np.float64(1).tobytes().hex()]
    code = [["add", [one, one], ["<f8"] * 2, ["<f8"]]]
    how = spec("sum", [0, 1], np.dtype("f8"))
    total = run(code=code, outputs=[[0, how]], block=[(0, 100), (100, 200)], shape=[100, 300])
    assert total.tolist() == [[20_000.0]]


@pytest.mark.parametrize(("kind", "pick"), [("argmin", np.argmin), ("argmax", np.argmax)])
def test_of_equal_values_the_first_in_c_order_wins_across_tiles(kind, pick):
    x = np.zeros((4, 6))
    x[1, 5] = x[2, 0] = x[3, 3] = -1 if kind == "argmin" else 1
    got = reduce(x, kind, [0, 1], [[0, 2, 4], [0, 3, 6]])
    assert got.item() == pick(x) == 11


@pytest.mark.parametrize("kind", ["argmin", "argmax"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_the_first_nan_wins_across_tiles(kind, dtype):
    x = np.arange(24.0).reshape(4, 6).astype(dtype)
    x[3, 0] = x[1, 4] = np.nan
    for bounds in ([[0, 4], [0, 6]], [[0, 2, 4], [0, 3, 6]]):
        assert reduce(x, kind, [0, 1], bounds).item() == 10


@pytest.mark.parametrize("kind", ["min", "max"])
def test_nan_wins_over_every_value_whichever_tile_it_is_in(kind):
    for at in range(6):
        x = np.arange(6.0)
        x[at] = np.nan
        assert np.isnan(reduce(x, kind, [0], [[0, 2, 4, 6]])).all()


@pytest.mark.parametrize("ddof", [0, 1, 0.5, 4, 9])
@pytest.mark.parametrize("kind", ["var", "std"])
def test_ddof_is_numpys_even_where_nothing_is_left(kind, ddof):
    x = np.array([[1.0, 2.0, 4.0, 8.0], [3.0, 3.0, 3.0, 3.0]])
    with np.errstate(all="ignore"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        expected = getattr(np, kind)(x, axis=1, keepdims=True, ddof=ddof)
    np.testing.assert_allclose(reduce(x, kind, [1], [[0, 2], [0, 1, 4]], ddof), expected, rtol=1e-14)


@pytest.mark.parametrize("kind", sorted(EXACT + ROUNDED))
def test_a_tile_of_no_elements_changes_nothing(kind):
    x = sample("f8", (5, 3), 0, False)
    whole = reduce(x, kind, [0])
    np.testing.assert_array_equal(reduce(x, kind, [0], [[0, 0, 5, 5], [0, 3]]), whole)


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "f2", "f8", "c16", "M8[s]", "m8[s]"])
@pytest.mark.parametrize("kind", ["min", "max", "argmin", "argmax"])
def test_the_neutral_partial_loses_to_every_value(kind, dtype):
    x = sample(dtype, (4,), 2, False)
    np.testing.assert_array_equal(reduce(x, kind, [0], [[0, 0, 4, 4]]), numpys(x, kind, [0]))


def test_short_rows_are_summed_with_smaller_errors_than_numpys():
    x = np.random.default_rng(2).random((300_001, 3)).astype("f4")
    exact = x.sum(0, dtype="f8", keepdims=True)
    ours = np.abs(reduce(x, "sum", [0]) - exact).max()
    assert ours <= np.abs(x.sum(0, keepdims=True) - exact).max() / 10


@pytest.mark.parametrize(("kind", "expected"), [("sum", 0.0), ("prod", 1.0), ("mean", np.nan), ("var", np.nan)])
def test_an_empty_axis_gives_the_identity_or_nan(kind, expected):
    part = run(
        np.ones((0, 2)), code=[], outputs=[[0, spec(kind, [0], np.dtype("f8"))]], block=[(0, 0), (0, 2)], shape=[0, 2]
    )
    np.testing.assert_array_equal(finish(part, kind=kind, dtype="<f8"), [[expected, expected]])


def test_the_error_of_a_sum_is_no_greater_than_numpys():
    rng = np.random.default_rng(5)
    for dtype in ("f4", "f8"):
        x = rng.random(3_000_001).astype(dtype)
        exact = math.fsum(x.tolist())
        ours = abs(float(reduce(x, "sum", [0], [[0, 10**6, x.size]])[0]) - exact)
        assert ours <= max(abs(float(x.sum()) - exact), np.spacing(np.dtype(dtype).type(exact)))


def test_many_equal_single_precision_numbers_do_not_stall_their_sum():
    x = np.ones((1 << 22, 5), "f4") / np.float32(3)
    got = reduce(x, "sum", [0], [[0, 1 << 21, 1 << 22], [0, 5]])
    np.testing.assert_allclose(got, x.sum(0, dtype="f8", keepdims=True), rtol=1e-4)


@pytest.mark.parametrize("axes", [[0], [1], [0, 1]])
@pytest.mark.parametrize("bounds", [[[0, 300], [0, 400]], [[0, 100, 300], [0, 250, 400]]])
def test_a_variance_far_from_zero_keeps_its_digits(axes, bounds):
    rng = np.random.default_rng(1)
    x = 1e9 + rng.standard_normal((300, 400))
    exact = (x - 1e9).var(axis=tuple(axes), keepdims=True)
    with blocks_of(4096):
        got = reduce(x, "var", axes, bounds)
    np.testing.assert_allclose(got, exact, rtol=1e-12)


def test_a_variance_of_a_trend_keeps_its_digits():
    x = np.arange(200_000) * 1e3 + 1e6
    values = [Fraction(v) for v in x]
    mean = sum(values) / len(values)
    exact = float(sum((v - mean) ** 2 for v in values) / len(values))
    np.testing.assert_allclose(reduce(x, "var", [0], [[0, 70_000, 200_000]]), exact, rtol=1e-14)


def test_half_precision_is_summed_in_single():
    x = np.full(100_000, 0.1, "f2")
    np.testing.assert_allclose(reduce(x, "mean", [0]).astype("f8"), float(np.float16(0.1)), rtol=1e-6)


def test_integers_wrap_as_in_numpy():
    x = np.full(10, 2**62, "i8")
    np.testing.assert_array_equal(reduce(x, "sum", [0], [[0, 3, 10]]), numpys(x, "sum", [0]))


@pytest.mark.parametrize("kind", sorted(EXACT + ROUNDED))
def test_partials_combine_in_any_grouping(kind):
    x = sample("f8", (12, 3), 4, False)
    expected = np.asarray(numpys(x, kind, [0]))
    how = spec(kind, [0], expected.dtype)
    parts = partials(x, how, [[0, 2, 5, 6, 9, 12], [0, 3]])
    grouped = None
    for i in range(0, 5, 2):  # as the steps of a loop do it: the accumulator first, None to begin with
        grouped = combine(grouped, parts[i : i + 2], kind=kind, axes=[0])
    got = finish(grouped, kind=kind, dtype=expected.dtype.str)
    assert_close(got, x, kind, [0])


def test_partials_are_as_declared():
    assert partial_dtype("sum", "i4", "i8") == np.dtype("i8")
    assert partial_dtype("sum", "f4", "f4") == np.dtype("f8")
    assert partial_dtype("mean", "f4", "f4") == np.dtype([("n", "<i8"), ("sum", "<f8")])
    assert partial_dtype("var", "c8", "f4") == np.dtype(
        [("n", "<i8"), ("mean", "<c16"), ("rest", "<c16"), ("m2", "<f8")]
    )
    assert partial_dtype("argmin", "i2", "i8") == np.dtype([("value", "i2"), ("index", "<i8")])
    assert partial_dtype("any", "f8", "?") == np.dtype("?")


def test_flops_are_the_elements_read():
    assert get("combine").flops((8, 4), kind="sum", axes=[0]) == 32
    assert get("finish").flops((1, 4), kind="sum", dtype="<f8") == 4
