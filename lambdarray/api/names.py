"""All public names, as `lambdarray` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..config import Config, config, get_config
from . import (
    creation,
    diagonals,
    elementwise,
    manipulation,
    moments,
    nans,
    products,
    random,
    reading,
    reductions,
    scans,
    sorting,
    special,
)
from .array import Array

if TYPE_CHECKING:
    pass

newaxis = None
pi, e, inf, nan = 3.141592653589793, 2.718281828459045, float("inf"), float("nan")

MODULES = {
    creation: (
        "arange asarray empty empty_like eye from_array full full_like identity linspace ones ones_like zeros "
        "zeros_like"
    ),
    diagonals: "diagonal",
    elementwise: "astype clip imag real round where",
    manipulation: (
        "broadcast_arrays broadcast_to concat concatenate expand_dims flip matrix_transpose moveaxis permute_dims "
        "ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    moments: "mean nanmean nanstd nanvar std var",
    nans: "nanargmax nanargmin nanmax nanmin nanprod nansum",
    products: "dot matmul outer vdot",
    reading: "from_npy from_npy_stack from_zarr load open_zarr",
    reductions: "all any argmax argmin max min prod sum",
    scans: "cumprod cumsum cumulative_prod cumulative_sum nancumprod nancumsum",
    sorting: (
        "argpartition argsort argtopk median nanmedian nanpercentile nanquantile partition percentile quantile "
        "sort topk"
    ),
    special: "angle fix i0 iscomplex isneginf isposinf isreal nan_to_num real_if_close sinc",
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
# The planner and the runtime are loaded when something is first planned or run.
LATER = {
    "compute": "Plan RunReport compute explain last_report persist plan simulate",
    "graph": "visualize",
    "writing": "save store to_npy_stack to_zarr",
}
RUNNING = {name: module for module, names in LATER.items() for name in names.split()}
globals().update(PUBLIC)
__all__ = sorted({*PUBLIC, *RUNNING})
PUBLIC["__all__"] = __all__
