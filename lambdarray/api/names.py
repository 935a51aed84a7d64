"""All public names, as `lambdarray` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..config import Config, config, get_config
from . import (
    applying,
    bits,
    blocked,
    blocked_reductions,
    building,
    calculus,
    choosing,
    comparing,
    convolution,
    counting,
    creation,
    devices,
    diagonals,
    differences,
    distinct,
    dtypes,
    editing,
    einsums,
    elementwise,
    fft,
    grids,
    gufuncs,
    habits,
    histograms,
    indexing,
    joining,
    linalg,
    lookup,
    manipulation,
    moments,
    nans,
    orders,
    overlap,
    padding,
    placing,
    products,
    random,
    reading,
    reductions,
    scans,
    searching,
    segments,
    sets,
    shaping,
    sorting,
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
    applying: "apply_along_axis apply_over_axes from_function fromfunction",
    bits: "packbits unpackbits",
    blocked: "blockwise map_blocks",
    blocked_reductions: "reduction",
    building: "indices mgrid ogrid vander",
    calculus: "unwrap",
    choosing: "choose piecewise select",
    comparing: "allclose array_equal array_equiv isclose",
    convolution: "convolve correlate",
    counting: "argwhere compress extract flatnonzero nonzero repeat trim_zeros",
    creation: "arange asarray empty empty_like from_array full full_like ones ones_like zeros zeros_like",
    devices: "from_dlpack",
    diagonals: "diag diagflat diagonal trace",
    differences: "diff ediff1d gradient trapezoid",
    distinct: "unique unique_all unique_counts unique_inverse unique_values",
    dtypes: "can_cast finfo iinfo isdtype issubdtype promote_types result_type",
    editing: "delete insert",
    einsums: "einsum",
    elementwise: "astype clip imag real round where",
    grids: "eye identity linspace meshgrid tri tril triu",
    gufuncs: "apply_gufunc as_gufunc gufunc vectorize",
    habits: "array asanyarray around isnull ndim notnull shape",
    histograms: "bincount histogram histogram2d histogram_bin_edges histogramdd",
    indexing: "take take_along_axis",
    joining: (
        "append array_split atleast_1d atleast_2d atleast_3d block column_stack dsplit dstack hsplit hstack split "
        "unstack vsplit vstack"
    ),
    lookup: "ravel_multi_index unravel_index",
    manipulation: (
        "broadcast_arrays broadcast_shapes broadcast_to concat concatenate expand_dims flip matrix_transpose "
        "moveaxis permute_dims ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    moments: "mean moment nanmean nanstd nanvar std var",
    nans: "nanargmax nanargmin nanmax nanmin nanprod nansum",
    orders: "lexsort push sort_complex",
    overlap: "map_overlap overlap trim_overlap",
    padding: "pad",
    placing: "copyto fill_diagonal place put put_along_axis putmask",
    products: "matmul",
    reading: "from_npy from_npy_stack from_zarr load open_zarr",
    reductions: "all any argmax argmin count_nonzero max min prod sum",
    scans: "cumprod cumsum cumulative_prod cumulative_sum nancumprod nancumsum",
    searching: "digitize interp isin searchsorted",
    segments: "coarsen",
    sets: "intersect1d setdiff1d setxor1d union1d",
    shaping: "fliplr flipud resize roll rollaxis rot90 tile",
    sorting: (
        "argpartition argsort argtopk median nanmedian nanpercentile nanquantile partition percentile quantile "
        "sort topk"
    ),
    spacing: "geomspace logspace",
    special: "angle fix i0 iscomplex isneginf isposinf isreal nan_to_num real_if_close sinc",
    statistics: "average corrcoef cov ptp",
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
PUBLIC = UFUNCS | FUNCTIONS | dtypes.TYPES | OTHERS | {name: getattr(np, name) for name in PLAIN.split()}
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
