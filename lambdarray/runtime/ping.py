"""What a function says of itself: what it runs on, and whether it can use its scratch."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from time import time
from typing import Any

import numpy as np

from ..errors import LambdarrayError, StoreError
from ..store import TileStore, open_store
from . import environment


def ping(event: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Versions, cores, memory and BLAS; with a store, of the event or the function's own, also a round trip to it.

    The answer has `store` where that was written to and read, `store_error` where it could not be. Where the event
    asks to `measure` something, `measured` has the seconds. `began_s` and `ended_s` are the function's own time.
    """
    answer: dict[str, Any] = {
        "began_s": time(),
        "version": version,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas_name(),
        "cores": environment.cores(),
        "machine": platform.machine(),
        "memory_mib": environment.memory_mib(),
    }
    url = event.get("store") or os.environ.get("LAMBDARRAY_STORE")
    if url:
        try:
            touch(open_store(url))
            answer["store"] = url
        except (LambdarrayError, OSError, ValueError) as error:
            answer["store_error"] = f"{type(error).__name__}: {error}"
    if asked := event.get("measure"):
        from lambdarray_kernels import fortran

        from .measure import measure

        fortran.load()  # the second BLAS, whose threads are set with the first's
        environment.set_blas_threads(environment.blas_threads())
        answer["measured"] = measure(asked, url or "")
    answer["ended_s"] = time()
    return answer


def touch(store: TileStore) -> None:
    """Write and read a small object; raises StoreError where what is read is not what was written.

    It is the same object each time and stays: a function's role may not delete.
    """
    key, data = "ping/last", b"lambdarray"
    store.put_bytes(key, data)
    found = bytes(store.get_bytes(key))
    if found != data:
        raise StoreError(f"{store.url} gave back {found!r} for {data!r}")


def blas_name() -> str:
    """The BLAS that NumPy was built with, and its version."""
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
