"""What a run leaves in a durable store: its tiles where it failed or was told to keep them, else nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import TaskError
from lambdarray.runtime.execution import Execution
from lambdarray.scratch import clean
from lambdarray.store import open_store

from .expressions import ALL
from .job import expected, expression

Tiles = Callable[[str], list[str]]


def reluctant(run: Callable[[Execution], Any]) -> Callable[[Execution], Any]:
    """A worker that cannot do any but the first six tasks of a stage."""

    def run_or_not(execution: Execution) -> Any:
        if execution._task.number >= 6:
            raise OSError("not yet")
        return run(execution)

    return run_or_not


@pytest.mark.parametrize("name", ALL)
def test_a_run_that_succeeds_leaves_nothing(name: str, durable_store: str, tiles: Tiles) -> None:
    with la.config(store=durable_store, workers=2):
        ALL[name]()[0].compute()
    assert tiles(durable_store) == []


def test_a_save_leaves_nothing_but_its_target(durable_store: str, tiles: Tiles, tmp_path: Path) -> None:
    with la.config(store=durable_store):
        expression().to_zarr(str(tmp_path / "x.zarr"))
    assert tiles(durable_store) == []
    assert sum(key.startswith("c/") for key in open_store(str(tmp_path / "x.zarr")).list()) == 12


def test_persist_leaves_the_tiles_of_what_it_persists_and_no_others(durable_store: str, tiles: Tiles) -> None:
    with la.config(store=durable_store):
        kept = expression().persist()
    assert len(tiles(durable_store)) == 12
    np.testing.assert_allclose(kept.compute(), expected(), rtol=1e-11)
    assert len(tiles(durable_store)) == 12


def persist_and_use(store: str, tiles: Tiles) -> None:
    """Persist an array of this process, and use it; it is in the store from then on, whatever becomes of it here."""
    values = np.arange(30.0).reshape(6, 5)
    kept = la.from_array(values, chunks=(3, 2)).persist()
    assert len(tiles(store)) == 6
    values[:] = 0
    np.testing.assert_array_equal((kept + 1).compute(), np.arange(1, 31.0).reshape(6, 5))
    assert la.plan(kept + 1).arrays["s0"].location["store"] == store
    assert len(tiles(store)) == 6


def test_persist_puts_an_array_of_this_process_into_the_store(durable_store: str, tiles: Tiles) -> None:
    with la.config(store=durable_store):
        persist_and_use(durable_store, tiles)


def test_persist_sends_an_array_of_this_process_to_functions_once(on_lambda: str, tiles: Tiles) -> None:
    persist_and_use(on_lambda, tiles)


def test_what_is_persisted_in_memory_can_be_persisted_in_a_durable_store(durable_store: str, tiles: Tiles) -> None:
    here = (la.arange(6.0, chunks=2) + 1).persist()
    with la.config(store=durable_store):
        kept = here.persist()
        assert len(tiles(durable_store)) == 3
        del here
        np.testing.assert_array_equal(kept.compute(), np.arange(6.0) + 1)


def test_what_is_in_the_store_already_is_persisted_without_a_trace(tmp_path: Path) -> None:
    store = tmp_path / "scratch"
    with la.config(store=str(store)):
        kept = (la.arange(6.0, chunks=2) + 1).persist()
        shutil.rmtree(store / "runs")  # where runs say that they live
        kept.persist()
    assert not (store / "runs").exists()


def test_a_run_in_functions_leaves_nothing_of_what_it_uploaded(on_lambda: str, tiles: Tiles) -> None:
    expression().compute()
    assert tiles(on_lambda) == []


def test_a_run_that_ends_in_an_error_keeps_the_completed_tiles_and_goes_on_from_them(
    durable_store: str, tiles: Tiles
) -> None:
    x = la.random.default_rng(2).random(80, chunks=10)
    with la.config(store=durable_store, workers=1, retries=0):
        y = la.exp(x) + 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Execution, "run", reluctant(Execution.run))
            with pytest.raises(TaskError, match="not yet"):
                y.compute()
        done = tiles(durable_store)
        assert len(done) == 6
        value = y.compute()
    report = la.last_report()
    assert report is not None
    assert report.statistics["resumed"] == 6
    np.testing.assert_array_equal(value, y.compute())


def test_what_a_failed_run_left_is_cleaned(tmp_path: Path, tiles: Tiles) -> None:
    store = str(tmp_path / "scratch")
    with la.config(store=store):
        expression().persist()
    assert len(tiles(store)) == 12
    assert clean(store).objects == 12
    assert tiles(store) == []
