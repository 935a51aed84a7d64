"""Structured arrays and times, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels.dtypes import dtype_from_json, dtype_to_json

import lambdarray as la

from ..judge import judge

PLAIN = np.dtype([("n", "i4"), ("v", "f8"), ("name", "U3"), ("when", "M8[D]")])
DEEP = np.dtype([("p", [("x", "f4"), ("y", "f4")]), ("m", "f8", (2, 3)), ("k", "i2", 4)])
LOOSE = np.dtype([("a", "i1"), ("b", "f8"), ("c", "u2")], align=True)


def sample(dtype: np.dtype[Any], shape: Any = (5, 3)) -> tuple[la.Array, np.ndarray]:
    value = np.zeros(shape, dtype)
    size = value.dtype.itemsize * value.size
    rng = np.random.default_rng(0)
    for name in dtype.names or ():
        part = value[name]
        if part.dtype.names is None:
            part[...] = rng.integers(0, 50, part.shape).astype(part.dtype)
    assert size
    return la.from_array(value, chunks=2), value


@pytest.mark.parametrize("dtype", [PLAIN, DEEP, LOOSE])
def test_fields_are_numpys(dtype: np.dtype[Any]) -> None:
    x = sample(dtype)
    for name in dtype.names or ():
        judge(lambda a, name=name: a[name], x, exact=True)
        judge(lambda a, name=name: a.T[::-1][name][1:], x, exact=True)
        judge(lambda a, name=name: a[1:2, 2][name], x, exact=True)
    judge(lambda a: a[list(dtype.names)[::2]], x, exact=True)
    judge(lambda a: a[[*dtype.names][-1:]][0], x, exact=True)


def test_fields_of_fields_are_computed_with() -> None:
    judge(lambda a: a["p"]["x"] * 2 + a["m"].sum(axis=(-1, -2)), sample(DEEP))
    judge(lambda a: a["v"].mean() + a["n"].max(), sample(PLAIN))


@pytest.mark.parametrize("key", ["z", ["z"], ["n", "z"], ["n", "n"]])
def test_fields_that_are_not_there_are_refused(key: Any) -> None:
    judge(lambda a: a[key], sample(PLAIN))
    judge(lambda a: a[key], (la.ones(3), np.ones(3)))


@pytest.mark.parametrize("dtype", [PLAIN, DEEP, LOOSE])
def test_structured_elements_are_equal_where_all_fields_are(dtype: np.dtype[Any]) -> None:
    x = sample(dtype)
    judge(lambda a: a == a[::-1], x)
    judge(lambda a: a != a[0], x)
    judge(lambda a: a == x[1][1, 1], x)
    judge(lambda a: a == 3, x)
    judge(lambda a: a == a[[*dtype.names][:1]], x)


@pytest.mark.parametrize("dtype", [PLAIN, DEEP, LOOSE, np.dtype(("f8", (2,))), np.dtype("M8[25s]"), np.dtype("f4")])
def test_dtypes_survive_as_plain_data(dtype: np.dtype[Any]) -> None:
    again = dtype_from_json(dtype_to_json(dtype))
    assert again == dtype
    assert again.itemsize == dtype.itemsize


def test_structured_tiles_are_kept_in_a_directory(tmp_path: Path) -> None:
    with la.config(store=str(tmp_path)):
        for dtype, name in ((PLAIN, "name"), (DEEP, "m"), (LOOSE, "c")):
            x, value = sample(dtype)
            judge(lambda a, name=name: a[name], (x.persist(), value), exact=True)
    judge(lambda m: m.zeros(3, LOOSE), (la, np), exact=True)


DAYS = np.array(["2020-01-01", "2020-03-01", "NaT", "1969-07-20"], "M8[D]")
HOURS = np.array([1, 5, -7, 12], "m8[h]")
TIMES: list[Callable[..., Any]] = [
    lambda d, h: d + h,
    lambda d, h: d - d[::-1],
    lambda d, h: d + 1,
    lambda d, h: d - np.timedelta64(3, "m"),
    lambda d, h: d - np.datetime64("2020-01-01T03"),
    lambda d, h: h / h,
    lambda d, h: h // np.timedelta64(2, "h"),
    lambda d, h: h * 2.5,
    lambda d, h: 3 * h / 2,
    lambda d, h: divmod(h, np.timedelta64(2, "h")),
    lambda d, h: d < np.datetime64("2020-02-01"),
    lambda d, h: (d == d, d != d, np.isnat(d)),
    lambda d, h: (d.min(), d.max(), d.argmin(), np.nanmax(d), np.ptp(d)),
    lambda d, h: (h.sum(), h.mean(), h.min(), np.nanmean(h), h.mean(axis=0, keepdims=True)),
    lambda d, h: (h.sum(initial=np.timedelta64(1, "D")), h.mean(where=h > np.timedelta64(0))),
    lambda d, h: (-h, abs(h), np.sign(h), np.diff(d), np.gradient(h)),
    lambda d, h: (d.astype("M8[M]"), d.astype("i8"), d.astype("U10"), h.astype("m8[m]"), h.astype("i4")),
    lambda d, h: (np.where(np.isnat(d), d[0], d), np.maximum(d, d[1]), np.clip(d[:2], d[1], None)),
    lambda d, h: np.searchsorted(np.sort(DAYS[:2]), d),
    lambda d, h: np.concatenate([d, d.astype("M8[s]")]),
    lambda d, h: np.isclose(h, h[::-1], atol=np.timedelta64(13, "h")),
    lambda d, h: np.count_nonzero(h),
    lambda d, h: d.mean(),
    lambda d, h: d + d,
    lambda d, h: h.std(),
    lambda d, h: h.prod(),
    lambda d, h: h * h,
    lambda d, h: np.average(h),
    lambda d, h: d - "2020-01-01",
]


@pytest.mark.parametrize("compute", TIMES)
def test_times_are_computed_with_as_by_numpy(compute: Callable[..., Any]) -> None:
    judge(compute, *((la.from_array(v, chunks=3), v) for v in (DAYS, HOURS)))


@settings(max_examples=20)
@given(unit=st.sampled_from(["Y", "D", "h", "ns"]), step=st.integers(1, 4))
def test_ranges_of_times_are_numpys(unit: str, step: int) -> None:
    judge(lambda m: m.arange(np.datetime64("2000", unit), np.datetime64("2000", unit) + 9, step), (la, np))
    judge(lambda m: m.arange(np.timedelta64(3, unit), np.timedelta64(9, unit)), (la, np))
    judge(lambda m: m.arange("2000-01", "2000-05", dtype="M8[M]"), (la, np))
