"""The metadata of a Zarr array: version 3 read and written, version 2 read."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import StoreError
from ..tiling import Index, Json, Tiling, dtype_from_json, dtype_to_json

MARK = "lambdarray"
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
CRC32C = {"name": "crc32c"}
INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NAMES = (*INTEGERS, "float16", "float32", "float64", "complex64", "complex128")
# Elements of so many bytes, by NumPy's kind of them.
BYTES_OF_LENGTH = {"U": "fixed_length_utf32", "S": "null_terminated_bytes", "V": "raw_bytes"}
FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True, slots=True)
class ZarrMeta:
    """All that is needed to read and write the chunks of an array at `url`.

    `chunks` is the length of a chunk along each axis, `fill` the bytes of the element that a missing chunk consists
    of, `codecs` those of version 3 (version 2's are translated), outermost last. `stored` is the dtype in the chunks,
    which may have another byte order than `dtype`.
    """

    url: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    codecs: tuple[Mapping[str, Json], ...] = (BYTES, CRC32C)
    fill: bytes = b""
    keys: str = "c/"
    version: int = 3
    attributes: Mapping[str, Json] = field(default_factory=dict)

    @property
    def tiling(self) -> Tiling:
        """The chunks as tiles."""
        return Tiling.regular(self.shape, self.chunks)

    @property
    def mark(self) -> Mapping[str, Json] | None:
        """What a save of ours noted: its plan's key, and whether it came to its end."""
        found = self.attributes.get(MARK)
        return found if isinstance(found, Mapping) and "plan" in found else None

    @property
    def fill_value(self) -> np.ndarray:
        """The element of missing chunks, as an array without axes."""
        if not self.fill:
            return np.zeros((), self.dtype)
        return np.frombuffer(self.fill, self.dtype)[0:1].reshape(())

    def key(self, index: Index) -> str:
        """The key of a chunk under the array's own."""
        # "c/" and "c." begin keys of version 3, "/" and "." are version 2's, all end in the separator.
        separator = self.keys[-1]
        name = separator.join(map(str, index))
        if self.keys[0] == "c":
            return self.keys + name if index else "c"
        return name or "0"

    def location(self) -> dict[str, Json]:
        """For `ArraySpec.location`: plain data, so that who opens the array need not read its metadata again."""
        return {
            "kind": "zarr",
            "url": self.url,
            "shape": list(self.shape),
            "chunks": list(self.chunks),
            "dtype": dtype_to_json(self.dtype),
            "codecs": [dict(codec) for codec in self.codecs],
            "fill": base64.b64encode(self.fill).decode(),
            "keys": self.keys,
            "version": self.version,
            "mark": dict(self.mark) if self.mark else None,
        }

    @classmethod
    def from_location(cls, data: Mapping[str, Json]) -> ZarrMeta:
        """The inverse of `location`."""
        return cls(
            url=data["url"],
            shape=tuple(data["shape"]),
            chunks=tuple(data["chunks"]),
            dtype=dtype_from_json(data["dtype"]),
            codecs=tuple(data["codecs"]),
            fill=base64.b64decode(data["fill"]),
            keys=data["keys"],
            version=data["version"],
            attributes={MARK: data["mark"]} if data["mark"] else {},
        )

    def to_v3(self) -> bytes:
        """The text of zarr.json."""
        name, fill = dtype_to_zarr(self.dtype)
        document = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(self.shape),
            "data_type": name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(self.chunks)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": fill,
            "codecs": list(self.codecs),
            "attributes": dict(self.attributes),
        }
        return json.dumps(document, indent=2).encode()


