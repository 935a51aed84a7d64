"""The fused elementwise kernel: NumPy is the judge, bit for bit, whatever the blocks and the memory layout."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import elementwise, get, schedule
from lambdarray_kernels.blocks import SCRATCH_BYTES
from lambdarray_kernels.functions import find
from lambdarray_kernels.program import Iota, prepare

run = get("map").fn
UFUNCS = sorted(n for n in dir(np) if isinstance(u := getattr(np, n), np.ufunc) and u.signature is None and n != "_arg")
DTYPES = ["?", "i1", "u1", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", ">f8", "M8[s]", "m8[s]"]


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


def constant(value: Any) -> list[Any]:
    value = np.asarray(value)
    return ["c", value.dtype.str, value.tobytes().hex()]


def mended(name: str, given: Any, value: Any) -> Any:
    """NumPy's value, but for special cases as docs/decisions/special-cases.md says."""
    if name == "floor_divide" and value.dtype.kind == "f":
        return np.where(np.isinf(given[0]) | np.isinf(given[1]), np.floor(np.divide(*given)), value)
    if name == "expm1" and value.dtype.kind == "c":
        return np.where(~np.isfinite(given[0].real) | (given[0] == 0), np.exp(given[0]) - value.dtype.type(1), value)
    if name == "tanh" and value.dtype.kind == "c":
        infinite = np.isinf(given[0].real) & np.isfinite(given[0].imag)
        value.imag[infinite] = np.copysign(0, given[0].imag[infinite])
    return value


class Builder:
    """A program and, beside it, NumPy's values of all its registers.

    NumPy is given contiguous copies: what it makes of an array that runs backwards may differ in the last bit.
    """

    def __init__(self, *inputs: np.ndarray) -> None:
        self.inputs, self.values, self.code = inputs, [x.copy() for x in inputs], []

    def __repr__(self) -> str:
        inputs = [(x.dtype.str, x.shape, x.strides) for x in self.inputs]
        return f"Builder({inputs}, {self.code})"

    def ufunc(self, name: str, *args: Any) -> int:
        """Add a ufunc of registers (int) or of exact scalars (of a NumPy dtype); returns its first output."""
        fn = getattr(np, name)
        given = [self.values[a] if isinstance(a, int) else a for a in args]
        dtypes = fn.resolve_dtypes((*[g.dtype for g in given], *[None] * fn.nout))
        texts = [d.str for d in dtypes]
        named = [a if isinstance(a, int) else constant(a) for a in args]
        with np.errstate(all="ignore"):
            made = mended(name, given, fn(*given))
        self.code.append([name, named, texts[: fn.nin], texts[fn.nin :]])
        self.values += made if isinstance(made, tuple) else [made]
        return len(self.values) - fn.nout

    def call(self, name: str, args: list[Any], ins: list[str], out: str, value: Any) -> int:
        """Add a function whose value NumPy has another name for."""
        self.code.append([name, args, ins, [out]])
        self.values.append(value)
        return len(self.values) - 1

    def run(self, outputs: list[Any] | None = None, offset: int = 0, **params: Any) -> Any:
        """The kernel's results, for a block that begins at `offset` along each axis."""
        full = np.broadcast_shapes(*[v.shape for v in self.inputs])
        outputs = [[len(self.values) - 1, None]] if outputs is None else outputs
        block = [(offset, offset + n) for n in full]
        shape = [offset + n + 3 for n in full]
        return run(*self.inputs, code=self.code, outputs=outputs, block=block, shape=shape, **params)


def assert_same(got: np.ndarray, expected: Any, shape: tuple[int, ...] | None = None) -> None:
    """The same dtype, shape and values; zeros with the same sign, nan where there is nan."""
    expected = np.asarray(expected)
    expected = np.broadcast_to(expected, expected.shape if shape is None else shape)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)
    for part in (lambda a: a.real, lambda a: a.imag) if got.dtype.kind == "c" else (lambda a: a,):
        a, b = part(got), part(expected)
        if got.dtype.kind in "fc":
            zero = b == 0
            np.testing.assert_array_equal(np.signbit(a)[zero], np.signbit(b)[zero])


