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
    devices,
    diagonals,
    differences,
    dtypes,
    einsums,
    elementwise,
    grids,
    gufuncs,
    histograms,
    joining,
    manipulation,
    moments,
    nans,
    overlap,
    products,
    random,
    reading,
    reductions,
    scans,
    searching,
    shaping,
    sorting,
    special,
    tensors,
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
    creation: "arange asarray empty empty_like from_array full full_like ones ones_like zeros zeros_like",
    devices: "from_dlpack",
    diagonals: "diagonal",
    differences: "diff",
    dtypes: "can_cast finfo iinfo isdtype issubdtype promote_types result_type",
    einsums: "einsum",
    elementwise: "astype clip imag real round where",
    grids: "eye identity linspace meshgrid tri tril triu",
    gufuncs: "apply_gufunc as_gufunc gufunc vectorize",
    histograms: "bincount histogram histogram2d histogram_bin_edges histogramdd",
    joining: (
        "append array_split atleast_1d atleast_2d atleast_3d block column_stack dsplit dstack hsplit hstack split "
        "unstack vsplit vstack"
    ),
    manipulation: (
        "broadcast_arrays broadcast_shapes broadcast_to concat concatenate expand_dims flip matrix_transpose "
        "moveaxis permute_dims ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    moments: "mean nanmean nanstd nanvar std var",
    nans: "nanargmax nanargmin nanmax nanmin nanprod nansum",
    overlap: "map_overlap overlap trim_overlap",
    products: "matmul",
    reading: "from_npy from_npy_stack from_zarr load open_zarr",
    reductions: "all any argmax argmin count_nonzero max min prod sum",
    scans: "cumprod cumsum cumulative_prod cumulative_sum nancumprod nancumsum",
    searching: "digitize interp isin searchsorted",
    shaping: "fliplr flipud repeat resize roll rollaxis rot90 tile",
    sorting: (
        "argpartition argsort argtopk median nanmedian nanpercentile nanquantile partition percentile quantile "
        "sort topk"
    ),
    special: "angle fix i0 iscomplex isneginf isposinf isreal nan_to_num real_if_close sinc",
    tensors: "cross dot inner kron matvec outer tensordot vdot vecdot vecmat",
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
    "get_config": get_config,
    "inf": inf,
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
    "files": "save to_hdf5 to_npy_stack",
    "writing": "store to_zarr",
}
RUNNING = {name: module for module, names in LATER.items() for name in names.split()}
globals().update(PUBLIC)
__all__ = sorted({*PUBLIC, *RUNNING})
PUBLIC["__all__"] = __all__
