"""All public names, as `lambdarray` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..config import Config, config, get_config
from . import (
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
    products,
    random,
    reductions,
    shaping,
    spacing,
    special,
    tensors,
)
from .array import Array

if TYPE_CHECKING:
    pass

newaxis = None
pi, e, inf, nan = 3.141592653589793, 2.718281828459045, float("inf"), float("nan")

MODULES = {
    creation: (
        "arange asarray empty empty_like eye from_array full full_like identity ones ones_like open_zarr "
        "zeros zeros_like"
    ),
    diagonals: "diagonal",
    differences: "diff ediff1d gradient trapezoid",
    einsums: "einsum",
    elementwise: "astype clip imag real round where",
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
    products: "matmul",
    reductions: "all any argmax argmin max min prod sum",
    shaping: "fliplr flipud repeat resize roll rollaxis rot90 tile",
    spacing: "geomspace linspace logspace",
    special: "angle fix i0 iscomplex isneginf isposinf isreal nan_to_num real_if_close sinc",
    tensors: "cross dot inner kron matvec outer tensordot vdot vecdot vecmat",
}
FUNCTIONS = {name: getattr(module, name) for module, names in MODULES.items() for name in names.split()}
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
PUBLIC = UFUNCS | FUNCTIONS | OTHERS
# Of `compute`: the planner and the runtime are loaded when something is first planned or run.
RUNNING = frozenset(
    ("Plan", "RunReport", "compute", "explain", "last_report", "persist", "plan", "simulate", "store", "to_zarr")
)
globals().update(PUBLIC)
__all__ = sorted({*PUBLIC, *RUNNING})
PUBLIC["__all__"] = __all__
