"""Benchmarks: lambdarray beside NumPy, Dask and Cubed in one run; prints a Markdown table, writes JSON and a chart.

    python benchmarks/run.py [--quick] [--only NAME ...] [--list] [--join FILE ...]

Contenders take turns, each time in a fresh process, and what is compared are medians of the ratios within a turn. A
result that is not verified is not reported: the run ends with an error instead, and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from chart import chart
from harness import HERE, Case, Row, UnverifiedError, load, measure, names

OURS = "lambdarray"
PACKAGES = ("lambdarray", "numpy", "scipy", "dask", "cubed", "zarr")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cases that were asked for; 0 where all were verified and every goal was met."""
    options = make_parser().parse_args(argv)
    if options.list:
        print("\n".join(f"{name:<16} {load(name).title}" for name in names()))
        return 0
    unknown = sorted(set(options.only) - set(names()))
    if unknown:
        print(f"no case named {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    try:
        rows = joined(options.join) if options.join else _measure_all(options.only or names(), options.quick)
    except UnverifiedError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    print(table(rows) + ("\n\nquick: sizes smaller than the titles say" if options.quick else ""))
    print(f"\nwritten: {', '.join(map(str, save(rows, options.quick, Path(options.output))))}")
    return 0 if options.quick or all(met(case, rows) for case in {r.case for r in rows}) else 1


def make_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description="Measure lambdarray beside NumPy, Dask and Cubed.")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these cases alone")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that all runs, not how fast")
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument(
        "--join",
        nargs="+",
        default=[],
        type=Path,
        metavar="FILE",
        help="measure nothing: one table of earlier runs' JSON",
    )
    parser.add_argument(
        "--output", default=str(HERE.parent / "bench-results"), metavar="DIR", help="where JSON and chart go"
    )
    return parser


def _measure_all(wanted: Sequence[str], quick: bool) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="lambdarray-bench-") as folder:
        for name in wanted:
            rows += measure(name, Path(folder), quick, lambda line: print(line, file=sys.stderr, flush=True))
    return rows


def joined(files: Sequence[Path]) -> list[Row]:
    """The rows of earlier runs, case by case; of a case that several have, those of the last file."""
    found: dict[str, list[Row]] = {}
    for file in files:
        rows = [Row(**row) for row in json.loads(file.read_text())["rows"]]
        found |= {case: [r for r in rows if r.case == case] for case in {r.case for r in rows}}
    return [row for case in sorted(found) for row in found[case]]


def met(case: str, rows: Sequence[Row]) -> bool:
    """Whether every goal of a case is met."""
    return all(ratio >= 1 for ratio in _against_goals(load(case), {r.contender: r for r in rows if r.case == case}))


def _against_goals(case: Case, found: dict[str, Row]) -> list[float]:
    """For each goal how many times it is reached."""
    ours = found[OURS]
    value = ours.more.get("us_per_task", ours.seconds * 1e6) / 1e6 if "limit" in case.goals else ours.seconds
    speeds = [ratio(found[name], ours) / goal for name, goal in case.goals.items() if name != "limit"]
    return speeds + ([case.goals["limit"] / value] if "limit" in case.goals else [])


def ratio(other: Row, ours: Row) -> float:
    """How many times as long as ours the other took: the median over the turns, in each of which both ran."""
    return statistics.median(a / b for a, b in zip(other.runs, ours.runs, strict=True))


def ratios(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """For each case the ratio of each other contender."""
    ours = {r.case: r for r in rows if r.contender == OURS}
    out: dict[str, dict[str, float]] = {name: {} for name in ours}
    for row in rows:
        if row.contender != OURS:
            out[row.case][row.contender] = ratio(row, ours[row.case])
    return out


def table(rows: Sequence[Row]) -> str:
    """A Markdown table: a row for each case, a column for each contender, seconds (and peak MB)."""
    contenders = list(dict.fromkeys(r.contender for r in rows))
    lines = [
        "| workload | " + " | ".join(contenders) + " | ours beside the best other | goals |",
        "|---" * (len(contenders) + 3) + "|",
    ]
    for name in dict.fromkeys(r.case for r in rows):
        found = {r.contender: r for r in rows if r.case == name}
        cells = [_cell(found.get(contender)) for contender in contenders]
        goals = "met" if met(name, rows) else "not met"
        case = load(name)
        lines.append(
            f"| {case.title} | " + " | ".join(cells) + f" | {_beside(found)} | {goals if case.goals else ''} |"
        )
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    more = "".join(f", {_number(value)} {key.replace('_per_', '/')}" for key, value in row.more.items())
    seconds = f"{row.seconds:.3g} s" if row.seconds >= 0.1 else f"{row.seconds * 1e3:.3g} ms"
    return f"{seconds}{more} ({row.peak_mb:.0f} MB)"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _beside(found: dict[str, Row]) -> str:
    others = [ratio(row, found[OURS]) for name, row in found.items() if name != OURS]
    return f"{min(others):.2f}x" if others else ""


def save(rows: Sequence[Row], quick: bool, folder: Path) -> tuple[Path, Path]:
    """Write all figures, with what they were measured on, and their chart."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime("%Y%m%d-%H%M%S.json")
    found, where = ratios(rows), machine()
    figures = {"quick": quick, **where, "rows": [asdict(r) for r in rows], "ratios": found}
    path.write_text(json.dumps(figures, indent=1) + "\n")
    title = f"Seconds over lambdarray's, to the right is slower ({where['cores']} cores{', quick' if quick else ''})"
    drawn = path.with_suffix(".svg")
    drawn.write_text(chart([(load(name).title, of) for name, of in found.items()], title))
    return path, drawn


def machine() -> dict[str, Any]:
    """The machine and the versions that figures belong to."""
    return {
        "python": platform.python_version(),
        "processor": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