def dtype_to_zarr(dtype: np.dtype[Any]) -> tuple[Json, Json]:
    """A dtype's name in version 3, and what fills it: zero, or no time.

    Raises StoreError for a dtype that Zarr does not have.

    >>> dtype_to_zarr(np.dtype("<c16"))
    ('complex128', [0.0, 0.0])
    """
    if dtype.fields is not None:
        fields = [[name, dtype_to_zarr(dtype[name])[0]] for name in dtype.names or ()]
        return {"name": "structured", "configuration": {"fields": fields}}, _zero_bytes(dtype)
    if dtype.subdtype is None and dtype.name in NAMES:
        zeros = {"b": False, "f": 0.0, "c": [0.0, 0.0]}
        return dtype.name, zeros.get(dtype.kind, 0)
    if dtype.subdtype is None and dtype.kind in BYTES_OF_LENGTH and dtype.itemsize:
        zero = _zero_bytes(dtype) if dtype.kind == "V" else ""
        return {"name": BYTES_OF_LENGTH[dtype.kind], "configuration": {"length_bytes": dtype.itemsize}}, zero
    if dtype.kind in "mM":
        unit, count = np.datetime_data(dtype)
        name = "numpy.datetime64" if dtype.kind == "M" else "numpy.timedelta64"
        return {"name": name, "configuration": {"unit": unit, "scale_factor": count}}, "NaT"
    raise StoreError(
        f"Zarr has no data type for {dtype}; convert the array first: there are {', '.join(NAMES)}, "
        "datetime64 and timedelta64, bytes and text of a length, and structures of these"
    )


def _zero_bytes(dtype: np.dtype[Any]) -> str:
    return base64.b64encode(bytes(dtype.itemsize)).decode()


def parse_v3(url: str, document: Mapping[str, Json]) -> ZarrMeta:
    """The metadata in a zarr.json; raises StoreError for what we do not read."""
    if document.get("node_type") != "array":
        raise StoreError(f"{url} is a Zarr group, not an array; open one of the arrays in it, such as {url}/name")
    grid = document["chunk_grid"]
    if grid["name"] != "regular":
        raise StoreError(f"{url} has a chunk grid of kind {grid['name']!r}; only 'regular' grids are read")
    if document.get("storage_transformers"):
        raise StoreError(f"{url} has storage transformers, which are not known here")
    dtype = _dtype_v3(url, document["data_type"])
    return ZarrMeta(
        url=url,
        shape=tuple(document["shape"]),
        chunks=tuple(grid["configuration"]["chunk_shape"]),
        dtype=dtype,
        codecs=tuple(_named(codec) for codec in document["codecs"]),
        fill=fill_bytes(document.get("fill_value"), dtype),
        keys=_keys_v3(url, _named(document["chunk_key_encoding"])),
        attributes=document.get("attributes") or {},
    )


def _named(codec: Json) -> dict[str, Json]:
    """A codec with its configuration; the format allows the name alone where that is empty."""
    return {"name": codec} if isinstance(codec, str) else codec


def _keys_v3(url: str, encoding: Mapping[str, Json]) -> str:
    settings = encoding.get("configuration") or {}
    if encoding["name"] == "default":
        return f"c{settings.get('separator', '/')}"
    if encoding["name"] == "v2":
        return str(settings.get("separator", "."))
    raise StoreError(f"{url} names its chunks in a way that is not known here: {encoding['name']!r}")


def _dtype_v3(url: str, data: Json) -> np.dtype[Any]:
    name = data if isinstance(data, str) else data.get("name")
    settings = {} if isinstance(data, str) else data.get("configuration") or {}
    if name in NAMES:
        return np.dtype(name)
    if name in ("numpy.datetime64", "numpy.timedelta64"):
        kind = "M8" if name == "numpy.datetime64" else "m8"
        if settings["unit"] == "generic":
            return np.dtype(kind)
        return np.dtype(f"{kind}[{settings.get('scale_factor', 1)}{settings['unit']}]")
    if name in ("structured", "struct"):
        return np.dtype([(field, _dtype_v3(url, kind)) for field, kind in settings["fields"]])
    if name == "fixed_length_utf32":
        return np.dtype(f"U{settings['length_bytes'] // 4}")
    if name == "raw_bytes":
        return np.dtype(f"V{settings['length_bytes']}")
    if name in ("null_terminated_bytes", "fixed_length_ascii"):
        return np.dtype(f"S{settings.get('length_bytes') or settings['length_bits'] // 8}")
    if isinstance(name, str) and name.startswith("r") and name[1:].isdigit():
        return np.dtype(f"V{int(name[1:]) // 8}")
    raise StoreError(f"{url} has elements of data type {name!r}, which NumPy has no fixed-size dtype for")


