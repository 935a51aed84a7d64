"""All public names, as `lambdarray` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..config import Config, config, get_config
from . import (
    bits,
    building,
    choosing,
    comparing,
    convolution,
    creation,
    diagonals,
    differences,
    einsums,
    elementwise,
    joining,
    lookup,
    manipulation,
    moments,
    nans,
    padding,
    parts,
    products,
    random,
    reductions,
    shaping,
    spacing,
    special,
    statistics,
    tensors,
)
from .array import Array

if TYPE_CHECKING:
    pass

newaxis = None
pi, e, inf, nan = 3.141592653589793, 2.718281828459045, float("inf"), float("nan")

MODULES = {
    bits: "packbits unpackbits",
    building: "fromfunction indices meshgrid mgrid ogrid vander",
    choosing: "choose piecewise select",
    comparing: "allclose array_equal array_equiv isclose",
    convolution: "convolve correlate",
    creation: (
        "arange asarray empty empty_like eye from_array full full_like identity ones ones_like open_zarr "
        "zeros zeros_like"
    ),
    diagonals: "diag diagflat diagonal trace tri tril triu",
    differences: "diff ediff1d gradient trapezoid",
    einsums: "einsum",
    elementwise: "astype clip round where",
    joining: (
        "append array_split atleast_1d atleast_2d atleast_3d block column_stack dsplit dstack hsplit hstack split "
        "vsplit vstack"
    ),
    lookup: "digitize interp ravel_multi_index searchsorted unravel_index",
    manipulation: (
        "broadcast_arrays broadcast_to concat concatenate expand_dims flip matrix_transpose moveaxis permute_dims "
        "ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    moments: "mean nanmean nanstd nanvar std var",
    nans: "nanargmax nanargmin nanmax nanmin nanprod nansum",
    padding: "pad",
    parts: "imag real",
    products: "matmul",
    reductions: "all any apply_over_axes argmax argmin max min prod sum",
    shaping: "fliplr flipud repeat resize roll rollaxis rot90 tile",
    spacing: "geomspace linspace logspace",
    special: "angle fix i0 iscomplex isneginf isposinf isreal nan_to_num real_if_close sinc",
    statistics: "average corrcoef count_nonzero cov ptp",
    tensors: "cross dot inner kron matvec outer tensordot vdot vecdot vecmat",
}
FUNCTIONS = {name: getattr(module, name) for module, names in MODULES.items() for name in names.split()}
# Of NumPy itself: what is about shapes alone.
PLAIN = (
    "broadcast_shapes diag_indices diag_indices_from einsum_path mask_indices tril_indices tril_indices_from "
    "triu_indices triu_indices_from"
)
UFUNCS: dict[str, Any] = {name: elementwise.function(name) for name in elementwise.UFUNCS}
OTHERS: dict[str, Any] = {
    "Array": Array,
    "Config": Config,
    "__version__": __version__,
    "config": config,
    "e": e,
    "get_config": get_config,
    "inf": inf,
    "nan": nan,
    "newaxis": newaxis,
    "pi": pi,
    "random": random,
}
PUBLIC = UFUNCS | FUNCTIONS | OTHERS | {name: getattr(np, name) for name in PLAIN.split()}
# Of `compute`: the planner and the runtime are loaded when something is first planned or run.
RUNNING = frozenset(
    ("Plan", "RunReport", "compute", "explain", "last_report", "persist", "plan", "simulate", "store", "to_zarr")
)
globals().update(PUBLIC)
__all__ = sorted({*PUBLIC, *RUNNING})
PUBLIC["__all__"] = __all__
