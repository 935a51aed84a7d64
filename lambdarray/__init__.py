"""NumPy on thousands of cores with no cluster: tiles in an object store, tasks on threads or in AWS Lambda.

>>> import lambdarray as la
>>> x = la.ones((4, 3), chunks=2)
>>> (x.T @ x + 1).sum().compute()
array(45.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__
from .api import creation, elementwise, manipulation, products, random, reductions
from .api.array import Array
from .config import Config, config, get_config

if TYPE_CHECKING:
    from .api.compute import Plan, RunReport, compute, explain, last_report, persist, plan, store, to_zarr

newaxis = None
pi, e, inf, nan = 3.141592653589793, 2.718281828459045, float("inf"), float("nan")

_MODULES = {
    creation: (
        "arange asarray empty empty_like eye from_array full full_like identity linspace ones ones_like open_zarr "
        "zeros zeros_like"
    ),
    elementwise: "astype clip imag real round where",
    manipulation: (
        "broadcast_arrays broadcast_to concat concatenate expand_dims flip matrix_transpose moveaxis permute_dims "
        "ravel rechunk reshape squeeze stack swapaxes transpose"
    ),
    products: "dot matmul outer vdot",
    reductions: "all any argmax argmin max mean min prod std sum var",
}
# The planner and the runtime are loaded when something is first computed.
_RUNNING = "Plan RunReport compute explain last_report persist plan store to_zarr"
_OTHERS = "Array Config __version__ config e get_config inf nan newaxis pi random"
_FUNCTIONS = {name: getattr(module, name) for module, names in _MODULES.items() for name in names.split()}
_UFUNCS = {name: elementwise.function(name) for name in elementwise.UFUNCS}

globals().update({**_UFUNCS, **_FUNCTIONS})

__all__ = sorted({*_RUNNING.split(), *_OTHERS.split(), *_FUNCTIONS, *_UFUNCS})


def __getattr__(name: str) -> Any:
    if name in _RUNNING.split():
        from .api import compute as running

        globals().update({n: getattr(running, n) for n in _RUNNING.split()})
        return globals()[name]
    raise AttributeError(
        f"module 'lambdarray' has no attribute {name!r}; what it has is in lambdarray.__all__, "
        "and np.asarray(x) or x.compute() brings an array to NumPy"
    )
