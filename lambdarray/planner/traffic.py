"""What a plan asks of the store and of this computer's line: requests, uploads, results, what lies there meanwhile."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..cost.quote import Traffic
from ..task import ArraySpec, Part, Plan, Program, Read
from .estimate import total_bytes, written_bytes

# How S3's own hosts name a bucket's region.
HOST_REGION = re.compile(r"https?://[^/]*\bs3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com")


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests that tasks of a program make of the store: of all together, and of one at most."""

    gets: int
    puts: int
    gets_of_task: int
    puts_of_task: int


def requests(program: Program) -> Requests:
    """One GET for each tile that a task reads and one PUT for each that it writes, if every tile is in a store."""
    gets, most = 0.0, 0
    for read in program.reads:
        for part in read.parts:
            total, of_task = _gets(program, read, part)
            gets, most = gets + total, most + of_task
    puts = sum(program.arrays[w.array].tiling.count * program.share(w.axes) for w in program.writes)
    outputs = len(program.task(0).outputs()) if program.task_count else 0
    return Requests(round(gets * program.share()), round(puts), most, outputs)


def _gets(program: Program, read: Read, part: Part) -> tuple[float, int]:
    """The tiles of a part that all tasks read, each as often as it is read; and those that one task reads at most."""
    spec = program.arrays[part.array]
    total, most = 1.0, 1
    for axis in range(len(program.axes) if read.loop else program.grid_ndim):
        followers = [d for d, m in enumerate(part.maps) if m.axis == axis]
        counts, weights = _tiles_by_block(program, part, spec, axis, followers)
        in_all = sum(c * w for c, w in zip(counts, weights, strict=True))
        total *= in_all
        most *= max(counts) if axis < program.grid_ndim else math.ceil(in_all)
    for d, m in enumerate(part.maps):
        if m.axis < 0 or (m.axis >= program.grid_ndim and not read.loop):
            fixed = m.span((0, 1)) if m.axis < 0 else (0, spec.tiling.shape[d])
            tiles = _tiles(spec, d, fixed)
            total, most = total * tiles, most * tiles
    return total, most


def _tiles_by_block(
    program: Program, part: Part, spec: ArraySpec, axis: int, followers: Sequence[int]
) -> tuple[list[int], list[float]]:
    """The tiles that blocks of a stage's axis need, of the first, the last and one between that stands for the rest."""
    cuts = program.axes[axis]
    blocks = sorted({0, cuts.count // 2, cuts.count - 1}) if cuts.count else []
    between = max(cuts.count - 2, 1)
    weights = [float(between) if 0 < b < cuts.count - 1 else 1.0 for b in blocks]
    counts = [math.prod(_tiles(spec, d, part.maps[d].span(cuts.span(b), b)) for d in followers) for b in blocks]
    return counts or [0], weights or [0.0]


def _tiles(spec: ArraySpec, d: int, span: tuple[int, int]) -> int:
    """The tiles along an axis that hold elements of a span, as far as it lies within the array."""
    cuts = spec.tiling.axes[d]
    first, end = cuts.tiles(max(span[0], 0), min(span[1], cuts.size))
    return end - first


def traffic(plan: Plan, shares: Sequence[float], results: Collection[str] = (), region: str | None = None) -> Traffic:
    """All of it, where `shares` of the tasks of each stage are yet to be done.

    `results` are the outputs that come back to this process, `region` is that of the functions.
    """
    asked = [requests(p) for p in plan.programs]
    read, back = plan.read, [plan.arrays[name] for name in results]
    sent = [spec for name, spec in plan.arrays.items() if _is_sent(spec, read)]
    sizes = {name: nbytes for p in plan.programs for name, nbytes in written_bytes(p).items()}
    held = [plan.arrays[name] for name in sizes if plan.arrays[name].location["kind"] == "tiles"]
    return Traffic(
        gets=round(sum(r.gets * s for r, s in zip(asked, shares, strict=True))),
        puts=round(sum(r.puts * s for r, s in zip(asked, shares, strict=True))),
        upload=sum(spec.nbytes for spec in sent),
        upload_puts=sum(spec.tiling.count for spec in sent),
        download=sum(spec.nbytes for spec in back),
        download_gets=sum(spec.tiling.count for spec in back),
        scratch=sum(sizes[spec.name] for spec in held),
        cross_region=sum(round(_foreign_bytes(p, region) * s) for p, s in zip(plan.programs, shares, strict=True)),
    )


def _is_sent(spec: ArraySpec, read: Collection[str]) -> bool:
    """Whether an array is sent from this process: of a plan that is about to run its location says so."""
    return bool(spec.location.get("upload")) or (spec.name in read and spec.location["kind"] == "object")


def _foreign_bytes(program: Program, region: str | None) -> int:
    """Bytes that a program reads from buckets that are known to lie in another region."""
    if region is None or not program.reads:
        return 0
    names = {part.array for read in program.reads for part in read.parts}
    foreign = {n for n in names if _is_foreign(program.arrays[n], region)}
    if not foreign:
        return 0
    return sum(total_bytes(program, r) for r in program.reads if any(p.array in foreign for p in r.parts))


def _is_foreign(spec: ArraySpec, region: str) -> bool:
    found = HOST_REGION.match(str(spec.location.get("url", "")))
    return found is not None and found[1] != region
