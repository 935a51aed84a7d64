"""Kernels by name: pure functions on tiles, each with its flop count beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

# The kernels of each module, which is imported when its first kernel is used, so that a cold start loads few.
NAMES = {
    "elementwise": "map",
    "reductions": "combine finish",
    "products": "gemm",
    "generators": "random",
    "movement": "reshape fill",
    "halos": "pad_edges overlap trim sliding",
    "gathering": "gather scatter compress nonzero sort_index unsort count repeat put_masked put_stepped",
    "scans": "scan scan_total",
    "sorting": "sort argsort partition argpartition topk argtopk",
    "runs": "sort_run windows between splits select merge_runs",
    "digits": "digit_counts pick_digit key_values",
    "quantiles": "interpolate quantile median",
    "searching": "searchsorted digitize interp isin unique merge_unique headed parts unique_rows",
    "segments": "reduceat lexsort last_known push",
    "counting": "bincount bin_edges histogram histogramdd",
    "transforms": "fft twiddle chirp chirp_filter",
    "bands": "band_eigenvalues",
    "triangular": "trsm trtrs",
    "checks": "sketch tally weigh residual agree",
    "orthogonal": "reflect unfold fold wy signed_lu reconstruct",
    "pivoting": "choose_pivots join_pivots eliminate regular lu_factor lu_solve",
    "row_orders": "place_pivots take_rows update_rows route_rows arrange_rows bring_rows interchanges interchanged "
    "inverse_order parity",
    "updates": "gemm_update herk_update",
    "lapack": "cholesky qr lu svd svdvals eigh eigvalsh eig eigvals",
    "solvers": "inv pinv solve solve_triangular det slogdet lstsq matrix_rank matrix_power norm cond expm sqrtm logm",
}
# Those that call scipy.linalg, whose BLAS is another than NumPy's.
OF_SCIPY = frozenset({"solve_triangular", "expm", "sqrtm", "logm", "lu"})
MODULES = {name: module for module, names in NAMES.items() for name in names.split()}


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel: its function, `flops(*input_shapes, **params)`, and what it is told beside its inputs."""

    name: str
    fn: Callable[..., Any]
    flops: Callable[..., int]
    needs_block: bool
    needs_index: bool
    uses_blas: bool
    takes_out: bool
    in_order: bool


_found: dict[str, Kernel] = {}


def kernel(
    *,
    flops: Callable[..., int],
    needs_block: bool = False,
    needs_index: bool = False,
    uses_blas: bool = False,
    takes_out: bool = False,
    in_order: bool = False,
    name: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a kernel.

    With `needs_block` it is also given `block`, the elements (lo, hi) of each axis of its stage, and `shape`, the
    sizes of those axes; with `needs_index` its task's `index` in the grid; with `takes_out` it may be given `out`,
    memory that its result may be made in. With `in_order` a loop over it goes through its blocks from the first to the
    last.
    """

    def register(fn: Callable[..., Any]) -> Callable[..., Any]:
        label = name or fn.__name__.rstrip("_")
        _found[label] = Kernel(label, fn, flops, needs_block, needs_index, uses_blas, takes_out, in_order)
        return fn

    return register


def memory(out: Array | None, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Memory for a result: `out`, if given and such, or new.

    >>> memory(None, (2, 3), np.dtype("f8")).shape
    (2, 3)
    """
    return out if out is not None and out.shape == tuple(shape) and out.dtype == dtype else np.empty(shape, dtype)


def get(name: str) -> Kernel:
    """The kernel of this name; KeyError where there is none."""
    if name not in _found:
        import_module(f".{MODULES[name]}", __package__)
    return _found[name]
