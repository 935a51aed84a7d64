"""All public names, as `lambdarray` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..config import Config, config, get_config
from . import (
    creation,
    devices,
    diagonals,
    dtypes,
    elementwise,
    fft,
    grids,
    linalg,
    manipulation,
    moments,
    nans,
    products,
    random,
    reading,
    reductions,
    repeating,
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
    creation: "arange asarray empty empty_like from_array full full_like ones ones_like zeros zeros_like",
    devices: "from_dlpack",
    diagonals: "diagonal",
    dtypes: "can_cast finfo iinfo isdtype issubdtype promote_types result_type",
    elementwise: "astype clip imag real round where",
    grids: "eye identity linspace meshgrid tri tril triu",
    manipulation: (
        "broadcast_arrays broadcast_shapes broadcast_to concat concatenate expand_dims flip matrix_transpose "
        "moveaxis permute_dims ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    moments: "mean nanmean nanstd nanvar std var",
    nans: "nanargmax nanargmin nanmax nanmin nanprod nansum",
    products: "dot matmul matvec outer tensordot vdot vecdot vecmat",
    reading: "from_npy from_npy_stack from_zarr load open_zarr",
    reductions: "all any argmax argmin count_nonzero max min prod sum",
    repeating: "diff repeat roll tile unstack",
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
    "__array_api_version__": devices.VERSIONS[-1],
    "__array_namespace_info__": devices.info,
    "__version__": __version__,
    "config": config,
    "e": e,
    "fft": fft,
    "get_config": get_config,
    "inf": inf,
    "linalg": linalg,
    "nan": nan,
    "newaxis": newaxis,
    "pi": pi,
    "random": random,
}
PUBLIC = UFUNCS | FUNCTIONS | dtypes.TYPES | OTHERS
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
