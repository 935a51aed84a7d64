"""Rechunking reads each tile once, in two passes where one would read it over and over, at bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

import lambdarray as la
from lambdarray.api import manipulation


@pytest.fixture
def rows(tmp_path):
    """An array on disk in chunks of whole rows, each larger than what is not worth a second pass."""
    values = np.random.default_rng(0).standard_normal((256, 2048))
    la.from_array(values, chunks=(32, 2048)).to_zarr(tmp_path / "rows.zarr")
    return la.open_zarr(tmp_path / "rows.zarr"), values


def test_rows_to_columns_on_disk_takes_two_passes_and_reads_each_byte_twice(rows, tmp_path):
    x, values = rows
    y = x.rechunk((256, 128))
    plan = la.plan(y)
    assert plan.task_count == x.npartitions + y.npartitions
    assert any("cut anew" in note for note in plan.notes)
    y.to_zarr(tmp_path / "columns.zarr")
    report = la.last_report()
    assert report is not None
    assert report.bytes_read == 2 * values.nbytes
    np.testing.assert_array_equal(la.open_zarr(tmp_path / "columns.zarr").compute(), values)


def test_two_readers_of_the_same_parts_share_the_first_pass(rows):
    x, values = rows
    y = x.rechunk((256, 128))
    a, b = la.compute(y + 1, y.T * 2)
    np.testing.assert_array_equal(a, values + 1)
    np.testing.assert_array_equal(b, values.T * 2)


def test_whole_tiles_and_tiles_in_memory_take_one_pass(rows):
    x, _ = rows
    assert la.plan(x.rechunk((64, 2048))).task_count == 4
    assert la.plan((la.ones((256, 2048), chunks=(32, 2048)) + 1).rechunk((256, 128))).task_count == 16


def test_a_few_columns_are_read_from_where_they_are(rows):
    x, values = rows
    for y in (x[:, 5] + 1, x[:, [5, 7, 8]], x[::-1, 5:9] * 2):
        plan = la.plan(y)
        assert len(plan.programs) == 1
        assert not plan.notes
    np.testing.assert_array_equal(x[:, [5, 7, 8]].compute(), values[:, [5, 7, 8]])


def test_small_tiles_are_not_worth_a_second_pass(tmp_path):
    la.ones((64, 64), chunks=(8, 64)).to_zarr(tmp_path / "a.zarr")
    assert la.plan(la.open_zarr(tmp_path / "a.zarr").rechunk((64, 8))).task_count == 8


@pytest.mark.parametrize(
    ("source", "target"),
    [((6, 40), (240,)), ((240,), (6, 40)), ((3, 6, 40), (3, 240)), ((3, 240), (3, 8, 30)), ((6, 40, 2), (4, 60, 2))],
)
def test_rows_too_long_for_a_block_are_reshaped_one_by_one(source, target, monkeypatch):
    monkeypatch.setattr(manipulation, "MOST_ROW_BYTES", 8 * 20)
    values = np.arange(np.prod(source), dtype=float).reshape(source)
    x = la.from_array(values, chunks=tuple(max(1, n // 3) for n in source)).reshape(target)
    np.testing.assert_array_equal(x.compute(), values.reshape(target))
    longest = max(p.axes[-1].max_chunk for p in la.plan(x).programs)
    assert longest <= 240
