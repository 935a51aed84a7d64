"""Zarr arrays that tests of several files make, by zarr-python and by us."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from lambdarray.store import open_array
from lambdarray.store.memory import MemoryStore
from lambdarray.store.zarr import ZarrArray
from lambdarray.store.zarr_meta import ZarrMeta
from lambdarray.store.zarr_targets import finish_target, new_target, prepare_target
from lambdarray.task import ArraySpec

zarr = pytest.importorskip("zarr", reason="zarr-python is the judge of what is valid; it is in the extra 'test'")

SHAPE, CHUNKS = (7, 10), (3, 4)
FIELDS = [("a", "<f8"), ("b", [("c", "S2"), ("d", "<U3")])]
DTYPES = ["?", "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", "M8[ns]", "m8[3D]", "M8"]
DTYPES += ["S3", "U4", "V5", FIELDS]


def sample(dtype: Any, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    raw = np.random.default_rng(0).integers(0, 100, shape)
    dtype = np.dtype(dtype)
    if dtype.fields:
        out = np.zeros(shape, dtype)
        for name in dtype.names or ():
            out[name] = sample(dtype[name], shape)
        return out
    if dtype.kind == "V":
        return np.frombuffer(raw.astype(f"S{dtype.itemsize}").tobytes(), dtype).reshape(shape)
    return raw.astype("i8").view(dtype) if dtype.kind in "mM" else raw.astype(dtype)


def spec_for(meta: ZarrMeta, name: str = "a") -> ArraySpec:
    return ArraySpec(name, meta.tiling, meta.dtype, json.loads(json.dumps(meta.location())))


def opened(meta: ZarrMeta) -> ZarrArray:
    array = open_array(spec_for(meta), MemoryStore())
    assert isinstance(array, ZarrArray)
    return array


def prepare(
    url: str, shape: Any, chunks: Any, dtype: np.dtype[Any], plan: str, overwrite: bool = False, **options: Any
) -> ZarrMeta:
    target = new_target(url, shape, chunks, dtype, **options)
    prepare_target(target, plan, overwrite)
    return target


def save(
    url: str, x: np.ndarray, chunks: tuple[int, ...] = CHUNKS, plan: str = "p", finish: bool = True, **options: Any
) -> None:
    array = opened(prepare(url, x.shape, chunks, x.dtype, plan, **options))
    for index in array.spec.tiling.indices():
        assert array.write(index, x[array.spec.tiling.slices(index)]) is True
    if finish:
        finish_target(url)
