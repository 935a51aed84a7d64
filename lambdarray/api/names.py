"""All public names, as `lambdarray` has them, and where each is found: a module is loaded with its first name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from .._version import __version__
from ..config import Config, config, get_config

# The functions and classes of each module of this package.
MODULES = {
    "applying": "apply_along_axis apply_over_axes from_function fromfunction",
    "bits": "packbits unpackbits",
    "blocked": "blockwise map_blocks",
    "blocked_reductions": "reduction",
    "building": "indices mgrid ogrid vander",
    "calculus": "unwrap",
    "choosing": "choose piecewise select",
    "comparing": "allclose array_equal array_equiv isclose",
    "convolution": "convolve correlate",
    "counting": "argwhere compress extract flatnonzero nonzero repeat trim_zeros",
    "creation": "arange asarray empty empty_like from_array full full_like ones ones_like zeros zeros_like",
    "devices": "from_dlpack",
    "diagonals": "diag diagflat diagonal trace",
    "differences": "diff ediff1d gradient trapezoid",
    "distinct": "unique unique_all unique_counts unique_inverse unique_values",
    "dtypes": "can_cast finfo iinfo isdtype issubdtype promote_types result_type",
    "editing": "delete insert",
    "einsums": "einsum",
    "elementwise": "astype clip round where",
    "grids": "eye identity linspace meshgrid tri tril triu",
    "gufuncs": "apply_gufunc as_gufunc gufunc vectorize",
    "habits": "array asanyarray around isnull ndim notnull shape",
    "histograms": "bincount histogram histogram2d histogram_bin_edges histogramdd",
    "indexing": "take take_along_axis",
    "joining": (
        "append array_split atleast_1d atleast_2d atleast_3d block column_stack dsplit dstack hsplit hstack split "
        "unstack vsplit vstack"
    ),
    "lookup": "ravel_multi_index unravel_index",
    "manipulation": (
        "broadcast_arrays broadcast_shapes broadcast_to concat concatenate expand_dims flip matrix_transpose "
        "moveaxis permute_dims ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    "moments": "mean moment nanmean nanstd nanvar std var",
    "nans": "nanargmax nanargmin nanmax nanmin nanprod nansum",
    "orders": "lexsort push sort_complex",
    "overlap": "map_overlap overlap trim_overlap",
    "padding": "pad",
    "parts": "imag real",
    "placing": "copyto fill_diagonal place put put_along_axis putmask",
    "products": "matmul",
    "reading": "from_npy from_npy_stack from_zarr load open_zarr",
    "reductions": "all any argmax argmin count_nonzero max min prod sum",
    "scans": "cumprod cumsum cumulative_prod cumulative_sum nancumprod nancumsum",
    "searching": "digitize interp isin searchsorted",
    "segments": "coarsen",
    "sets": "intersect1d setdiff1d setxor1d union1d",
    "shaping": "fliplr flipud resize roll rollaxis rot90 tile",
    "sorting": (
        "argpartition argsort argtopk median nanmedian nanpercentile nanquantile partition percentile quantile "
        "sort topk"
    ),
    "spacing": "geomspace logspace",
    "special": "angle fix i0 iscomplex isneginf isposinf isreal nan_to_num real_if_close sinc",
    "statistics": "average corrcoef cov ptp",
    "tensors": "cross dot inner kron matvec outer tensordot vdot vecdot vecmat",
    "compute": "Plan RunReport compute explain last_report persist plan simulate",
    "files": "save to_hdf5 to_npy_stack",
    "graph": "visualize",
    "writing": "store to_zarr",
}
WHERE = {name: module for module, names in MODULES.items() for name in names.split()} | {"Array": "array"}
SUBMODULES = ("fft", "linalg", "random")
# Of NumPy itself: what is about shapes alone.
_SHAPES = "broadcast_shapes diag_indices diag_indices_from einsum_path mask_indices"
_TRIANGLES = "tril_indices tril_indices_from triu_indices triu_indices_from"
PLAIN = frozenset(f"{_SHAPES} {_TRIANGLES}".split())
VALUES: dict[str, Any] = {
    "Config": Config,
    "__version__": __version__,
    "config": config,
    "e": 2.718281828459045,
    "get_config": get_config,
    "inf": float("inf"),
    "nan": float("nan"),
    "newaxis": None,
    "pi": 3.141592653589793,
}


@cache
def find(name: str) -> Any:
    """What a public name stands for; KeyError where there is none."""
    if name in WHERE:
        return getattr(import_module(f".{WHERE[name]}", __package__), name)
    if name in SUBMODULES:
        return import_module(f".{name}", __package__)
    if name in PLAIN:
        return getattr(np, name)
    return VALUES[name] if name in VALUES else _of_the_standard(name)


def _of_the_standard(name: str) -> Any:
    from . import devices, dtypes, elementwise

    if name == "__array_api_version__":
        return devices.VERSIONS[-1]
    if name == "__array_namespace_info__":
        return devices.info
    if name == "__all__":
        ufuncs, types = elementwise.UFUNCS, dtypes.TYPES
        own = ("__array_api_version__", "__array_namespace_info__")
        return sorted({*WHERE, *SUBMODULES, *PLAIN, *VALUES, *ufuncs, *types, *own})
    if name in elementwise.UFUNCS:
        return elementwise.function(name)
    return dtypes.TYPES[name]
