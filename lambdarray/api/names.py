"""All public names, as `lambdarray` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..config import Config, config, get_config
from . import (
    counting,
    creation,
    editing,
    elementwise,
    indexing,
    manipulation,
    placing,
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
    counting: "argwhere compress count_nonzero extract flatnonzero nonzero repeat trim_zeros",
    creation: (
        "arange asarray empty empty_like eye from_array full full_like identity linspace ones ones_like open_zarr "
        "zeros zeros_like"
    ),
    editing: "append delete insert",
    elementwise: "astype clip imag real round where",
    indexing: "choose take take_along_axis",
    manipulation: (
        "broadcast_arrays broadcast_to concat concatenate expand_dims flip matrix_transpose moveaxis permute_dims "
        "ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    placing: "copyto fill_diagonal place put put_along_axis putmask",
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
