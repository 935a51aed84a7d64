"""A tile that is corrupt or gone is an error that names it, never zeros and never other values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import CorruptTileError, LambdarrayError, MissingTileError, TaskError
from lambdarray.runtime.launch import Launch
from lambdarray.store import open_store
from lambdarray.store.base import TileStore
from lambdarray.store.testing import turn_a_bit

Harm = Callable[[TileStore, str], None]


def corrupt(store: TileStore, key: str) -> None:
    """Turn one bit of an object's elements."""
    data = bytearray(store.get_bytes(key))
    data[-1 - Random(key).randrange(32)] ^= 4
    store.delete(key)
    store.put_bytes(key, bytes(data))


def remove(store: TileStore, key: str) -> None:
    store.delete(key)


HARMS: dict[str, tuple[Harm, type[LambdarrayError]]] = {
    "corrupt": (corrupt, CorruptTileError),
    "missing": (remove, MissingTileError),
}
each_harm = pytest.mark.parametrize(("harm", "kind"), HARMS.values(), ids=list(HARMS))


def persisted(store: str) -> tuple[Any, list[str]]:
    """An array of ones in tiles of a durable store, and their keys."""
    with la.config(store=store):
        array = (la.zeros((6, 6), chunks=2) + 1).persist()
    return array, sorted(key for key in open_store(store).list() if not key.startswith("runs/"))


@each_harm
def test_a_task_that_reads_a_bad_tile_ends_the_run_with_its_name(
    harm: Harm, kind: type[LambdarrayError], durable_store: str
) -> None:
    array, keys = persisted(durable_store)
    harm(open_store(durable_store), keys[4])
    with la.config(store=durable_store, retries=1), pytest.raises(TaskError) as caught:
        (array * 2).compute()
    text = str(caught.value)
    assert kind.__name__ in text
    assert keys[4] in text
    assert caught.value.attempts == 2
    assert "test_bad_tiles.py" in text


@each_harm
def test_reading_a_bad_tile_of_a_result_is_the_same_error(
    harm: Harm, kind: type[LambdarrayError], durable_store: str
) -> None:
    array, keys = persisted(durable_store)
    harm(open_store(durable_store), keys[0])
    with pytest.raises(kind, match=keys[0]):
        array.compute()


def test_no_bit_of_a_tile_can_turn_and_change_a_value_unnoticed(tmp_path: Path) -> None:
    _, keys = persisted(str(tmp_path))
    store, noticed = open_store(str(tmp_path)), 0
    whole = bytes(store.get_bytes(keys[0]))
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        store.put_bytes(keys[0], bytes(data))
        try:
            found = store.get(keys[0], np.dtype(float), (2, 2))
        except CorruptTileError:
            noticed += 1
        else:
            np.testing.assert_array_equal(found, np.ones((2, 2)))  # what fills the header up
    assert noticed > 0.9 * 8 * len(whole)


def harmed_meanwhile(monkeypatch: pytest.MonkeyPatch, harm: Harm) -> list[str]:
    """Have every tile of a run's first stage that is reported spoilt before another task may read it."""
    spoilt: list[str] = []
    inner = Launch._on_report

    def on_report(launch: Launch, report: Any, tiles: Any) -> None:
        inner(launch, report, tiles)
        first = launch.plan.programs[0]
        if report.status == "done" and report.task == 0 and not spoilt:
            ((name, index),) = first.task(0).outputs()
            spoilt.append(f"{launch.plan.arrays[name].location['prefix']}/{'.'.join(map(str, index))}")
            harm(launch.scratch, spoilt[0])

    monkeypatch.setattr(Launch, "_on_report", on_report)
    return spoilt


@each_harm
def test_a_tile_that_goes_bad_in_the_middle_of_a_run_ends_it(
    harm: Harm, kind: type[LambdarrayError], durable_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = la.random.default_rng(0).random((60, 60), chunks=20)
    spoilt = harmed_meanwhile(monkeypatch, harm)
    with la.config(store=durable_store, retries=1, workers=2), pytest.raises(TaskError, match=kind.__name__) as caught:
        (noise @ noise).compute()
    assert spoilt[0] in str(caught.value)


def test_a_tile_in_memory_that_is_gone_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = la.random.default_rng(0).random((60, 60), chunks=20)
    spoilt = harmed_meanwhile(monkeypatch, remove)
    with la.config(retries=0, workers=2), pytest.raises(TaskError, match="MissingTileError") as caught:
        (noise @ noise).compute()
    assert spoilt[0] in str(caught.value)


@pytest.mark.parametrize("executor", ["lambda", "processes"])
def test_a_bad_tile_is_the_same_error_from_another_process(executor: str, on_lambda: str) -> None:
    array, keys = persisted(on_lambda)
    corrupt(open_store(on_lambda), keys[3])
    settings = la.config(executor=executor, retries=1)
    with settings, pytest.raises(TaskError, match="CorruptTileError") as caught:
        (array + 1).compute()
    assert keys[3] in str(caught.value)


def test_a_resumed_run_does_not_take_a_corrupt_tile_for_its_result(durable_store: str) -> None:
    array, keys = persisted(durable_store)
    corrupt(open_store(durable_store), keys[2])
    again, _ = persisted(durable_store)  # its tiles are all there
    with pytest.raises(CorruptTileError, match=keys[2]):
        again.compute()
    open_store(durable_store).delete(keys[2])
    again, _ = persisted(durable_store)
    np.testing.assert_array_equal(again.compute(), np.ones((6, 6)))
    np.testing.assert_array_equal(array.compute(), np.ones((6, 6)))


@each_harm
def test_a_bad_chunk_of_a_finished_save_is_an_error(
    harm: Harm, kind: type[LambdarrayError], durable_store: str
) -> None:
    target = f"{durable_store}/x.zarr".replace("/scratch/", "/out/") if "s3" in durable_store else f"{durable_store}.z"
    (la.zeros((6, 6), chunks=2) + 1).to_zarr(target)
    harm(open_store(target), "c/1/1")
    with pytest.raises(kind, match="c/1/1"):
        la.open_zarr(target).compute()


def test_a_turned_bit_is_found_whatever_the_dtype(durable_store: str) -> None:
    store = open_store(durable_store)
    for n, dtype in enumerate(("i1", "f4", "c16", "?", [("a", "f8"), ("b", "i4")])):
        tile = np.ones(5, dtype)
        store.put_bytes(f"odd/{n}", turn_a_bit(tile, Random(n)))
        with pytest.raises(CorruptTileError):
            store.get(f"odd/{n}", tile.dtype, tile.shape)
