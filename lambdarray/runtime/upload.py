"""Arrays of this process for workers elsewhere: hashed by content, and uploaded tile by tile."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..store import ArrayIO
from ..tiling import Index, Tiling

UPLOAD_THREADS = 16


def content_hash(obj: Any, tiling: Tiling) -> str:
    """A hash of the values, read tile by tile: equal arrays in equal tiles give equal hashes."""
    digest = hashlib.sha256(repr((tiling.to_json(), str(np.dtype(obj.dtype)))).encode())
    for index in tiling.indices():
        values = np.ascontiguousarray(np.asarray(obj[tiling.slices(index)]))
        digest.update(values.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def upload(source: ArrayIO, target: ArrayIO, there: frozenset[Index]) -> None:
    """Write the tiles of an array that are not `there` yet."""
    tiling = target.spec.tiling

    def send(index: Index) -> None:
        target.write(index, source.read([c.span(i) for c, i in zip(tiling.axes, index, strict=True)]))

    with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        for _ in pool.map(send, (i for i in tiling.indices() if i not in there)):
            pass
