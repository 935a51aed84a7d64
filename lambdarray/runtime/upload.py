"""In-memory sources for functions elsewhere: hashed by content, and uploaded tile by tile."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..store import ArrayIO
from ..tiling import Tiling

UPLOAD_THREADS = 16


def _slice(obj: Any, tiling: Tiling, index: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(obj[tiling.slices(index)]))


def content_hash(obj: Any, tiling: Tiling) -> str:
    """A hash of the values, read tile by tile: equal arrays in equal tiles give equal hashes."""
    digest = hashlib.sha256(repr((tiling.to_json(), str(np.dtype(obj.dtype)))).encode())
    for index in tiling.indices():
        digest.update(_slice(obj, tiling, index).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def upload(obj: Any, target: ArrayIO, tiling: Tiling, there: frozenset[tuple[int, ...]]) -> None:
    """Write the tiles of an in-memory source that are not `there` yet."""

    def send(index: tuple[int, ...]) -> None:
        target.write(index, _slice(obj, tiling, index).astype(target.spec.dtype, copy=False))

    with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        for _ in pool.map(send, (i for i in tiling.indices() if i not in there)):
            pass
