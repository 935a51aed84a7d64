"""How functions of matrices are made: one LAPACK task for each matrix or for many small ones, batches over tiles.

The last two axes are the matrix, those before them a batch. A matrix is whole in its task; one that does not fit a
worker is refused when it is planned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from lambdarray_kernels import get
from lambdarray_kernels.dtypes import real_flops
from numpy.linalg import LinAlgError

from .array import Array
from .creation import asarray, from_array
from .elementwise import broadcast_shape
from .manipulation import broadcast_to, matrix_transpose
from .stages import In, Out, Stage, lines, single, whole

# Matrices that a task may hold beside what it reads and makes: LAPACK's copy, and what it works in.
COPIES = 2
# Of these SciPy holds more: the powers of a Padé approximant, and the roots of a Schur form.
COPIES_OF = {"expm": 9, "logm": 10}


def matrices(a: Any) -> Array:
    """An array of matrices; LinAlgError where it has less than two axes."""
    x = asarray(a)
    if x.ndim < 2:
        raise LinAlgError(f"{x.ndim}-dimensional array given. Array must be at least two-dimensional")
    return x


def square(a: Any) -> Array:
    """An array of square matrices; LinAlgError where they are not."""
    x = matrices(a)
    if x.shape[-1] != x.shape[-2]:
        raise LinAlgError(f"Last 2 dimensions of the array must be square, not {x.shape[-2:]}")
    return x


def adjoint(x: Array) -> Array:
    """The conjugate transpose: of real matrices a view."""
    return matrix_transpose(x.conj() if x.dtype.kind == "c" else x)


def sample(kernel: str, inputs: Sequence[Array], params: dict[str, Any]) -> list[np.dtype[Any]]:
    """What a kernel says that its results are, of small matrices; TypeError as NumPy for other dtypes.

    SciPy has other dtypes for matrices of one element.
    """
    small = (tuple(min(2, max(1, n)) for n in x.shape[-2:]) for x in inputs)
    made = get(kernel).fn(*(np.eye(*n, dtype=x.dtype) for n, x in zip(small, inputs, strict=True)), **params)
    return [np.asarray(part).dtype for part in (made if isinstance(made, tuple) else (made,))]


def of_matrices(
    kernel: str, inputs: Sequence[Array], cores: Sequence[Sequence[int] | None], **params: Any
) -> tuple[Array, ...]:
    """The results of a kernel for each matrix of batches that broadcast: for each its shape, None to leave it out."""
    dtypes = sample(kernel, inputs, params)
    batch = broadcast_shape([x.shape[:-2] for x in inputs])
    wide = [x if x.shape[:-2] == batch else broadcast_to(x, (*batch, *x.shape[-2:])) for x in inputs]
    kept = [n for n, core in enumerate(cores) if core is not None]
    if any(x.size == 0 for x in inputs):
        return _of_nothing(kernel, wide, kept, params)
    ndim, first = len(batch), max(wide, key=lambda x: x.nbytes)
    made = sum(math.prod(core) * dtypes[n].itemsize for n, core in enumerate(cores) if core is not None)
    cuts = lines(first, [ndim, ndim + 1], max(first.itemsize, made // math.prod(first.shape[-2:])))[:ndim]
    sizes = [size for core in cores for size in core or ()]
    block = tuple(c.max_chunk for c in cuts)
    stage = Stage(kernel, [*cuts, *map(single, sizes)])
    stage.flops = get(kernel).flops(*((*block, *x.shape[-2:]) for x in wide), **params)
    stage.flops *= real_flops(dtypes[kept[0]])
    stage.extra_bytes = COPIES_OF.get(kernel, COPIES) * max(
        math.prod(x.shape[-2:]) * dtypes[kept[0]].itemsize for x in wide
    )
    stage.call(kernel, [f"y{n}" for n in range(len(cores))], [f"r{n}" for n in range(len(wide))], **params)
    outs, place = [], ndim
    for n in kept:
        length = len(cores[n] or ())
        outs.append(Out(f"y{n}", [*range(ndim), *range(place, place + length)], dtypes[n]))
        place += length
    return stage.make_all([In(x, [*range(ndim), *map(whole, x.shape[-2:])]) for x in wide], outs)


def of_matrix(kernel: str, x: Array, core: Sequence[int], **params: Any) -> Array:
    """The only result of a kernel of one input, for each matrix."""
    return of_matrices(kernel, [x], [core], **params)[0]


def _of_nothing(kernel: str, inputs: Sequence[Array], kept: Sequence[int], params: dict[str, Any]) -> tuple[Array, ...]:
    """Results for arrays without elements, which the kernel knows from their shapes."""
    # Identities, since where only one side is empty the other may be asked to be invertible.
    ones = (np.broadcast_to(np.eye(*x.shape[-2:], dtype=x.dtype), x.shape) for x in inputs)
    made = get(kernel).fn(*ones, **params)
    parts = made if isinstance(made, tuple) else (made,)
    return tuple(from_array(np.asarray(parts[n])) for n in kept)
