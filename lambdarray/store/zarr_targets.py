"""Zarr arrays that plans write: made ready, marked with their plan, refused where anything else is, finished."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import StoreError, TargetExistsError
from ..tiling import Json, Tiling, dtype_from_json, dtype_to_json
from .base import TileStore
from .compression import Codec, compressor, encoder
from .locate import open_store
from .zarr import METADATA, parse, read_documents, read_json
from .zarr_meta import BYTES, CRC32C, MARK, ZarrMeta, dtype_to_zarr

GROUP = {"zarr_format": 3, "node_type": "group", "attributes": {}}


def target_chunks(tiling: Tiling, name: str = "array") -> tuple[int, ...]:
    """The chunk shape for saving an array of this tiling; raises StoreError where Zarr cannot have such chunks."""
    for axis, cuts in enumerate(tiling.axes):
        if not cuts.regular:
            raise StoreError(
                f"{name} cannot be saved to Zarr: along axis {axis} its chunks are {_some(cuts.chunks)}, and Zarr "
                "needs chunks of one length, but for a shorter last one; use .rechunk(...) first"
            )
    return tuple(max(1, n) for n in tiling.max_tile)


def _some(lengths: Sequence[int]) -> str:
    text = ", ".join(map(str, lengths[:6]))
    return f"({text}, ...)" if len(lengths) > 6 else f"({text})"


def codecs_for(name: str | None = None, level: int | None = None) -> tuple[Codec, ...]:
    """The codecs of an array that is saved with a compressor, or without one; a CRC-32C ends every chunk.

    Raises ConfigError for a compressor or level that there is not, StoreError for one whose package is not there.
    """
    inner = compressor(name, level)
    for codec in inner:
        encoder(codec, "the target")
    return (BYTES, *inner, CRC32C)


def new_target(
    url: str,
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: np.dtype[Any],
    codecs: Sequence[Codec] = (BYTES, CRC32C),
) -> ZarrMeta:
    """The description of an array that `prepare_target` will make at `url`, before its plan and so its key are known.

    Raises StoreError for a dtype or chunks that Zarr does not have; nothing is read or written.
    """
    dtype_to_zarr(np.dtype(dtype))
    if any(not isinstance(n, (int, np.integer)) for n in chunks):
        raise StoreError(f"an array cannot be saved to Zarr with chunks {tuple(chunks)}: give one length for each axis")
    sizes = tuple(int(n) for n in shape), tuple(max(1, int(n)) for n in chunks)
    packed = dtype_from_json(dtype_to_json(np.dtype(dtype))).newbyteorder("<")
    return _marked(ZarrMeta(url, *sizes, packed, tuple(codecs)), "", False)


def _marked(meta: ZarrMeta, plan_key: str, complete: bool) -> ZarrMeta:
    return replace(meta, attributes={**meta.attributes, MARK: {"plan": plan_key, "complete": complete}})


def prepare_target(
    target: ZarrMeta, plan_key: str, overwrite: bool = False, attributes: Mapping[str, Json] | None = None
) -> None:
    """Make the array ready to be written by a plan: marked with the plan's key, and incomplete.

    What this plan wrote before is kept, so that a run that was killed goes on. Raises TargetExistsError where
    anything else is there; with `overwrite` an array that is there is deleted first, and nothing but an array.
    """
    store, url = open_store(target.url), target.url
    wanted = replace(target, attributes={**(attributes or {}), **target.attributes})
    found = _existing(store, url)
    mark = (found.mark if found else None) or {}
    if found is not None and mark.get("plan") == plan_key and not (overwrite and mark["complete"]):
        if attributes is not None:
            store.put_bytes(METADATA, replace(found, attributes={**attributes, MARK: dict(mark)}).to_v3())
        return
    if found is None or not overwrite:
        _refuse_unless_empty(store, url)
    else:
        _clear(store, _marked(wanted, "", False))
    _prepare_groups(url)
    store.put_bytes(METADATA, _marked(wanted, plan_key, False).to_v3())


def _existing(store: TileStore, url: str) -> ZarrMeta | None:
    documents = read_documents(store)
    try:
        return parse(url, documents)
    except StoreError as error:
        raise TargetExistsError(f"{url} cannot be saved to: {error}") from error


def _refuse_unless_empty(store: TileStore, url: str) -> None:
    first = next(iter(store.list()), None)
    if first is not None:
        raise TargetExistsError(
            f"{url} is not empty: it holds {first}, which this plan did not write; "
            "save elsewhere, or give overwrite=True, which replaces a Zarr array and nothing else"
        )


def _clear(store: TileStore, wanted: ZarrMeta) -> None:
    """Delete an array so that it is never, not even when this is interrupted, taken for whole."""
    store.put_bytes(METADATA, wanted.to_v3())
    keys = [key for key in store.list() if key != METADATA]
    store.delete_all(keys)
    # A directory that is left would stand where the chunk of an array of no axes goes.
    for folder in {key.partition("/")[0] for key in keys if "/" in key}:
        store.delete_prefix(folder)


def finish_target(url: str) -> None:
    """Mark the array at `url`, all of whose chunks are written, as complete."""
    store = open_store(url)
    document = read_json(store, METADATA)
    if document is None or MARK not in (document.get("attributes") or {}):
        raise StoreError(f"{url} is no array that is being saved")
    if not document["attributes"][MARK]["complete"]:
        document["attributes"][MARK]["complete"] = True
        store.put_bytes(METADATA, json.dumps(document, indent=2).encode())


def groups_of(url: str) -> list[str]:
    """The groups that an array at `url` lies in: from the first folder whose name ends in `.zarr` down to its own.

    >>> groups_of("s3://bucket/run.zarr/ocean/heat")
    ['s3://bucket/run.zarr', 's3://bucket/run.zarr/ocean']
    """
    parts = url.rstrip("/").split("/")
    first = next((n for n, part in enumerate(parts[:-1]) if part.endswith(".zarr")), len(parts))
    return ["/".join(parts[:n]) for n in range(first + 1, len(parts))]


def _prepare_groups(url: str) -> None:
    """Make the groups that an array lies in, where they are not there yet."""
    for group in groups_of(url):
        store = open_store(group)
        documents = read_documents(store)
        kind = documents.get(METADATA, GROUP).get("node_type")
        if kind != "group" or not documents.keys() <= {METADATA}:
            raise TargetExistsError(f"{group} is no group of Zarr version 3, so that {url} cannot be an array in it")
        store.put_bytes(METADATA, json.dumps(GROUP, indent=2).encode(), create=True)
