"""The demonstration says what is true, and refuses what there is no room for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lambdarray as la
from lambdarray import demo
from lambdarray.errors import ConfigError, MemoryLimitError, StoreError


def test_the_demonstration_multiplies_verifies_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "run.html"
    assert demo.main(["--n", "192", "--chunks", "64", "--dir", str(tmp_path), "--report", str(page)]) == 0
    said = capsys.readouterr().out
    for words in ("tasks", "on Lambda", "verified", "GFLOPS effective", "per core", "overlap", "compute"):
        assert words in said
    assert "\033" not in said
    assert str(page) in said
    assert "matmul of (192, 192)" in page.read_text()
    a, b, c = (la.open_zarr(str(tmp_path / f"{name}.zarr")).compute() for name in "abc")
    np.testing.assert_allclose(c, a @ b, rtol=1e-10, atol=1e-10)


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
