from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.transforms import KINDS, convolution_length, roots, split_length

from .samples import bounds, close, same, spans

fft, twiddle, chirp, chirp_filter = (get(name).fn for name in ("fft", "twiddle", "chirp", "chirp_filter"))


def line(n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return (x + 1j * rng.standard_normal(n) if np.dtype(dtype).kind == "c" else x).astype(dtype)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16", "i4"])
def test_whole_lines_are_transformed_by_numpy(kind, dtype):
    x = (line((3, 5, 4), dtype) * 3).astype(dtype)
    if kind in ("rfft", "ihfft") and x.dtype.kind == "c":
        with pytest.raises(TypeError):
            fft(x, kind=kind)
        return
    for axis, n, norm in [(-1, None, None), (1, 7, "ortho"), (0, 2, "forward")]:
        same(fft(x, kind=kind, n=n, axis=axis, norm=norm), getattr(np.fft, kind)(x, n, axis, norm))


def test_another_name_is_an_error_that_lists_those_there_are():
    with pytest.raises(ValueError, match="no transform 'fft2' along one axis; there are fft, ifft, rfft"):
        fft(np.ones(4), kind="fft2")


def tiled(matrix, function, ends, axis):
    """A function of each tile of a matrix that is cut along an axis."""
    parts = []
    for lo, hi in spans(ends):
        block = [(0, n) for n in matrix.shape]
        block[axis] = (lo, hi)
        parts.append(function(matrix[tuple(slice(*b) for b in block)], block))
    return np.concatenate(parts, axis=axis)


def four_steps(x, n1, n2, row_ends, column_ends, inverse):
    """The transform of a long line, with tiles of whole columns and then of whole rows."""
    kind = "ifft" if inverse else "fft"

    def columns(tile, block):
        return twiddle(fft(tile, kind=kind, axis=0), block=block, shape=[n1, n2], inverse=inverse)

    turned = tiled(x.reshape(n1, n2), columns, column_ends, 1)
    done = tiled(turned, lambda tile, _: fft(tile, kind=kind, axis=1), row_ends, 0)
    return done.T.reshape(-1)


@settings(max_examples=50)
@given(st.data(), st.sampled_from([1, 2, 12, 97, 360, 1024]), st.sampled_from(["f4", "f8", "c8", "c16"]), st.booleans())
def test_four_steps_over_tiles_are_numpys_transform(data, n, dtype, inverse):
    n1, n2 = split_length(n)
    x = line(n, dtype, data.draw(st.integers(0, 9)))
    out = four_steps(x, n1, n2, data.draw(bounds(n1)), data.draw(bounds(n2)), inverse)
    close(out, (np.fft.ifft if inverse else np.fft.fft)(x), ulps=32)


def by_chirps(x, ends, inverse):
    """The transform of a line of any length, as a convolution whose length is a power of two."""
    n = x.size
    m = convolution_length(n)

    def chirped(y):
        return tiled(y, lambda tile, block: chirp(tile, block=block, shape=[n], inverse=inverse), ends, 0)

    dtype = np.result_type(x, "c8").str
    parts = [
        chirp_filter(block=[span], shape=[m], n=n, inverse=inverse, dtype=dtype) for span in spans([0, *ends[1:-1], m])
    ]
    padded = np.concatenate([chirped(x), np.zeros(m - n, dtype)])
    convolved = np.fft.ifft(np.fft.fft(padded) * np.fft.fft(np.concatenate(parts)))
    return chirped(convolved[:n]) / (n if inverse else 1)


@settings(max_examples=50)
@given(st.data(), st.sampled_from([1, 2, 3, 12, 97, 1009]), st.sampled_from(["f4", "f8", "c16"]), st.booleans())
def test_a_line_of_prime_length_is_transformed_by_chirps(data, n, dtype, inverse):
    x = line(n, dtype, data.draw(st.integers(0, 9)))
    close(by_chirps(x, data.draw(bounds(n)), inverse), (np.fft.ifft if inverse else np.fft.fft)(x))


def exactly(numerator, n):
    """exp(-2 pi i m / n) to the precision of a long double, the angle made small by exact arithmetic."""
    rest = Fraction(numerator % n, n)
    turn = 2 * np.longdouble("3.14159265358979323846264338327950288")
    angle = -turn * np.longdouble(rest.numerator) / np.longdouble(rest.denominator)
    return complex(np.cos(angle), np.sin(angle))


@pytest.mark.parametrize("n", [7, 360, 2**27, 10**12 + 39])
def test_roots_are_right_to_the_last_bits_for_any_exponent(n):
    exponent = np.random.default_rng(0).integers(-n, 3 * n, 300)
    expected = np.array([exactly(int(e), n) for e in exponent])
    assert np.abs(roots(exponent, n) - expected).max() < 2.5e-16
    same(roots(exponent, n, inverse=True).real, roots(-exponent, n).real)


@pytest.mark.parametrize("dtype", ["c8", "c16"])
def test_the_factors_of_a_tile_far_from_the_corner_are_exact(dtype):
    n1, n2 = 2**20, 2**21
    block = [(n1 - 40, n1), (n2 - 333, n2)]
    found = twiddle(np.ones((40, 333), dtype), block=block, shape=[n1, n2])
    expected = [[exactly(j * k, n1 * n2) for k in range(*block[1])] for j in range(*block[0])]
    assert found.dtype == np.dtype(dtype)
    assert np.abs(found - np.array(expected)).max() < 4 * np.finfo(dtype).eps


def test_a_chirp_far_from_the_start_is_exact_where_squares_overflow():
    n, lo = 10**11 + 3, 10**11 - 20
    found = chirp(np.ones(23), block=[(lo, lo + 23)], shape=[n])
    expected = [exactly(j * j, 2 * n) for j in range(lo, lo + 23)]
    assert np.abs(found - np.array(expected)).max() < 4e-16


@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 0), (-1, -2)])
def test_a_twiddle_acts_in_the_plane_of_two_axes(axes):
    x = line((3, 4, 5), "c16")
    j, k = np.indices(x.shape)[list(axes)]
    n = x.shape[axes[0]] * x.shape[axes[1]]
    found = twiddle(x, block=[(0, s) for s in x.shape], shape=x.shape, axes=axes)
    close(found, x * np.exp(-2j * np.pi * j * k / n))


def test_a_length_is_split_near_its_root():
    for n in range(1, 400):
        a, b = split_length(n)
        assert a * b == n
        assert a <= b
        assert not [d for d in range(a + 1, math.isqrt(n) + 1) if n % d == 0]
        m = convolution_length(n)
        assert 2 * n - 1 <= m < max(4 * n, 2)
        assert m & (m - 1) == 0


def test_flops_are_the_usual_counts():
    assert get("fft").flops((3, 8), kind="fft") == 3 * 5 * 8 * 3
    assert get("fft").flops((3, 8), kind="rfft") == 3 * 5 * 8 * 3 // 2
    assert get("fft").flops((3, 5), kind="irfft") == 3 * 5 * 8 * 3 // 2
    assert get("twiddle").flops((3, 8)) == 12 * 24
