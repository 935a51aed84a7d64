"""The demonstration says what is true, and refuses what there is no room for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lambdarray as la
from lambdarray import demo
from lambdarray.errors import ConfigError, MemoryLimitError, StoreError


def test_the_demonstration_multiplies_verifies_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--n", "192", "--chunks", "64", "--dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for words in ("tasks", "on Lambda", "verified", "GFLOPS effective", "per core", "overlap", "compute"):
        assert words in said
    assert "\033" not in said
    a, b, c = (la.open_zarr(str(tmp_path / f"{name}.zarr")).compute() for name in "abc")
    np.testing.assert_allclose(c, a @ b, rtol=1e-10, atol=1e-10)


def test_freivalds_accepts_a_right_product_and_sees_one_wrong_element(rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((300, 200)), rng.standard_normal((200, 100))
    c = a @ b
    tiles = [la.from_array(x, chunks=64) for x in (a, b, c)]
    assert demo.freivalds(*tiles) < 0.1
    c[250, 30] *= 1 + 1e-8
    assert demo.freivalds(*tiles) > 1


def test_freivalds_sees_what_is_not_a_number(rng: np.random.Generator) -> None:
    a = rng.standard_normal((20, 20))
    c = a @ a
    c[3, 4] = np.nan
    assert not demo.freivalds(*(la.from_array(x) for x in (a, a, c))) <= 1


@pytest.mark.parametrize(("n", "error", "told"), [(10**7, StoreError, "--n"), (4096, MemoryLimitError, "--workers")])
def test_too_large_a_job_is_refused_before_it_starts(
    n: int, error: type[Exception], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_free_memory", lambda: 1 << 20)
    with pytest.raises(error, match=told):
        demo.main(["--n", str(n), "--dir", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_functions_need_a_place_that_they_can_reach() -> None:
    with pytest.raises(ConfigError, match="--dir s3://"):
        demo.main(["--n", "64", "--executor", "lambda", "--store", "s3://bucket/scratch"])
