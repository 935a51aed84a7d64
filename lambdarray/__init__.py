"""NumPy on thousands of cores with no cluster: tiles in an object store, tasks on threads or in AWS Lambda.

>>> import lambdarray as la
>>> x = la.ones((4, 3), chunks=2)
>>> (x.T @ x + 1).sum().compute()
array(45.)
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ._version import __version__ as __version__


class _Package(ModuleType):
    """Lets `lambdarray.config` and `lambdarray.store` stay functions when modules of these names are loaded."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in ("config", "store") and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    # What users import is loaded when first asked for: a function in Lambda needs none of it.
    if name.startswith("__") and name not in ("__all__", "__array_api_version__", "__array_namespace_info__"):
        raise AttributeError(name)
    from .api import names

    try:
        value = names.find(name)
    except KeyError:
        pass
    else:
        globals()[name] = value
        return value
    raise AttributeError(
        f"module 'lambdarray' has no attribute {name!r}; what it has is in lambdarray.__all__, "
        "and np.asarray(x) or x.compute() brings an array to NumPy"
    )


def __dir__() -> list[str]:
    return list(__getattr__("__all__"))
