from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambdarray_kernels import blas, get
from lambdarray_kernels.products import gemm, gemm_flops
from numpy.testing import assert_allclose, assert_array_equal

BLAS_DTYPES = ["f4", "f8", "c8", "c16"]
OTHER_DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "g", "G", ">f8", ">i4"]
LAYOUTS = ["C", "F", "rows", "columns", "both", "reversed", "read-only", "broadcast"]


def values(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.3
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype.newbyteorder("="), endpoint=True).astype(dtype)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype.kind == "c" else x).astype(dtype)


def laid_out(x, layout):
    """The same values in another memory order."""
    m, n = x.shape[-2:]
    if layout == "F":
        return np.ascontiguousarray(x.swapaxes(-1, -2)).swapaxes(-1, -2)
    if layout in ("rows", "columns", "both"):
        step_m, step_n = 1 + (layout != "columns"), 1 + (layout != "rows")
        base = np.zeros((*x.shape[:-2], m * step_m, n * step_n), x.dtype)
        base[..., ::step_m, ::step_n] = x
        return base[..., ::step_m, ::step_n]
    if layout == "reversed":
        return x[..., ::-1, ::-1].copy()[..., ::-1, ::-1]
    if layout == "read-only":
        x = x.copy()
        x.flags.writeable = False
    return x


def close(actual, expected):
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    if expected.dtype.kind in "biu":
        assert_array_equal(actual, expected)
    else:
        eps = float(np.finfo(expected.dtype).eps)
        assert_allclose(actual, expected, rtol=50 * eps, atol=50 * eps * max(1.0, float(abs(expected).max(initial=0))))


@pytest.mark.parametrize("dtype", BLAS_DTYPES + OTHER_DTYPES)
@pytest.mark.parametrize("shapes", [((5, 7), (7, 3)), ((1, 9), (9, 80)), ((80, 9), (9, 1)), ((70, 20), (20, 90))])
def test_a_product_and_its_accumulation_are_numpys(dtype, shapes):
    a, b = values(shapes[0], dtype), values(shapes[1], dtype, 1)
    product = gemm(None, a, b)
    close(product, a @ b)
    again = product.copy()
    result = gemm(again, a, b)
    assert result is again
    close(result, product + a @ b)


@pytest.mark.parametrize("layout_b", LAYOUTS)
@pytest.mark.parametrize("layout_a", LAYOUTS)
@pytest.mark.parametrize("dtype", ["f8", "c8", "i8"])
def test_every_memory_order_gives_the_same_values(dtype, layout_a, layout_b):
    a, b = values((66, 21), dtype), values((21, 65), dtype, 1)
    if layout_a == "broadcast":
        a = np.broadcast_to(a[:1], a.shape)
    if layout_b == "broadcast":
        b = np.broadcast_to(b[:, :1], b.shape)
    c = values((66, 65), dtype, 2)
    expected = c + a @ b
    close(gemm(c, laid_out(a, layout_a), laid_out(b, layout_b)), expected)


@given(
    m=st.integers(0, 70), k=st.integers(0, 20), n=st.integers(0, 70),
    dtype=st.sampled_from([*BLAS_DTYPES, "i8", "?"]), layouts=st.tuples(*[st.sampled_from(LAYOUTS[:-1])] * 2),
)  # fmt: skip
def test_every_size_is_numpys(m, k, n, dtype, layouts):
    a, b = values((m, k), dtype), values((k, n), dtype, 1)
    close(gemm(None, laid_out(a, layouts[0]), laid_out(b, layouts[1])), a @ b)
    c = values((m, n), dtype, 2)
    close(gemm(c.copy(), laid_out(a, layouts[0]), laid_out(b, layouts[1])), c + a @ b)


@pytest.mark.parametrize("dtype", ["f8", "c16", "i4", "?"])
@pytest.mark.parametrize(
    "batches", [((3,), (3,)), ((2, 1), (3,)), ((), (4,)), ((4,), ()), ((0,), (1,)), ((2, 3), (2, 3))]
)
@pytest.mark.parametrize("size", [3, 67])
def test_batch_axes_broadcast(dtype, batches, size):
    a = values((*batches[0], size, 5), dtype)
    b = values((*batches[1], 5, size), dtype, 1)
    product = gemm(None, a, b)
    close(product, a @ b)
    close(gemm(product.copy(), a, b), product + a @ b)


def test_many_small_matrices_accumulate_in_groups(monkeypatch):
    monkeypatch.setattr("lambdarray_kernels.products.ROWS", 1)
    a, b = values((2, 50, 3, 4), "f8"), values((50, 4, 5), "f8", 1)
    c = np.ones((2, 50, 3, 5))
    close(gemm(c, a, b), 1 + a @ b)


