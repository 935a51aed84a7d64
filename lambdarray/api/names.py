"""All public names, as `lambdarray` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..config import Config, config, get_config
from . import (
    applying,
    blocked,
    blocked_reductions,
    creation,
    elementwise,
    gufuncs,
    manipulation,
    overlap,
    products,
    random,
    reductions,
)
from .array import Array

if TYPE_CHECKING:
    pass

newaxis = None
pi, e, inf, nan = 3.141592653589793, 2.718281828459045, float("inf"), float("nan")

MODULES = {
    applying: "apply_along_axis apply_over_axes from_function fromfunction",
    blocked: "blockwise map_blocks",
    blocked_reductions: "reduction",
    creation: (
        "arange asarray empty empty_like eye from_array full full_like identity linspace ones ones_like open_zarr "
        "zeros zeros_like"
    ),
    elementwise: "astype clip imag real round where",
    gufuncs: "apply_gufunc as_gufunc gufunc vectorize",
    manipulation: (
        "broadcast_arrays broadcast_to concat concatenate expand_dims flip matrix_transpose moveaxis permute_dims "
        "ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    overlap: "map_overlap overlap trim_overlap",
    products: "dot matmul outer vdot",
    reductions: "all any argmax argmin max mean min prod std sum var",
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
