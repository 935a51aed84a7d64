"""A run as plain data and as a page: what `RunReport` has, written down.

plain      the data, with units in its keys; everything that is drawn is in it
page       HTML that needs nothing but itself, drawn from that data
fragment   the part of the page that notebooks show
save       files of both
requests   what its tasks ask of a store
"""

from __future__ import annotations

import json
from pathlib import Path
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any

from ..errors import StoreError

if TYPE_CHECKING:
    from ..runtime.summary import RunReport

__all__ = ["fragment", "page", "plain", "requests", "save"]


def plain(report: RunReport, path: str | Path | None = None) -> dict[str, Any]:
    """The report as plain data; also written as JSON where a path is given."""
    from .data import describe

    found = describe(report)
    if path is not None:
        _write(Path(path), json.dumps(found, allow_nan=False, separators=(",", ":")))
    return found


def page(report: RunReport, path: str | Path | None = None) -> str:
    """The report as HTML; also written to a file where a path is given."""
    from .document import whole

    text = whole(plain(report))
    if path is not None:
        _write(Path(path), text)
    return text


def fragment(report: RunReport) -> str:
    """The report's figures and charts, for a page of others."""
    from .document import part

    return part(plain(report))


def requests(report: RunReport) -> list[tuple[int, int]]:
    """GETs and PUTs of all tasks of each stage, if every tile is in a store."""
    from ..planner.traffic import requests as requests_of

    found = [requests_of(program) for program in report.planned.programs] if report.planned else []
    return [(r.gets, r.puts) for r in found] or [(0, 0)] * len(report.stages)


def save(report: RunReport, path: str | Path) -> Path:
    """Write to a file that ends in .html or .json, or both into a directory; the file's path, of two that of the page.

    Files in a directory are named by the run's start and its plan.
    """
    path = Path(path).expanduser()
    if path.suffix == ".json":
        plain(report, path)
    elif path.suffix == ".html":
        page(report, path)
    else:
        start = strftime("%Y%m%d-%H%M%S", gmtime(report.began_s or None))
        path = _free(path / f"run-{start}-{report.plan[:8]}.html")
        plain(report, path.with_suffix(".json"))
        page(report, path)
    return path


def _free(path: Path) -> Path:
    """The path, with a number where there is such a file."""
    found, number = path, 1
    while found.exists():
        number += 1
        found = path.with_stem(f"{path.stem}-{number}")
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"the report cannot be written to {path}: {error.strerror or error}") from None
