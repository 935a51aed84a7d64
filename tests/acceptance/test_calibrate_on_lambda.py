"""A deployed function measures itself: the command writes a profile of it, and what it wrote to do so is gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import lambdarray as la
from lambdarray import cli
from lambdarray.calibration import places
from lambdarray.config import get_config
from lambdarray.cost import machine_of, of_architecture, profile
from lambdarray.runtime.measure import Sizes

from .conftest import ARCH, BUCKET, MEMORY_MIB


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places.Place, "sizes", Sizes((16, 64), (8, 16), 1 << 16))


def test_a_function_is_measured_and_its_profile_is_that_of_its_kind(
    bucket_store: str, tiles: Callable[[str], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    words = ["calibrate", "--function", "lambdarray", "--store", bucket_store, "--seconds", "0.5", "--out", str(path)]
    assert cli.main(words) == 0
    assert "functions.invoke_s" in capsys.readouterr().out
    machine, shipped = profile(str(path)), of_architecture(ARCH)
    assert machine.remote
    assert machine.prices == shipped.prices
    assert machine.functions.architecture == ARCH
    assert f"{ARCH}, {MEMORY_MIB} MiB" in machine.source
    for table in ("product", "kernels", "elementwise", "random", "memory", "store"):
        assert getattr(machine, table) != getattr(shipped, table)
    assert 0 < machine.functions.invoke_s < 5
    assert 0 < machine.functions.cold_start_s < 60
    assert tiles(bucket_store) == ["ping/last"]
    with la.config(executor="lambda", store=bucket_store, profile=str(path)):
        assert machine_of(get_config()) is machine


def test_a_function_that_is_not_there_is_one_line(account: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["calibrate", "--function", "nobody", "--store", f"s3://{BUCKET}/scratch"]) == 2
    assert "no function named nobody" in capsys.readouterr().err
