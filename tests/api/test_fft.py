"""Transforms are NumPy's, whatever the chunks, and whether lines are whole, in four steps, or convolutions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api import transforms
from tests.judge import arrays, assert_same, judge

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
MANY = ("fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn")
NORMS = (None, "backward", "ortho", "forward")
FLOATS = ("f4", "f8", "c8", "c16", "i4", "?")


def modest():
    return settings(max_examples=25, deadline=None)


@pytest.fixture(params=["four steps", "convolution"])
def long(request, monkeypatch):
    """Every line counts as long; with convolutions only rows of powers of two do not."""
    monkeypatch.setattr(transforms, "MOST_LINE_BYTES", 0)
    monkeypatch.setattr(transforms, "MOST_ROW", 1 if request.param == "convolution" else 1000)


def defined(kind, pair):
    """Not the real transforms of no elements: NumPy's value is whatever lies in its memory."""
    return kind not in ("irfft", "hfft", "irfft2", "irfftn") or 0 not in pair[1].shape


@pytest.mark.parametrize("kind", ONE)
@given(arrays(dtypes=FLOATS, min_dims=1), st.data())
@modest()
def test_a_transform_along_an_axis_is_numpys(kind, pair, data):
    axis = data.draw(st.integers(-pair[1].ndim, pair[1].ndim - 1))
    n, norm = data.draw(st.sampled_from([None, 1, 2, 5, 9, 12])), data.draw(st.sampled_from(NORMS))
    assume(defined(kind, pair))
    judge(lambda x: getattr(np.fft, kind)(x, n, axis, norm), pair)


@pytest.mark.parametrize("kind", MANY)
@given(arrays(dtypes=FLOATS, min_dims=2), st.data())
@modest()
def test_a_transform_along_several_axes_is_numpys(kind, pair, data):
    ndim = pair[1].ndim
    axes = data.draw(st.sampled_from([(-2, -1), (0, 1), (1, 0), (ndim - 1, 0), (0, 0)]))
    s, norm = data.draw(st.sampled_from([None, (3, 4), (8, 5), (-1, 2)])), data.draw(st.sampled_from(NORMS))
    assume(defined(kind, pair))
    judge(lambda x: getattr(np.fft, kind)(x, s, axes, norm), pair)
    if kind.endswith("n"):
        judge(lambda x: getattr(np.fft, kind)(x, norm=norm), pair)


def line(rng, size, dtype):
    values = rng.standard_normal(size) * 9 + 1j * rng.standard_normal(size)
    return (values if dtype[0] == "c" else values.real).astype(dtype)


@pytest.mark.parametrize("dtype", ["f8", "c16", "f4", "c8", "i2"])
@pytest.mark.parametrize("kind", ONE)
def test_long_lines_give_what_whole_ones_give(long, kind, dtype, rng):
    if dtype[0] == "c" and kind in ("rfft", "ihfft"):
        dtype = "f8"
    theirs, ours = getattr(np.fft, kind), getattr(la.fft, kind)
    for size, n in ((2, None), (12, None), (17, None), (30, None), (32, None), (1, 7), (30, 17), (10, 36), (5, 5)):
        values = line(rng, size, dtype)
        x = la.from_array(values, chunks=5)
        for norm in NORMS:
            assert_same(ours(x, n, norm=norm), theirs(values, n, norm=norm))


@pytest.mark.parametrize("kind", ONE)
def test_long_lines_lie_along_any_axis(long, kind, rng):
    dtype = "f8" if kind in ("rfft", "ihfft") else "c16"
    values = np.stack([line(rng, 15, dtype) for _ in range(6)]).reshape(2, 3, 15)
    for axis in range(3):
        n = np.moveaxis(values, -1, axis)
        x = la.from_array(n, chunks=(2, 1, 4))
        assert_same(getattr(la.fft, kind)(x, axis=axis), getattr(np.fft, kind)(n, axis=axis))


def test_several_long_axes_are_transformed_one_by_one(long, rng):
    n = rng.standard_normal((6, 7, 8))
    x = la.from_array(n, chunks=(3, 4, 5))
    assert_same(la.fft.fftn(x), np.fft.fftn(n))
    assert_same(la.fft.irfftn(la.fft.rfftn(x, axes=(2, 1)), s=(8, 7), axes=(2, 1)), n)


def test_long_lines_go_through_a_store(long, rng, tmp_path):
    n = rng.standard_normal((2, 17))
    with la.config(store=str(tmp_path)):
        assert_same(la.fft.fft(la.from_array(n, chunks=(1, 5))), np.fft.fft(n))


@pytest.mark.parametrize("size", [1 << 23, 3999971])  # the second is a prime
def test_no_task_holds_a_long_line(size):
    plan = la.plan(la.fft.fft(la.zeros(size, chunks=1 << 19) + 1))
    stages = [p for p in plan.programs if p.op.startswith("fft")]
    assert stages
    assert all(p.task_count > 1 for p in stages)


def test_lines_that_fit_a_block_are_transformed_in_one_stage():
    x = la.from_array(np.ones((64, 64, 32)), chunks=(32, 32, 32))
    assert len(la.plan(la.fft.fft(x, axis=1)).programs) == 1
    assert len(la.plan(la.fft.fftn(x)).programs) == 1


def test_frequencies_are_numpys():
    for n in (1, 2, 5, 8):
        for d in (1.0, 0.1):
            assert_same(la.fft.fftfreq(n, d, chunks=3), np.fft.fftfreq(n, d), exact=True)
            assert_same(la.fft.rfftfreq(n, d, chunks=3), np.fft.rfftfreq(n, d), exact=True)
    assert la.fft.fftfreq(4, dtype="f4").dtype == np.float32
    with pytest.raises(ValueError, match="integer"):
        la.fft.fftfreq(4.5)
    with pytest.raises(ZeroDivisionError):
        la.fft.fftfreq(0)


@given(arrays(min_dims=1), st.data())
@modest()
def test_shifts_are_numpys(pair, data):
    ndim = pair[1].ndim
    axes = data.draw(st.sampled_from([None, *range(-ndim - 1, ndim), tuple(range(ndim))]))
    judge(lambda x: np.fft.fftshift(x, axes), pair, exact=True)
    judge(lambda x: np.fft.ifftshift(x, axes), pair, exact=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.fft.fft(x, axis=5),
        lambda x: np.fft.fft(x, 3, axis=5),
        lambda x: np.fft.fft(x, 0),
        lambda x: np.fft.fft(x, -2),
        lambda x: np.fft.fft(x, 2.5),
        lambda x: np.fft.fft(x, norm="guess"),
        lambda x: np.fft.hfft(x, norm="guess"),
        lambda x: np.fft.fft(x[0, 0]),
        lambda x: np.fft.fft2(x, (2, 3, 4)),
        lambda x: np.fft.fftn(x, axes=(0, 7)),
        lambda x: np.fft.rfft(x + 1j),
        lambda x: np.fft.rfftn(x, axes=()),
        lambda x: np.fft.fftn(x, axes=()),
        lambda x: np.fft.fft(x.astype("M8[s]")),
    ],
)
def test_bad_arguments_raise_what_numpy_raises(function):
    n = np.arange(6.0).reshape(2, 3)
    judge(function, (la.from_array(n), n))
