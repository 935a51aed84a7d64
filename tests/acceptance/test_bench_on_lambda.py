"""`lambdarray bench` against the deployed function: its figures hang together, at a small size."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdarray import cli
from lambdarray.cloud import LocalCloud
from lambdarray.store import open_store

from .conftest import BUCKET

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("account")]
Bench = Callable[..., Any]


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    def run(*words: str) -> Any:
        assert cli.main(["bench", *words, "--workers", "2", "--seconds", "0.3", "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def hangs_together(rates: Any) -> bool:
    return 0 < rates["effective"] < rates["peak"] and 0 < rates["slow_tenth"] <= rates["median"] <= rates["fast_tenth"]


def test_products_have_a_peak_and_an_effective_rate(bench: Bench) -> None:
    found = bench("gemm", "--tile", "256")
    assert hangs_together(found["products"])
    assert found["gflops_per_core"] == pytest.approx(found["products"]["median"], rel=0.3)
    assert (found["functions"], found["memory_mib"], found["asked"]["tile"]) == (2, 1769, 256)
    assert found["billed_s"] > 0


def test_tiles_are_written_and_read_and_nothing_is_left(bench: Bench, account: LocalCloud) -> None:
    found = bench("io", "--mib", "1")
    assert hangs_together(found["read"])
    assert hangs_together(found["write"])
    assert not [key for key in open_store(f"s3://{BUCKET}/scratch").list() if "measure" in key]


def test_launches_are_timed_each_in_a_function_of_its_own(bench: Bench) -> None:
    found = bench("launch")
    assert found["launch_s"]["count"] == 2
    assert 0 <= found["launch_s"]["median"] <= found["launch_s"]["longest"] <= found["all_at_work_s"] + 1e-6


def test_a_table_says_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "gemm", "--workers", "1", "--seconds", "0.1", "--tile", "128"]) == 0
    text = capsys.readouterr().out
    assert "1 x lambdarray" in text
    assert "effective" in text


@pytest.mark.parametrize("words", [["gemm", "--tile", "0"], ["io", "--mib", "0"], ["launch", "--workers", "0"]])
def test_impossible_sizes_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *words]) == 2
    assert "must be" in capsys.readouterr().err
