"""Results that check themselves: right ones pass, one wrong element is found, on every way that a result takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambdarray_kernels.checks import probes

import lambdarray as la
from lambdarray.algorithms.checks import freivalds, minus, plus, verdict
from lambdarray.api import compute
from lambdarray.errors import ConfigError, TaskError, VerificationError
from lambdarray.runtime import launch
from lambdarray.store import TileStore
from lambdarray.store.testing import WrapperStore

from ..judge import arrays, assert_same, numbers


def tiles(seed: int, shape: tuple[int, ...], chunks: Any, dtype: Any = "f8") -> tuple[la.Array, np.ndarray]:
    values = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    if values.dtype.kind == "c":
        values = values + 1j * np.random.default_rng(seed + 1).standard_normal(shape).astype(values.real.dtype)
    return la.from_array(values, chunks=chunks), values


class WrongStore(WrapperStore):
    """Changes one element of the tile at `index` of every array of `shape`, once it was computed."""

    def __init__(self, store: TileStore, shape: tuple[int, ...], index: str) -> None:
        super().__init__(store)
        self.shape, self.index, self.wrong = shape, index, 0

    def put(self, key: str, tile: np.ndarray) -> bool:
        """Put, but for one element."""
        if key.endswith(self.index) and tile.shape == self.shape:
            tile, self.wrong = tile.copy(), self.wrong + 1
            tile[-1, 0] += 1e-6
        return self.store.put(key, tile)


@pytest.fixture
def disturbed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[WrongStore]]:
    """Have a tile of this shape and index come out wrong in every run from now on."""

    def disturb(shape: tuple[int, ...], index: str) -> list[WrongStore]:
        made: list[WrongStore] = []
        inner = launch.open_scratch

        def opened(config: Any) -> TileStore:
            made.append(WrongStore(inner(config), shape, index))
            return made[-1]

        monkeypatch.setattr(launch, "open_scratch", opened)
        return made

    return disturb


# -- products


@given(st.data())
def test_a_right_product_passes_whatever_its_dtype_and_chunks(data: Any) -> None:
    m, k, n = (data.draw(st.integers(1, 9)) for _ in range(3))
    dtype = data.draw(st.sampled_from(["i1", "u1", "i8", "f2", "f4", "f8", "c8", "c16", "?"]))
    a, b = (data.draw(arrays(dtypes=[dtype], shape=shape)) for shape in ((m, k), (k, n)))
    with np.errstate(all="ignore"):
        assert_same(la.linalg.matmul(a[0], b[0], verify=True), np.matmul(a[1], b[1]))


@pytest.mark.parametrize(
    "shapes", [((3,), (3, 4)), ((5, 3), (3,)), ((3,), (3,)), ((2, 1, 4, 3), (3, 3, 2)), ((4, 0), (0, 3))]
)
def test_vectors_batches_and_nothing_are_verified_as_they_are_multiplied(shapes: Any) -> None:
    a, b = (tiles(n, shape, 2) for n, shape in enumerate(shapes))
    assert_same(la.linalg.matmul(a[0], b[0], verify=True), np.matmul(a[1], b[1]))


def test_values_that_are_not_finite_are_no_mistake() -> None:
    a = numbers(np.random.default_rng(0), (12, 12), np.dtype("f8"), True)
    x = la.from_array(a, chunks=5)
    assert not np.isfinite(a).all()
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(la.linalg.matmul(x, x, verify=True).compute(), (x @ x).compute())


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16", "i4"])
def test_one_wrong_element_of_a_product_is_found(dtype: str) -> None:
    (x, a), (y, b) = tiles(0, (300, 200), 64, "f8"), tiles(1, (200, 100), 64, "f8")
    a, b = (4 * a).astype(dtype), (4 * b).astype(dtype)
    x, y, c = la.from_array(a, chunks=64), la.from_array(b, chunks=64), a @ b
    assert float(freivalds(x, y, la.from_array(c, chunks=50))) < 0.1
    c[250, 30] += 5
    with pytest.raises(VerificationError, match=r"product of \(300, 200\) by \(200, 100\) is wrong.* in row 250"):
        freivalds(x, y, la.from_array(c, chunks=50)).compute()


def test_a_relative_error_of_1e_8_is_found_and_what_is_not_a_number() -> None:
    (x, a), (y, b) = tiles(0, (300, 200), 64), tiles(1, (200, 100), 64)
    for wrong in (1 + 1e-8, np.nan, np.inf):
        c = a @ b
        c[250, 30] *= wrong
        assert not float(freivalds(x, y, la.from_array(c, chunks=64), raises=False)) <= 1


def test_an_error_in_a_small_row_is_found_beside_large_ones() -> None:
    (_, a), (y, b) = tiles(0, (40, 30), 8), tiles(1, (30, 20), 8)
    a *= np.logspace(0, -12, 40)[:, None]
    c = a @ b
    c[39, 3] *= 1 + 1e-8
    assert float(freivalds(la.from_array(a, chunks=8), y, la.from_array(c, chunks=8), raises=False)) > 1


def test_probes_are_fixed_and_half_of_them_negative() -> None:
    whole = probes(0, 1000, float)
    np.testing.assert_array_equal(probes(300, 310, float), whole[300:310])
    assert set(np.unique(whole[:, :3])) == {-1.0, 1.0}
    assert (abs(whole[:, :3].mean(0)) < 0.1).all()
    assert (abs(np.corrcoef(whole[:, :3].T) - np.eye(3)) < 0.1).all()


# -- on every way that a result takes


@pytest.mark.parametrize("store", ["memory://", "directory"])
@pytest.mark.parametrize("way", ["compute", "persist", "to_zarr", "store", "fused"])
def test_a_tile_that_comes_out_wrong_is_found(way: str, store: str, disturbed: Any, tmp_path: Any) -> None:
    (x, _), (y, _) = tiles(0, (40, 30), 10), tiles(1, (30, 24), 10)
    ways = {
        "compute": lambda c: c.compute(),
        "persist": lambda c: c.persist(),
        "to_zarr": lambda c: (c + 0).to_zarr(tmp_path / "c.zarr", overwrite=True),
        "store": lambda c: la.store(c, np.empty(c.shape)),
        "fused": lambda c: np.sqrt(abs(c)).sum().compute(),
    }
    made = disturbed((10, 4), "/2.2")
    with la.config(store=store if store == "memory://" else str(tmp_path / "scratch")):
        ways[way](x @ y)  # nobody looks
        with la.config(verify=True), pytest.raises(VerificationError, match="row 29") as caught:
            ways[way](x @ y)
    assert any(store.wrong for store in made)
    assert "test_checks.py" in caught.value.where
    assert isinstance(caught.value, TaskError | ArithmeticError)


def test_a_save_is_verified_before_it_counts_as_whole(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lambdarray.store.zarr import ZarrArray

    (x, _), (y, _) = tiles(0, (40, 30), 10), tiles(1, (30, 20), 10)
    inner = ZarrArray.write

    def write(self: Any, index: Any, tile: np.ndarray) -> bool:
        return inner(self, index, tile + (index == (2, 1)))

    c = la.linalg.matmul(x, y, verify=True)
    c.to_zarr(tmp_path / "right.zarr")
    np.testing.assert_allclose(la.open_zarr(tmp_path / "right.zarr").compute(), (x @ y).compute())
    monkeypatch.setattr(ZarrArray, "write", write)
    with pytest.raises(VerificationError):
        c.to_zarr(tmp_path / "wrong.zarr")
    with pytest.raises(Exception, match=r"wrong\.zarr"):
        la.open_zarr(tmp_path / "wrong.zarr")


def test_a_run_that_resumes_still_checks(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (x, _), (y, _) = tiles(0, (40, 30), 10), tiles(1, (30, 20), 10)
    with la.config(store=str(tmp_path)):
        ours = la.plan(la.linalg.matmul(x, y, verify=True))
        assert ours.checks
        assert not set(ours.checks) & (set(ours.outputs) | ours.read)
        deps_done = np.ones(ours.task_count, bool)
        from lambdarray.runtime.dependencies import Dependencies
        from lambdarray.runtime.resume import needed_tasks

        first = sum(p.task_count for p in ours.programs[:-1])
        deps_done[first:] = False
        needed = needed_tasks(ours, Dependencies(ours), deps_done)
        assert needed[-1].all()
        assert not any(need.any() for need in needed[:-1])


def test_other_processes_check_too() -> None:
    (x, a), (y, b) = tiles(0, (40, 30), 10), tiles(1, (30, 20), 10)
    with la.config(executor="processes", workers=2, verify=True):
        np.testing.assert_allclose((x @ y).compute(), a @ b, rtol=1e-12, atol=1e-12)
        with pytest.raises(VerificationError, match="rounding explains at most"):
            freivalds(x, y, la.from_array(a @ b + 1e-3, chunks=10)).compute()


# -- the setting


def test_the_setting_decides_where_nobody_says() -> None:
    x, _ = tiles(0, (20, 20), 10)
    assert not la.plan(x @ x).checks
    assert la.plan(la.linalg.matmul(x, x, verify=True)).checks
    with la.config(verify=True):
        assert la.plan(x @ x).checks
        assert la.plan(np.matmul(x, x)).checks
        assert la.plan((x @ x)[:5] + 1).checks
        assert not la.plan(la.linalg.matmul(x, x, verify=False)).checks


def test_the_setting_is_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    from lambdarray.config import _from_environment

    with pytest.raises(ConfigError, match="verify='yes' is neither"):
        la.config(verify="yes")
    with pytest.raises(TypeError, match="verify='no'"):
        la.linalg.matmul(la.eye(2), la.eye(2), verify="no")
    monkeypatch.setenv("LAMBDARRAY_VERIFY", "true")
    assert _from_environment().verify is True
    monkeypatch.setenv("LAMBDARRAY_VERIFY", "perhaps")
    with pytest.raises(ConfigError, match="LAMBDARRAY_VERIFY"):
        _from_environment()


def test_checks_cost_one_reading_of_each_matrix_and_copy_no_tile() -> None:
    x, _ = tiles(0, (512, 512), 64)
    plain, checks = la.explain(x @ x), la.explain(la.linalg.matmul(x, x, verify=True))
    assert checks.flops - plain.flops < 5 * 8 * 512**2
    assert checks.bytes_read - plain.bytes_read < 4 * x.nbytes
    assert checks.bytes_written - plain.bytes_written < x.nbytes / 2


def test_a_checked_product_and_the_same_unchecked_are_one_product() -> None:
    x, a = tiles(0, (20, 20), 10)
    both = [la.linalg.matmul(x, x, verify=True), x @ x]
    assert sum("matmul" in p.op and "check" not in p.op for p in la.plan(*both).programs) == 1
    for value in compute.compute(*both):
        np.testing.assert_allclose(value, a @ a)


def test_checked_results_go_to_several_targets(tmp_path: Any) -> None:
    x, a = tiles(0, (20, 20), 10)
    c = la.linalg.matmul(x, x, verify=True)
    la.store([c, x @ x, c], [tmp_path / "a.zarr", tmp_path / "b.zarr", tmp_path / "c.zarr"])
    for name in "abc":
        np.testing.assert_allclose(la.open_zarr(tmp_path / f"{name}.zarr").compute(), a @ a)


# -- claims of any kind


def test_a_claim_may_be_of_the_identity_and_allow_a_share() -> None:
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((40, 20)))[0]
    x = la.from_array(q, chunks=7)
    assert float(verdict("Q", [plus(x.T, x)], identity=True)) < 1
    wrong = la.from_array(q * 1.001, chunks=7)
    with pytest.raises(VerificationError, match="Q is wrong"):
        verdict("Q", [plus(wrong.T, wrong)], identity=True).compute()
    assert float(verdict("Q", [plus(wrong.T, wrong)], identity=True, limit=0.01)) < 1


def test_a_claim_of_a_batch_names_the_matrix() -> None:
    (x, a), (y, b) = tiles(0, (3, 20, 10), (1, 7, 7)), tiles(1, (10, 9), 4)
    c = a @ b
    c[2, 19, 0] += 1
    with pytest.raises(VerificationError, match=r"row 19 of matrix \(2,\)"):
        verdict("c", [minus(x, y), plus(la.from_array(c, chunks=(2, 5, 5)))]).compute()
