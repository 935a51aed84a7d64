"""What workers did, each in a row of its own: its attempts one after the other, in pieces by phase."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from .charts import WIDTH, framed, tip
from .numbers import seconds_text
from .over_time import PHASES, end_of, section

Data = dict[str, Any]
# Rows are lower where there are more; only so many have names, and so many attempts a cut before them and a tip.
HEIGHTS = ((8, 24.0), (16, 14.0), (64, 8.0))
NAMED, TIPS, CUTS = 16, 1500, 2500
LABEL = 12


def rows_chart(run: Data) -> str:
    """A row for each worker that is shown."""
    rows = run["rows"]["workers"]
    if not rows:
        return ""
    each = next(height for most, height in HEIGHTS if len(rows) <= most)
    drawn = _back(len(rows), each) + _bars(run, each) + _cuts(run, each) + _tips(run, each)
    middles = [100 - 100 * (n + 0.5) / len(rows) for n in range(len(rows))]
    labels = [(at, _label(row["name"])) for at, row in zip(middles, rows, strict=True)] if len(rows) <= NAMED else []
    label = "what each worker did, over time"
    return section("Each worker", _told(run), framed(drawn, each * len(rows), end_of(run), labels, "", label))


def _label(name: str) -> str:
    """As much of a worker's name as there is room for: what tells functions apart stands at its end."""
    return name if len(name) <= LABEL else f"…{name[1 - LABEL :]}"


def pieces(segment: list[float]) -> Iterator[tuple[str, float, float]]:
    """The phases of a segment, one after the other, each with its begin and end."""
    launched, at, waiting, computing, lost, writing = segment[:6]
    if at > launched:
        yield "starting", launched, at
    for name, seconds in (("waiting", waiting), ("computing", computing), ("lost", lost), ("writing", writing)):
        if seconds > 0:
            yield name, at, at + seconds
            at += seconds


def _back(rows: int, each: float) -> str:
    boxes = "".join(f"M0 {n * each + 1:g}h{WIDTH:g}v{each - 2:g}h-{WIDTH:g}z" for n in range(rows))
    return f"<path d='{boxes}' fill='var(--soft)'/>"


def _bars(run: Data, each: float) -> str:
    """One path for each phase."""
    paths: dict[str, list[str]] = {name: [] for name in PHASES}
    scale = WIDTH / end_of(run)
    for y, segment in _segments(run, each):
        for name, begin, end in pieces(segment):
            wide = (end - begin) * scale
            paths[name].append(f"M{begin * scale:.2f} {y:g}h{wide:.2f}v{each - 2:g}h{-wide:.2f}z")
    return "".join(f"<path d='{''.join(d)}' fill='var(--{name})'/>" for name, d in paths.items() if d)


def _cuts(run: Data, each: float) -> str:
    """A thin line where each attempt begins."""
    scale, found = WIDTH / end_of(run), list(_segments(run, each))
    if len(found) > CUTS:
        return ""
    lines = "".join(f"M{segment[0] * scale:.2f} {y:g}v{each - 2:g}" for y, segment in found)
    return f"<path d='{lines}' class='cut'/>"


def _tips(run: Data, each: float) -> str:
    scale, found, names = WIDTH / end_of(run), list(_segments(run, each)), _Names(run)
    if len(found) > TIPS:
        return ""
    return "".join(
        tip(segment[0] * scale, y, (segment[6] - segment[0]) * scale, each - 2, names.tell(segment))
        for y, segment in found
    )


def _segments(run: Data, each: float) -> Iterator[tuple[float, list[float]]]:
    """Each segment with the top of its row."""
    for n, row in enumerate(run["rows"]["workers"]):
        for segment in row["segments"]:
            yield n * each + 1, segment


class _Names:
    """Tells of segments: the stage of a task, and its number in it."""

    def __init__(self, run: Data) -> None:
        self._stages = run["stages"]
        self._first = list(accumulate((stage["tasks"] for stage in self._stages), initial=0))

    def tell(self, segment: list[float]) -> str:
        """What a worker did in a segment."""
        task, attempt, count = (int(v) for v in segment[7:])
        stage = bisect_right(self._first, task) - 1
        what = f"{self._stages[stage]['name']}, task {task - self._first[stage]:,}"
        if count > 1:
            what = f"{count:,} attempts"
        elif attempt:
            what += f", attempt {attempt + 1}"
        parts = ", ".join(f"{PHASES[name]} {seconds_text(end - begin)}" for name, begin, end in pieces(segment))
        return f"{what}, at {seconds_text(segment[1])}: {parts}"


def _told(run: Data) -> str:
    rows, of = run["rows"]["workers"], run["rows"]["of_workers"]
    sample = "" if len(rows) == of else f"{len(rows)} of {of:,} workers, chosen by chance. "
    joined = any(segment[9] > 1 for row in rows for segment in row["segments"])
    many = "Each piece sums up several tasks that followed one another. " if joined else ""
    return (
        f"{sample}{many}Within a task, what it waited for is drawn first, then what it computed, then what it wrote; "
        "what it fetched and wrote while it computed is not drawn. Colours as above."
    )
