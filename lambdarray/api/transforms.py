"""How Fourier transforms are made: lines that fit a block whole, longer ones in four steps or as a convolution.

See `lambdarray_kernels.transforms` for both. No task ever holds a whole long line.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from lambdarray_kernels import get

from .array import Array
from .axes import axis_of
from .chunks import tiling_for
from .creation import asarray, zeros
from .elementwise import astype
from .manipulation import concat, flip, reshape, swapaxes
from .parts import real
from .stages import MOST_BYTES, In, Out, Stage, lines, single, whole

# A transform along axes of more bytes is not done in one block, if there are fewer of these than FEW_LINES; if there
# are more, they make enough tasks until they are so many times longer.
MOST_LINE_BYTES, FEW_LINES = 32 << 20, 4
# Blocks of long lines: so many at least, for workers to share, but none smaller.
LONG_BLOCKS, LEAST_LONG_BYTES = 64, 4 << 20
# The longest row of a line seen as a matrix.
MOST_ROW = 1 << 21

# A transform along one axis: NumPy's function, the length of the transform, and the axis.
Turn = tuple[str, int, int]
# A kernel that keeps shapes, or "fft", and its parameters.
Call = tuple[str, dict[str, Any]]


def transform(a: Any, turns: Sequence[tuple[str, Any, int]], norm: str | None) -> Array:
    """Transforms one after the other; a length of None is NumPy's default.

    Raises what NumPy raises for a wrong norm, length, axis or dtype.
    """
    x = asarray(a)
    shape, known = list(x.shape), list[Turn]()
    for kind, n, axis in turns:
        at = axis_of(axis, x.ndim)
        known.append((kind, _length(kind, n, shape[at]), at))
        shape[at] = _made(*known[-1][:2])
        _dtype(x, known, norm)
    return _apply(x, known, norm) if known else x


def _length(kind: str, n: Any, size: int) -> int:
    if n is None:
        n = 2 * (size - 1) if kind in ("irfft", "hfft") else size
    length = operator.index(n)
    if length < 1:
        raise ValueError(f"Invalid number of FFT data points ({length}) specified.")
    return length


def _used(kind: str, n: int) -> int:
    """How many elements a transform of length n takes."""
    return n // 2 + 1 if kind in ("irfft", "hfft") else n


def _made(kind: str, n: int) -> int:
    """How many elements a transform of length n gives."""
    return n // 2 + 1 if kind in ("rfft", "ihfft") else n


def _dtype(x: Array, turns: Sequence[Turn], norm: str | None) -> np.dtype[Any]:
    """What NumPy says that these transforms give."""
    sample: Any = np.ones(2, x.dtype)
    for kind, _, _ in turns:
        sample = getattr(np.fft, kind)(sample, norm=norm)
    return sample.dtype  # type: ignore[no-any-return]


def _apply(x: Array, turns: Sequence[Turn], norm: str | None) -> Array:
    seen: set[int] = set()
    for kind, n, axis in turns:
        if axis not in seen and x.shape[axis] > _used(kind, n):
            x = x[(slice(None),) * axis + (slice(_used(kind, n)),)]
        x = filled(x, axis, 1)  # of no elements there is nothing to read
        seen.add(axis)
    if not _is_long(x, turns):
        calls = [("fft", {"kind": kind, "n": n, "axis": axis, "norm": norm}) for kind, n, axis in turns]
        return _in_blocks(x, sorted(seen), calls, _dtype(x, turns, norm))
    if len(turns) > 1:
        for turn in turns:
            x = _apply(x, [turn], norm)
        return x
    ((kind, n, axis),) = turns
    return LONG[kind](filled(x, axis, _used(kind, n)), n, axis, norm)


def _is_long(x: Array, turns: Sequence[Turn]) -> bool:
    """Whether a block of these axes, whole, is too large."""
    sizes = {axis: max(n, x.shape[axis]) for _, n, axis in turns}
    others = math.prod(n for d, n in enumerate(x.shape) if d not in sizes)
    nbytes = math.prod(sizes.values()) * _dtype(x, turns, None).itemsize
    return nbytes > MOST_LINE_BYTES * max(1, min(others, FEW_LINES))


def filled(x: Array, axis: int, size: int) -> Array:
    """`x` with zeros after it along an axis, up to this size."""
    shape = tuple(size - x.shape[axis] if d == axis else n for d, n in enumerate(x.shape))
    if shape[axis] <= 0:
        return x
    chunks = ["auto" if d == axis else c for d, c in enumerate(x.chunks)]
    return concat([x, zeros(shape, x.dtype, chunks=chunks)], axis)


def _in_blocks(
    x: Array, axes: Sequence[int], calls: Sequence[Call], dtype: np.dtype[Any], most: int = MOST_BYTES
) -> Array:
    """Kernels one after the other over blocks, of `most` bytes where they can be cut, in which these axes are whole."""
    grown = math.prod(max(1, params["n"] // max(x.shape[params["axis"]], 1)) for k, params in calls if k == "fft")
    cuts = lines(x, axes, dtype.itemsize * grown, most)
    shape, block = list(x.shape), [c.max_chunk for c in cuts]
    steps, flops = [], 0
    for kernel, params in calls:
        steps.append((kernel, params))
        flops += get(kernel).flops(tuple(block), **params)
        if kernel == "fft":
            shape[params["axis"]] = block[params["axis"]] = _made(params["kind"], params["n"])
    stage = Stage(_named(calls), [single(shape[d]) if d in axes else c for d, c in enumerate(cuts)], flops=flops)
    for number, (kernel, params) in enumerate(steps):
        stage.call(kernel, (f"y{number}",), (f"y{number - 1}" if number else "r0",), **params)
    inputs = [whole(n) if d in axes else d for d, n in enumerate(x.shape)]
    return stage.make([In(x, inputs)], Out(f"y{len(steps) - 1}", range(x.ndim), dtype))


def _named(calls: Sequence[Call]) -> str:
    names = dict.fromkeys(params.get("kind", kernel) for kernel, params in calls)
    axes = dict.fromkeys(str(params["axis"]) for _, params in calls if "axis" in params)
    return f"{' and '.join(names)} along axis {','.join(axes)}"


# -- lines that no block holds


def _complex(kind: str) -> Callable[[Array, int, int, Any], Array]:
    """The transform `kind` of long lines of n elements."""

    def make(x: Array, n: int, axis: int, norm: str | None) -> Array:
        first, second = _split(n)
        if second > MOST_ROW and n & (n - 1):
            return _convolved(x, n, axis, kind, norm)
        return _four_steps(x, (first, second), axis, kind, norm)

    return make


def _split(n: int) -> tuple[int, int]:
    from lambdarray_kernels.transforms import split_length

    return split_length(n)


def _four_steps(x: Array, sizes: tuple[int, int], axis: int, kind: str, norm: str | None) -> Array:
    """Transform the columns, turn, transform the rows, and read by columns.

    The two scalings together are that of the whole line, whatever the norm.
    """
    dtype = _dtype(x, [(kind, 1, axis)], norm)
    most = min(MOST_BYTES, max(LEAST_LONG_BYTES, x.size * dtype.itemsize // LONG_BLOCKS))
    columns, rows = (("fft", {"kind": kind, "n": n, "axis": axis, "norm": norm}) for n in sizes)
    matrix = reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))
    matrix = _in_blocks(matrix, [axis], [columns], dtype, most)
    # Turned on its side first, so that what is made needs no copy to be read by columns.
    twiddle: Call = ("twiddle", {"axes": [axis + 1, axis], "inverse": kind == "ifft"})
    matrix = _in_blocks(swapaxes(matrix, axis, axis + 1), [axis], [twiddle, rows], dtype, most)
    return reshape(matrix, x.shape)


def _convolved(x: Array, n: int, axis: int, kind: str, norm: str | None) -> Array:
    """A line without a good split, as a convolution with a chirp whose length is a power of two."""
    from lambdarray_kernels.transforms import convolution_length

    inverse, dtype = kind == "ifft", _dtype(x, [(kind, 1, axis)], norm)
    length = convolution_length(n)
    forward, back = _complex("fft"), _complex("ifft")
    x = x if np.result_type(x.dtype, np.complex64) == dtype else astype(x, dtype)
    chirped = filled(_chirped(x, axis, inverse), axis, length)
    kernel = forward(_chirp_filter(n, length, inverse, dtype), length, 0, None)
    kernel = reshape(kernel, (-1, *(1,) * (x.ndim - axis - 1)))
    product: Any = np.multiply(forward(chirped, length, axis, None), kernel)
    line = _chirped(back(product, length, axis, None)[(slice(None),) * axis + (slice(n),)], axis, inverse)
    return line if (scale := _scale(n, inverse, norm)) == 1 else cast("Array", np.multiply(line, scale))


def _scale(n: int, inverse: bool, norm: str | None) -> float:
    if norm == "ortho":
        return 1 / math.sqrt(n)
    return 1 / n if inverse == (norm in (None, "backward")) else 1.0


def _chirped(x: Array, axis: int, inverse: bool) -> Array:
    stage = Stage(f"chirp along axis {axis}", x._op.tiling.axes, flops=get("chirp").flops(x.chunksize))
    stage.call("chirp", ("y",), ("r0",), axis=axis, inverse=inverse)
    return stage.make([In(x, range(x.ndim))], Out("y", range(x.ndim), np.result_type(x.dtype, np.complex64)))


def _chirp_filter(n: int, length: int, inverse: bool, dtype: np.dtype[Any]) -> Array:
    (cuts,) = tiling_for((length,), "auto", dtype).axes
    stage = Stage("chirp filter", [cuts], flops=get("chirp_filter").flops(block=[(0, cuts.max_chunk)]))
    stage.call("chirp_filter", ("y",), (), n=n, inverse=inverse, dtype=dtype.str)
    return stage.make([], Out("y", [0], dtype))


def _rfft(x: Array, n: int, axis: int, norm: str | None) -> Array:
    line = _complex("fft")(x, n, axis, norm)
    return line[(slice(None),) * axis + (slice(n // 2 + 1),)]


def _irfft(x: Array, n: int, axis: int, norm: str | None) -> Array:
    """The real part: what the imaginary parts of its first element and of the middle one add is imaginary."""
    before = (slice(None),) * axis
    mirrored = flip(x[(*before, slice(1, (n + 1) // 2))], axis).conj()
    return real(_complex("ifft")(concat([x, mirrored], axis), n, axis, norm))


SWAPPED = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}
LONG: dict[str, Callable[[Array, int, int, Any], Array]] = {
    "fft": _complex("fft"),
    "ifft": _complex("ifft"),
    "rfft": _rfft,
    "irfft": _irfft,
    "hfft": lambda x, n, axis, norm: _irfft(x.conj(), n, axis, SWAPPED[norm]),
    "ihfft": lambda x, n, axis, norm: _rfft(x, n, axis, SWAPPED[norm]).conj(),
}