@pytest.mark.parametrize("size", [3, 20, 64, 100])
@pytest.mark.parametrize("dtype", BLAS_DTYPES)
@pytest.mark.parametrize("start", [None, "ones"])
def test_no_bit_tells_whether_two_tiles_share_memory(size, dtype, start):
    a = values((size, size), dtype)
    shared, apart = (gemm(None if start is None else np.ones((size, size), dtype), a, b.T) for b in (a, a.copy()))
    assert_array_equal(shared, apart)


def test_inputs_are_cast_to_the_dtype_asked_for():
    a, b = values((70, 9), "f4"), values((9, 70), "i2", 1)
    close(gemm(None, a, b, dtype="<f8"), a.astype("f8") @ b.astype("f8"))
    close(gemm(None, a, b), a @ b)


def test_an_empty_contraction_is_zeros_and_leaves_an_accumulator():
    assert_array_equal(gemm(None, np.ones((3, 0)), np.ones((0, 2))), np.zeros((3, 2)))
    assert_array_equal(gemm(np.ones((3, 2)), np.ones((3, 0)), np.ones((0, 2))), np.ones((3, 2)))


@pytest.mark.parametrize("dtype", BLAS_DTYPES)
def test_what_was_in_new_memory_never_matters(dtype):
    a, b = values((80, 5), dtype), values((5, 80), dtype, 1)
    c = np.full((80, 80), np.nan, dtype)
    assert blas.accumulate(c, a, b, 0)
    close(c, a @ b)


@pytest.mark.parametrize("dtype", ["i8", "u8", "i4"])
@pytest.mark.parametrize("largest", [1, 2**10, 2**22, 2**31 - 1])
def test_integers_of_any_size_wrap_as_numpys_do(dtype, largest, monkeypatch):
    for name in ("ROWS", "COLUMNS", "DEPTH"):
        monkeypatch.setattr(f"lambdarray_kernels.products.{name}", 40)
    rng = np.random.default_rng(3)
    lowest = 0 if dtype == "u8" else -largest
    a, b = (rng.integers(lowest, largest, (130, 130), endpoint=True).astype(dtype) for _ in "ab")
    close(gemm(None, a, b), a @ b)


def test_sums_at_the_limit_of_exactness_are_exact():
    # The largest sums that float64 holds exactly, and the next size up, which it does not.
    for largest in (2**23, 2**24 + 1, 2**26 + 1):
        a = np.full((70, 200), largest, np.int64)
        close(gemm(None, a, a.T.copy()), a @ a.T)


def test_float16_is_summed_in_float32():
    a = np.full((70, 4096), 1.0, np.float16)
    close(gemm(None, a, np.ones((4096, 70), np.float16)), np.full((70, 70), 4096.0, np.float16))


@pytest.mark.parametrize("dtype", BLAS_DTYPES)
def test_without_a_blas_numpy_serves(dtype, monkeypatch):
    monkeypatch.setattr(blas, "find_gemm", lambda char: None)
    a, b = values((70, 9), dtype), values((9, 70), dtype, 1)
    product = gemm(None, a, b)
    close(product, a @ b)
    close(gemm(product.copy(), a, b), product + a @ b)


def test_the_blas_of_numpy_is_found_for_every_dtype():
    for char in blas.LETTERS:
        assert blas.find_gemm(char) is not None, "no CBLAS behind NumPy: gemm runs by np.matmul"


@pytest.mark.parametrize("start", [None, 0])
def test_an_accumulation_makes_no_temporary(start):
    a, b, c = np.ones((600, 600)), np.ones((600, 600)).T, np.zeros((600, 600))
    gemm(c, a, b)
    tracemalloc.start()
    gemm(c, a, b)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < c.nbytes / 20


def test_threads_may_multiply_at_once():
    a, b = values((200, 200), "f8"), values((200, 200), "f8", 1)
    made = [np.zeros((200, 200)) for _ in range(4)]
    threads = [threading.Thread(target=lambda c=c: [gemm(c, a, b) for _ in range(5)]) for c in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for c in made:
        close(c, 5 * (a @ b))


def test_what_does_not_fit_is_an_error_with_the_shapes():
    with pytest.raises(ValueError, match="inner sizes 3 and 4"):
        gemm(None, np.ones((2, 3)), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"c is float64 \(2, 3\)"):
        gemm(np.ones((2, 3)), np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="must be writable, its rows contiguous"):
        gemm(np.ones((2, 2), order="F"), np.ones((2, 3)), np.ones((3, 2)))
    c = np.ones((2, 2))
    c.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        gemm(c, np.ones((2, 3)), np.ones((3, 2)))


def test_flops_count_multiplications_and_additions():
    assert gemm_flops(None, (2, 3, 4), (4, 5)) == 2 * 2 * 3 * 4 * 5
    assert gemm_flops((3, 5), (3, 4), (4, 5), dtype="<c16") == 8 * 3 * 4 * 5
    assert get("gemm").uses_blas