def sample(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Values of a dtype, with what is special about it among them."""
    rng, dt = np.random.default_rng(seed), np.dtype(dtype)
    size = int(np.prod(shape, dtype=int))
    if dt.kind in "mM":
        out = rng.integers(-50, 50, size).astype(dt)
        out[rng.random(size) < 0.1] = np.array("NaT", dt)
    elif dt.kind in "fc":
        out = (rng.standard_normal(size) * 3).astype(dt)
        if dt.kind == "c":
            out += (1j * rng.standard_normal(size)).astype(dt)
        for value in (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.0):
            out[rng.random(size) < 0.05] = value
    else:
        out = rng.integers(0 if dt.kind in "bu" else -5, 2 if dt.kind == "b" else 9, size).astype(dt)
    return out.reshape(shape)


LAYOUTS = ["C", "F", "strided", "reversed", "across"]


def laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    """The same values in another memory layout, read-only as a stored tile is."""
    if x.ndim == 0:
        out = np.array(x)
    elif layout == "F":
        out = np.asfortranarray(x)
    elif layout == "strided":
        base = np.zeros([2 * n for n in x.shape], x.dtype)
        out = base[(..., *[slice(None, None, 2)] * x.ndim)]
        out[...] = x
    elif layout == "reversed":
        out = np.asarray(np.flip(np.flip(x).copy()))
    elif layout == "across" and x.ndim > 1:
        out = np.ascontiguousarray(np.moveaxis(x, 0, 1)).swapaxes(0, 1)
    else:
        out = np.array(x)
    out = np.asarray(out).view()
    out.flags.writeable = False
    return out


shapes = st.lists(st.sampled_from([1, 2, 3, 5, 9, 17]), max_size=3).map(tuple)
# Not power and arctan2: of operands that are broadcast NumPy's own last bit depends on how it walks them.
CHAIN = ["add", "subtract", "multiply", "divide", "maximum", "hypot", "copysign", "less", "logaddexp", "fmod"]
SINGLE = ["sin", "exp", "absolute", "negative", "sqrt", "square", "isnan", "floor", "logical_not", "sign"]


@st.composite
def programs(draw: Any) -> tuple[Builder, list[int]]:
    """A program on inputs of any dtypes and layouts, some broadcast along some axes; and registers to return."""
    full = draw(shapes)
    inputs = []
    for seed in range(draw(st.integers(1, 3))):
        dtype = draw(st.sampled_from(["?", "i4", "u1", "i8", "f2", "f4", "f8", "c16", ">f8"]))
        shape = tuple(draw(st.sampled_from([n, n, 1])) for n in full) if seed else full
        inputs.append(laid_out(sample(dtype, shape, seed), draw(st.sampled_from(LAYOUTS))))
    builder = Builder(*inputs)
    for _ in range(draw(st.integers(1, 7))):
        name = draw(st.sampled_from(CHAIN + SINGLE))
        register = st.integers(0, len(builder.values) - 1)
        scalar = st.sampled_from([np.float64(2.0), np.float32(0.5), np.int64(3), np.float16(-1.5)])
        args = [draw(register), *([draw(register | scalar)] if name in CHAIN else [])]
        try:
            builder.ufunc(name, *args)
        except (TypeError, ValueError):
            continue
    chosen = draw(st.lists(st.integers(0, len(builder.values) - 1), min_size=1, max_size=3))
    return builder, chosen


@pytest.mark.parametrize("elements", [4, 16, 1 << 16])
@settings(max_examples=150, deadline=None)
@given(made=programs())
def test_a_program_gives_numpys_values_bit_for_bit(elements, made):
    builder, chosen = made
    full = builder.inputs[0].shape
    with blocks_of(elements):
        got = builder.run([[r, None] for r in chosen])
    for r, array in zip(chosen, got if len(chosen) > 1 else [got], strict=True):
        assert_same(array, builder.values[r], full)
        assert array.flags.c_contiguous


@pytest.mark.parametrize("elements", [4, 1 << 16])
@settings(max_examples=100, deadline=None)
@given(made=programs(), margin=st.sampled_from([0, 2]))
def test_a_result_is_made_in_the_memory_that_is_given_whatever_lies_beside_it(elements, made, margin):
    builder, _ = made
    with blocks_of(elements):
        expected = builder.run()
        base = np.full([n + margin for n in expected.shape], 7).astype(expected.dtype)
        out = base[(*(slice(n) for n in expected.shape), ...)]
        assert builder.run(out=out) is out
        assert_same(out, expected)
    out[...] = base.dtype.type(7)
    assert (base == base.dtype.type(7)).all()


def test_memory_of_another_shape_or_for_what_is_reduced_is_left_alone():
    builder, out = Builder(np.arange(12.0).reshape(3, 4)), np.full((3, 4), -1.0)
    last = builder.ufunc("negative", 0)
    total = {"kind": "sum", "axes": [0, 1], "dtype": "<f8"}
    assert builder.run([[last, total]], out=out).sum() == -66
    builder.run([[last, None], [last, total]], out=out)
    assert builder.run(out=np.full((4, 3), -1.0)).shape == (3, 4)
    assert (out == -1).all()


@pytest.mark.parametrize("name", UFUNCS)
def test_every_ufunc_gives_numpys_values_for_every_dtype(name):
    nin = getattr(np, name).nin
    ran = 0
    for dtype in DTYPES:
        for other in dict.fromkeys([dtype, "i8", "m8[s]"]) if nin == 2 else [dtype]:
            inputs = [sample(d, (7, 300), seed) for seed, d in enumerate([dtype, other][:nin])]
            if name in ("pow", "power", "float_power", "left_shift", "right_shift"):
                inputs = [np.abs(x) if x.dtype.kind == "i" else x for x in inputs]
            builder = Builder(*inputs)
            try:
                first = builder.ufunc(name, *range(nin))
            except TypeError:
                continue
            outs = range(first, first + getattr(np, name).nout)
            with blocks_of(64):
                got = builder.run([[r, None] for r in outs])
            for r, array in zip(outs, got if len(outs) > 1 else [got], strict=True):
                assert_same(array, builder.values[r])
            ran += 1
    assert ran


@pytest.mark.parametrize("layout", LAYOUTS)
def test_large_tiles_in_any_layout_agree_with_numpy(layout):
    x, y = (laid_out(sample("f8", (700, 513), s), layout) for s in (1, 2))
    builder = Builder(x, laid_out(sample("f8", (700, 513), 3), "C"), y)
    builder.ufunc("divide", builder.ufunc("subtract", builder.ufunc("sin", 0), 1), builder.ufunc("exp", 2))
    assert_same(builder.run(), builder.values[-1])


def test_a_matrix_plus_its_transpose_is_exact():
    a = sample("f8", (600, 600))
    builder = Builder(a, a.T)
    builder.ufunc("add", 0, 1)
    with np.errstate(invalid="ignore"):
        assert_same(builder.run(), a + a.T)


def test_three_axes_in_every_order_agree_with_numpy():
    a = sample("f8", (33, 41, 57))
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        x = np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order))
        builder = Builder(a, x)
        builder.ufunc("multiply", 0, 1)
        assert_same(builder.run(), a * x)


def test_the_square_by_power_equals_the_operator():
    x = sample("f8", (5000,))
    builder = Builder(x)
    builder.ufunc("power", 0, np.float64(2))
    assert_same(builder.run(), x**2)


@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "f4", "f8", "c8", "c16", "M8[ns]"])
def test_where_takes_either_value_exactly(dtype):
    c, x, y = sample("?", (50, 60)), sample(dtype, (50, 60), 1), sample(dtype, (1, 60), 2)
    builder = Builder(c, x, y)
    builder.call("where", [0, 1, 2], ["|b1", dtype, dtype], dtype, np.where(c, x, y))
    with blocks_of(64):
        assert_same(builder.run(), builder.values[-1])


def test_where_casts_its_arguments_to_the_result():
    c, x = sample("f8", (40,)), sample("i4", (40,))
    builder = Builder(c, x)
    builder.call("where", [0, 1, constant(np.float64(0.5))], ["|b1", "<f8", "<f8"], "<f8", np.where(c, x, 0.5))
    assert_same(builder.run(), builder.values[-1])


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", ["?", "i4", "f2", "f8", "c16"])
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_a_cast_is_astype(source, target):
    if np.dtype(source).kind in "mM":
        source, target = source, {"f8": "i8"}.get(target, "m8[ms]" if source[0] == "m" else "M8[ms]")
    x = sample(source, (9, 11))
    if np.dtype(source).kind in "fc" and target == "i4":
        x[~np.isfinite(x)] = 7
    with np.errstate(all="ignore"):
        expected = x.astype(target)
    builder = Builder(x)
    builder.call("cast", [0], [x.dtype.str], np.dtype(target).str, expected)
    assert_same(builder.run(), expected)


def test_losing_an_imaginary_part_gives_no_warning_in_a_task():
    z = np.array([1 + 2j, 3 - 1j])
    builder = Builder(z)
    builder.call("cast", [0], ["<c16"], "<f8", z.real)
    assert_same(builder.run(), z.real)


def test_floating_point_errors_pass_in_silence():
    builder = Builder(np.array([-1.0, 0.0]))
    builder.ufunc("log", 0)
    assert_same(builder.run(), [np.nan, -np.inf])


def test_parts_of_complex_numbers():
    z = sample("c16", (20, 30))
    builder = Builder(z)
    re = builder.call("real", [0], ["<c16"], "<f8", z.real)
    im = builder.call("imag", [0], ["<c16"], "<f8", z.imag)
    builder.ufunc("hypot", re, im)
    with blocks_of(32):
        got = builder.run([[re, None], [im, None], [im + 1, None]])
    for array, expected in zip(got, builder.values[re:], strict=True):
        assert_same(array, expected)


def test_parts_of_real_numbers_are_themselves_and_zero():
    x = np.array([1.5, -2.0])
    builder = Builder(x)
    builder.call("real", [0], ["<f8"], "<f8", x.real)
    builder.call("imag", [0], ["<f8"], "<f8", x.imag)
    re, im = builder.run([[1, None], [2, None]])
    assert_same(re, x)
    assert_same(im, [0.0, 0.0])


def test_round_takes_its_decimals():
    x = sample("f8", (100,))
    builder = Builder(x)
    builder.call("round", [0, constant(np.int64(1))], ["<f8", "<i8"], "<f8", np.round(x, 1))
    assert_same(builder.run(), np.round(x, 1))


def test_clip_between_arrays_and_scalars():
    x, low = sample("f8", (6, 7)), sample("f8", (1, 7), 5)
    builder = Builder(x, low)
    value = np.clip(x, low, 1.5)
    builder.call("clip", [0, 1, constant(np.float64(1.5))], ["<f8"] * 3, "<f8", value)
    assert_same(builder.run(), value)


def test_nan_to_num_with_and_without_values():
    x = sample("f8", (200,))
    builder = Builder(x)
    builder.call("nan_to_num", [0], ["<f8"], "<f8", np.nan_to_num(x))
    three = [constant(np.float64(v)) for v in (0.0, 1.0, -1.0)]
    value = np.nan_to_num(x, nan=0.0, posinf=1.0, neginf=-1.0)
    builder.call("nan_to_num", [0, *three], ["<f8"] * 4, "<f8", value)
    plain, given_values = builder.run([[1, None], [2, None]])
    assert_same(plain, builder.values[1])
    assert_same(given_values, value)


def test_complex_numbers_are_made_of_their_parts():
    x = sample("c16", (30, 4))
    builder = Builder(x.real.copy(), x.imag.copy())
    builder.call("complex", [0, 1], ["<f8", "<f8"], "<c16", x)
    assert_same(builder.run(), x)


def test_what_is_not_allowed_is_refused_by_the_task_that_finds_it():
    x, wrong = sample("f8", (30, 4)), np.zeros((30, 1), bool)
    builder = Builder(x, wrong)
    builder.call("refuse_all_nan", [0, 1], ["<f8", "|b1"], "<f8", x)
    assert_same(builder.run(), x)
    wrong[7] = True
    with pytest.raises(ValueError, match="All-NaN slice"):
        builder.run()


def test_fields_are_views_and_the_arrays_in_them_are_spread():
    kind = np.dtype([("n", "<i4"), ("m", "<f8", (2, 3))])
    x = np.zeros((5, 1), kind)
    x["n"], x["m"] = np.arange(5)[:, None], np.arange(30).reshape(5, 1, 2, 3)
    text = [["n", "<i4"], ["m", {"base": "<f8", "shape": [2, 3]}]]
    builder = Builder(x)
    builder.call("field.n", [0], [text], "<i4", x["n"])
    assert_same(builder.run(), x["n"])
    places = np.arange(6)[None]
    builder = Builder(x, places)
    builder.call("items.m", [0, 1], [text, "<i8"], "<f8", x["m"].reshape(5, 6))
    assert_same(builder.run(), x["m"].reshape(5, 6))


NAMED_BY_NUMPY = ("angle", "i0", "imag", "iscomplex", "isneginf", "isposinf", "isreal", "real", "sinc")


@pytest.mark.parametrize("name", NAMED_BY_NUMPY)
def test_every_other_function_agrees_with_numpy(name):
    x = sample("f8", (30, 4))
    with np.errstate(all="ignore"):
        value = getattr(np, name)(x)
    builder = Builder(x)
    builder.call(name, [0], ["<f8"], value.dtype.str, value)
    assert_same(builder.run(), value)


def test_special_functions_come_from_scipy():
    special = pytest.importorskip("scipy.special")
    x = np.linspace(0.1, 5, 1000).astype("f4")
    builder = Builder(x)
    builder.call("scipy.special.gammaln", [0], ["<f4"], "<f4", special.gammaln(x))
    builder.call("scipy.special.jv", [constant(np.float64(0.5)), 0], ["<f8", "<f8"], "<f8", special.jv(0.5, x))
    gamma, bessel = builder.run([[1, None], [2, None]])
    assert_same(gamma, special.gammaln(x))
    assert_same(bessel, special.jv(0.5, x.astype("f8")))


def test_a_loop_is_as_given_even_where_numpy_would_choose_another():
    x = np.array([1, 2, 3], "i4")
    builder = Builder(x)
    builder.call("sqrt", [0], ["<f4"], "<f4", np.sqrt(x, dtype="f4", casting="unsafe"))
    assert_same(builder.run(), builder.values[-1])


def test_times_agree_with_numpy():
    a, d = sample("M8[s]", (50,)), sample("m8[ms]", (50,), 3)
    builder = Builder(a, d)
    moved = builder.ufunc("add", 0, 1)
    builder.ufunc("subtract", moved, 0)
    with blocks_of(16):
        assert_same(builder.run(), (a + d) - a)


@pytest.mark.parametrize("dtype", ["i4", "i8", "f2", "f4", "f8", "c16", "M8[D]", "m8[s]"])
@pytest.mark.parametrize(("start", "step"), [(0, 1), (7, -3), (0.1, 0.3), (1e6, 0.7)])
def test_an_iota_is_arange(dtype, start, step):
    if np.dtype(dtype).kind in "imM":
        start, step = int(start), int(step) or 1
    if dtype == "f2":
        start = min(start, 10)
    count = 200
    kinds = {"M": ("M8[D]", "m8[D]"), "m": ("m8[s]", "m8[s]")}
    first, by = (np.dtype(dtype).kind in "mM" and kinds[dtype[0]]) or (None, None)
    if first:
        whole = np.array(start, first) + np.arange(count) * np.array(step, by)
    else:
        whole = np.arange(start, start + count * step, step)[:count] if dtype == "f8" else None
        whole = np.arange(start, start + (count - 0.5) * step, step, dtype=dtype) if whole is None else whole
    iota = Iota(0, start, step, np.dtype(dtype))
    for lo, hi in ((0, count), (0, 1), (1, 5), (60, 130)):
        assert_same(iota.values(lo, hi), whole[lo:hi].astype(dtype))


def test_an_iota_counts_along_its_axis_of_the_stage_not_of_the_tile():
    x = sample("f8", (6, 40))
    code = [["add", [0, ["i", 1, 0, 2, "<i8"]], ["<f8", "<f8"], ["<f8"]]]
    for elements in (16, 1 << 16):
        with blocks_of(elements):
            got = run(x, code=code, outputs=[[1, None]], block=[(3, 9), (100, 140)], shape=[10, 200])
        assert_same(got, x + np.arange(200, 280, 2))


def test_a_program_without_inputs_fills_its_block():
    code = [["add", [constant(np.float64(1)), constant(np.float64(2))], ["<f8"] * 2, ["<f8"]]]
    got = run(code=code, outputs=[[0, None]], block=[(5, 9), (0, 3)], shape=[10, 3])
    assert_same(got, np.full((4, 3), 3.0))


def test_axes_that_are_kept_have_length_one_whatever_the_block():
    row = np.arange(3.0).reshape(1, 3)
    code = [["negative", [0], ["<f8"], ["<f8"]]]
    kept = run(row, code=code, outputs=[[1, None]], block=[(0, 4), (0, 3)], shape=[4, 3], kept=[0])
    assert_same(kept, -row)
    spread = run(row, code=code, outputs=[[1, None]], block=[(0, 4), (0, 3)], shape=[4, 3])
    assert_same(spread, np.broadcast_to(-row, (4, 3)))


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4, 1), ()])
def test_tiles_of_no_elements_and_of_no_axes(shape):
    builder = Builder(np.ones(shape))
    builder.ufunc("exp", 0)
    assert_same(builder.run(), np.exp(np.ones(shape)))


def test_results_are_never_the_memory_of_an_input():
    x = np.arange(4.0)
    builder = Builder(x)
    first, second = builder.run([[0, None], [0, None]])
    assert not np.shares_memory(first, x)
    assert not np.shares_memory(first, second)
    assert_same(second, x)


def test_a_chain_needs_two_buffers_however_long_it_is():
    x = np.ones(100)
    builder = Builder(x)
    register = 0
    for _ in range(10):
        register = builder.ufunc("add", builder.ufunc("sin", register), builder.ufunc("cos", register))
    program = prepare(builder.code, [[register, {"kind": "sum", "axes": [0], "dtype": "<f8"}]], [x.dtype])
    assert len(schedule.lay_out(program, (100,), [x]).buffers) <= 3


def test_what_is_broadcast_is_computed_once():
    x, row = np.ones((100, 100)), np.ones((1, 100))
    builder = Builder(x, row)
    builder.ufunc("add", 0, builder.ufunc("sin", 1))
    laid = schedule.lay_out(prepare(builder.code, [[3, None]], [x.dtype] * 2), (100, 100), [x, row])
    assert (len(laid.once), len(laid.steps)) == (1, 1)


def test_short_rows_are_repeated_to_the_same_values():
    for dtype in ("f4", "f8", "c16"):
        x, row = sample(dtype, (5000, 3)), sample(dtype, (1, 3), 1)
        builder = Builder(x, row)
        builder.ufunc("multiply", builder.ufunc("subtract", 0, 1), builder.ufunc("square", 1))
        assert_same(builder.run(), builder.values[-1])


def test_contiguous_tiles_are_walked_as_one_axis():
    x = np.ones((10, 20, 30))
    builder = Builder(x, x)
    builder.ufunc("add", 0, 1)
    laid = schedule.lay_out(prepare(builder.code, [[2, None]], [x.dtype] * 2), x.shape, [x, x])
    assert laid.frame.shape == (6000,)


def test_the_same_tile_gives_the_same_bits_on_every_thread():
    x = sample("f8", (300, 301))
    builder = Builder(x)
    builder.ufunc("sin", 0)
    outputs = [[1, None], [1, {"kind": "sum", "axes": [1], "dtype": "<f8"}]]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: builder.run(outputs), range(16)))
    assert len({tuple(r.tobytes() for r in result) for result in results}) == 1


def test_predicates_are_right_where_their_output_is_one_column():
    x = sample("f8", (1000, 5))
    builder = Builder(x, np.asfortranarray(x))
    builder.ufunc("isnan", 1)
    for elements in (4, 64):
        with blocks_of(elements):
            assert_same(builder.run(), np.isnan(x))


def test_complex_products_are_those_of_whole_arrays_even_in_blocks_of_one_element():
    z, w = sample("c16", (200,)), sample("c16", (200,), 1)
    builder = Builder(z, w)
    builder.ufunc("square", builder.ufunc("multiply", builder.ufunc("add", 0, 1), 1))
    with blocks_of(1):
        assert_same(builder.run(), builder.values[-1])


def test_values_do_not_depend_on_the_direction_of_memory():
    x = sample("f8", (50, 40))
    for name in ("exp", "arccos", "tan", "log1p"):
        forward, backward = Builder(x), Builder(x[::-1, ::-1])
        forward.ufunc(name, 0)
        backward.ufunc(name, 0)
        assert_same(backward.run(), forward.run()[::-1, ::-1])


def test_an_unknown_function_is_a_key_error_that_names_it():
    with pytest.raises(KeyError, match="no elementwise function 'matmul'"):
        find("matmul", [], [], [])
    with pytest.raises(KeyError, match=r"scipy\.special\.nothing"):
        find("scipy.special.nothing", [], [], [])


def test_programs_that_differ_are_never_mistaken_for_each_other():
    x = np.arange(3.0)
    for k in range(600):
        code = [["add", [0, constant(np.float64(k))], ["<f8"] * 2, ["<f8"]]]
        got = run(x, code=code, outputs=[[1, None]], block=[(0, 3)], shape=[3])
        assert_same(got, x + k)


def test_a_long_chain_needs_little_memory_beyond_its_result():
    x = np.ones((2000, 500))
    builder = Builder(x, np.asfortranarray(x))
    register = 0
    for name in ("sin", "cos", "exp") * 3:
        register = builder.ufunc("add", builder.ufunc(name, register), 1)
    for outputs, result in (
        ([[register, None]], x.nbytes),
        ([[register, {"kind": "var", "axes": [0], "dtype": "<f8"}]], 0),
    ):
        builder.run(outputs)
        tracemalloc.start()
        builder.run(outputs)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= result + 2 * SCRATCH_BYTES


def test_records_are_copied_whole():
    pairs = np.zeros((4, 3), [("n", "<i8"), ("sum", "<f8")])
    pairs["n"] = 7
    fields = [["n", "<i8"], ["sum", "<f8"]]
    builder = Builder(pairs)
    builder.call("copy", [0], [fields], fields, pairs)
    np.testing.assert_array_equal(builder.run(), pairs)


def test_flops_are_elements_times_instructions():
    code = [["sin", [0], ["<f8"], ["<f8"]], ["add", [0, 1], ["<f8"] * 2, ["<f8"]]]
    outputs = [[2, {"kind": "sum", "axes": [0], "dtype": "<f8"}]]
    assert get("map").flops((10, 4), code=code, outputs=outputs) == 120
    assert get("map").flops((10, 1), code=code, outputs=outputs, block=[(0, 10), (5, 9)]) == 120