def parse_v2(url: str, document: Mapping[str, Json], attributes: Mapping[str, Json]) -> ZarrMeta:
    """The metadata in a .zarray, with its codecs written as version 3's."""
    data = document["dtype"]
    dtype = np.dtype(data if isinstance(data, str) else [_field_v2(item) for item in data])
    if dtype.hasobject:
        raise StoreError(f"{url} has elements of dtype {dtype}, which are Python objects; only plain data is read")
    ndim = len(document["shape"])
    codecs: list[dict[str, Json]] = []
    if document.get("order", "C") == "F" and ndim > 1:
        codecs.append({"name": "transpose", "configuration": {"order": list(range(ndim))[::-1]}})
    filters = document.get("filters") or []
    # The fields of a structure have each its own order.
    order = {} if dtype.fields else {"configuration": {"endian": "big" if dtype.byteorder == ">" else "little"}}
    codecs.append({"name": "bytes", **order})
    outer = [*filters, *([document["compressor"]] if document.get("compressor") else [])]
    codecs.extend({"name": f"numcodecs.{codec['id']}", "configuration": codec} for codec in outer)
    return ZarrMeta(
        url=url,
        shape=tuple(document["shape"]),
        chunks=tuple(document["chunks"]),
        dtype=dtype,
        codecs=tuple(codecs),
        fill=fill_bytes(document.get("fill_value"), dtype),
        keys=document.get("dimension_separator", "."),
        version=2,
        attributes=attributes,
    )


def _field_v2(item: Sequence[Json]) -> tuple[Any, ...]:
    name, kind, *rest = item
    made = kind if isinstance(kind, str) else [_field_v2(inner) for inner in kind]
    return (str(name), made, *(tuple(shape) for shape in rest))


def fill_bytes(value: Json, dtype: np.dtype[Any]) -> bytes:
    """The bytes of a fill value as the formats write it; empty for none, which stands for zero.

    >>> fill_bytes("NaN", np.dtype("<f4")).hex()
    '0000c07f'
    """
    if value is None:
        return b""
    if isinstance(value, list) and dtype.kind == "c":
        parts = [_float(part, np.dtype(f"{dtype.str[0]}f{dtype.itemsize // 2}")) for part in value]
        return np.concatenate(parts).tobytes()
    if dtype.kind == "f":
        return _float(value, dtype).tobytes()
    if isinstance(value, str) and dtype.kind in "SV":
        raw = np.frombuffer(base64.b64decode(value).ljust(dtype.itemsize, b"\0"), np.uint8)
        return raw[: dtype.itemsize].tobytes()
    if value == "NaT" or (dtype.kind in "mM" and not isinstance(value, str)):
        number = np.iinfo("i8").min if value == "NaT" else value
        return np.array([number], f"{dtype.str[0]}i8").tobytes()
    if dtype.kind == "V":
        return b""
    return np.array([value]).astype(dtype).tobytes()


def _float(value: Json, dtype: np.dtype[Any]) -> np.ndarray:
    if isinstance(value, str) and value.startswith("0x"):
        bits = int(value, 16).to_bytes(dtype.itemsize, "big")
        return np.frombuffer(bits, dtype.newbyteorder(">")).astype(dtype)
    return np.array([FLOATS.get(value, value) if isinstance(value, str) else value]).astype(dtype)
