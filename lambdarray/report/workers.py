"""What workers did, each in a row of its own: its attempts one after the other, in pieces by phase."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from html import escape
from itertools import accumulate
from typing import Any

from .charts import WIDTH, framed
from .numbers import seconds_text
from .over_time import PHASES, end_of, section

Data = dict[str, Any]
Piece = tuple[str, float, float]
TIPS = 1500
CUTS = 2500
NAMED = 16


def rows_chart(run: Data) -> str:
    """A row for each worker that is shown."""
    rows = run["rows"]["workers"]
    if not rows:
        return ""
    each = 24.0 if len(rows) <= 8 else 14.0 if len(rows) <= NAMED else 8.0
    height, scale = each * len(rows), WIDTH / end_of(run)
    paths: dict[str, list[str]] = {name: [] for name in PHASES}
    cuts, tips = [], []
    count = sum(len(row["segments"]) for row in rows)
    names = Names(run)
    for n, row in enumerate(rows):
        y, thick = n * each + 1, each - 2
        for segment in row["segments"]:
            for name, begin, end in pieces(segment):
                x, wide = begin * scale, (end - begin) * scale
                paths[name].append(f"M{x:.2f} {y:g}h{wide:.2f}v{thick:g}h{-wide:.2f}z")
            x, wide = segment[0] * scale, (segment[6] - segment[0]) * scale
            if count <= CUTS:
                cuts.append(f"M{x:.2f} {y:g}v{thick:g}")
            if count <= TIPS:
                told = escape(names.tell(row["name"], segment))
                tips.append(
                    f"<rect x='{x:.2f}' y='{y:g}' width='{wide:.2f}' height='{thick:g}' class='tip'><title>{told}</title></rect>"
                )
    back = "".join(f"M0 {n * each + 1:g}h{WIDTH:g}v{each - 2:g}h-{WIDTH:g}z" for n in range(len(rows)))
    drawn = f"<path d='{back}' fill='var(--soft)'/>"
    drawn += "".join(f"<path d='{''.join(d)}' fill='var(--{name})'/>" for name, d in paths.items() if d)
    drawn += f"<path d='{''.join(cuts)}' class='cut'/>" + "".join(tips)
    labels = [(100 - 100 * (n + 0.5) / len(rows), row["name"]) for n, row in enumerate(rows)] if each > 8 else []
    return section(
        "Each worker", _told(run, count), framed(drawn, height, end_of(run), labels, "", "what each worker did, over time")
    )


def pieces(segment: list[float]) -> Iterator[Piece]:
    """The phases of a segment, one after the other, each with its begin and end."""
    launched, at, waiting, computing, lost, writing = segment[:6]
    if at > launched:
        yield "starting", launched, at
    for name, seconds in (("waiting", waiting), ("computing", computing), ("lost", lost), ("writing", writing)):
        if seconds > 0:
            yield name, at, at + seconds
            at += seconds


class Names:
    """Tells of segments: the stage of a task, and its number in it."""

    def __init__(self, run: Data) -> None:
        self._stages = run["stages"]
        self._first = list(accumulate(stage["tasks"] for stage in self._stages))

    def tell(self, worker: str, segment: list[float]) -> str:
        """What a worker did in a segment."""
        task, attempt, count = (int(v) for v in segment[7:])
        stage = bisect_right(self._first, task)
        number = task - (self._first[stage - 1] if stage else 0)
        what = f"{self._stages[stage]['name']}, task {number:,}" if count == 1 else f"{count:,} attempts"
        again = f", attempt {attempt + 1}" if attempt and count == 1 else ""
        parts = ", ".join(f"{PHASES[name]} {seconds_text(end - begin)}" for name, begin, end in pieces(segment))
        return f"{worker}: {what}{again}, at {seconds_text(segment[1])}: {parts}"


def _told(run: Data, count: int) -> str:
    shown, of = len(run["rows"]["workers"]), run["rows"]["of_workers"]
    sample = "" if shown == of else f"{shown} of {of:,} workers, chosen by chance. "
    joined = any(segment[9] > 1 for row in run["rows"]["workers"] for segment in row["segments"])
    many = "Each piece sums up several tasks that followed one another. " if joined else ""
    return (
        f"{sample}{many}Within a task, what it waited for is drawn first, then what it computed, then what it wrote; "
        "what it fetched and wrote while it computed is not drawn. Colours as above."
    )
