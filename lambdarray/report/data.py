"""A run as plain data: docs/report.md says what each key is. Units are in the names; what is not known is None."""

from __future__ import annotations

from collections.abc import Iterable
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..runtime.lengths import LAG
from ..runtime.record import PHASES, SERIES, Record, Trouble
from .bounds import input_bytes, least_bytes, output_bytes
from .money import dollars, quoted

if TYPE_CHECKING:
    from ..runtime.summary import RunReport, StageSummary

FORMAT, VERSION = "lambdarray run report", 1
MOST_STRAGGLERS, MOST_LAUNCHES = 50, 10
# What is behind its stage by less than this share of the run is no straggler that anybody would look for.
LEAST_SHARE = 0.01
SEGMENT = (
    "launched_s", "start_s", "waiting_s", "computing_s", "lost_s", "writing_s", "end_s", "task", "attempt", "count",
)  # fmt: skip


def describe(report: RunReport) -> dict[str, Any]:
    """The whole report."""
    record = report.record.settle()
    workers = _workers(report)
    timeline = _timeline(record, workers)
    return {
        "format": FORMAT,
        "version": VERSION,
        "library": __version__,
        "plan": report.plan,
        "executor": report.executor,
        "virtual": not report.began_s,
        "started_at": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(report.began_s)) if report.began_s else None,
        "seconds": report.seconds,
        "error": report.error or None,
        "workers": workers,
        "rate": _rate(report, workers),
        "tasks": {"planned": report.tasks, "done": report.done, **report.statistics, "cold_starts": report.cold_starts},
        "worker_seconds": _worker_seconds(report, timeline),
        "bytes": _bytes(report),
        "dollars": dollars(report),
        "quote": quoted(report),
        "stages": [_stage(report, n, stage) for n, stage in enumerate(report.stages)],
        "timeline": timeline,
        "rows": _rows(record),
        "launches": _launches(record),
        "stragglers": _stragglers(report, record),
        "repeated": _repeated(report, record),
    }


def _short(value: float) -> float:
    """A measured number to six digits, of which three or so mean something."""
    return float(f"{value:.6g}")


def _list(values: Iterable[float]) -> list[float]:
    return [_short(v) for v in values]


# -- the whole run


def _workers(report: RunReport) -> dict[str, Any]:
    """`counted` are those that are held to have been there: as many as were asked for, or fewer where fewer came."""
    seen, machine = len(report.record.workers), report.machine
    memory_mib = report.memory_mib
    cores = machine.cores(memory_mib) if machine and memory_mib else 1.0
    return {
        "asked": report.workers,
        "seen": seen,
        "counted": max(1, min(report.workers, seen or 1)),
        "cores_each": cores,
        "memory_mib": memory_mib,
        "machine": machine.name if machine else None,
        "peak_gflops_per_core": machine.product.float64.gflops if machine else None,
    }


def _rate(report: RunReport, workers: dict[str, Any]) -> dict[str, Any]:
    per_core = report.gflops / (workers["counted"] * workers["cores_each"])
    peak = workers["peak_gflops_per_core"]
    return {
        "flops": report.flops,
        "gflops": report.gflops,
        "gflops_per_core": per_core,
        "share_of_peak": per_core / peak if peak else None,
    }


def _worker_seconds(report: RunReport, timeline: dict[str, Any]) -> dict[str, Any]:
    names = (*PHASES, "idle", "fetching_io", "writing_io")
    return {**{f"{name}_s": _short(sum(timeline[f"{name}_s"])) for name in names}, "billed_s": report.billed_s}


def _bytes(report: RunReport) -> dict[str, Any]:
    inputs, least = input_bytes(report), least_bytes(report)
    return {
        "read_bytes": report.bytes_read,
        "written_bytes": report.bytes_written,
        "input_bytes": inputs,
        "output_bytes": output_bytes(report),
        "read_over_input": report.bytes_read / inputs if inputs else None,
        "lower_bound_bytes": least,
        "moved_over_lower_bound": (report.bytes_read + report.bytes_written) / least if least else None,
    }


# -- over time


def _timeline(record: Record, workers: dict[str, Any]) -> dict[str, Any]:
    bins, peak = record.bins, workers["peak_gflops_per_core"]
    found = {name: bins[name] for name in SERIES}
    width = bins.width_s
    there = np.full(len(found["tasks"]), width)
    there[-1] = max(bins.end_s - width * (len(there) - 1), 0.0)
    found["idle"] = np.maximum(workers["counted"] * there - sum(found[name] for name in PHASES), 0.0)
    per_core = found["flops"] / width / 1e9 / (workers["counted"] * workers["cores_each"])
    seconds = {f"{name}_s": _list(found[name]) for name in (*PHASES, "idle", "fetching_io", "writing_io")}
    return {
        "bin_s": width,
        "end_s": bins.end_s,
        **seconds,
        "gflops": _list(found["flops"] / width / 1e9),
        "gflops_per_core": _list(per_core),
        "share_of_peak": _list(per_core / peak) if peak else None,
        "read_mbps": _list(found["bytes_read"] / width / 1e6),
        "written_mbps": _list(found["bytes_written"] / width / 1e6),
        "tasks_done": [round(v) for v in found["tasks"]],
    }


def _rows(record: Record) -> dict[str, Any]:
    """What some workers did, each with a list of segments; `columns` says what the numbers of a segment are."""
    found, names, out = record.rows.all(), record.workers, []
    columns = ("launched", "start", "wait_s", "compute_s", "lost_s", "write_s", "end")
    for worker in np.unique(found["worker"]):
        mine = found[found["worker"] == worker]
        times = np.stack([mine[name] for name in columns], axis=1)
        counts = np.stack([mine[name] for name in ("task", "attempt", "count")], axis=1)
        segments = [[*_list(t), *map(int, c)] for t, c in zip(times, counts, strict=True)]
        out.append({"name": names[worker], "segments": segments})
    return {"of_workers": len(names), "columns": list(SEGMENT), "workers": out}


# -- by stage and task


def _stage(report: RunReport, n: int, stage: StageSummary) -> dict[str, Any]:
    program = report.planned.programs[n] if report.planned else None
    e, done = stage.predicted, stage.done
    return {
        "name": stage.name,
        "op": stage.op,
        "where": program.where if program else "",
        "tasks": stage.tasks,
        "done": done,
        "predicted": {
            "worker_s": e.seconds * done,
            "flops": e.flops * done,
            "bytes_read": e.bytes_read * done,
            "bytes_written": e.bytes_written * done,
            "peak_bytes": e.peak_bytes,
        },
        "measured": {
            "worker_s": stage.total_s,
            "flops": stage.flops,
            "bytes_read": stage.bytes_read,
            "bytes_written": stage.bytes_written,
            "peak_bytes": stage.peak_bytes,
            "waiting_s": stage.wait_s,
            "computing_s": stage.compute_s,
            "fetching_io_s": stage.fetch_s,
            "writing_io_s": stage.write_s,
            "median_task_s": _short(report.record.lengths.median(n)),
        },
    }


def _launches(record: Record) -> dict[str, Any]:
    """From a launch to its first task, where that is known; the longest ones, with their workers."""
    found = record.launches
    longest = sorted(found.stragglers(0.0), key=lambda s: -s.seconds)[:MOST_LAUNCHES]
    return {
        "count": found.count,
        "median_s": _short(found.median(0)),
        "longest": [{"seconds": _short(s.seconds), "worker": s.worker} for s in longest],
    }


def _stragglers(report: RunReport, record: Record) -> dict[str, Any]:
    lengths = record.lengths
    found = lengths.stragglers(LEAST_SHARE * report.seconds, LAG)
    tasks = [
        {
            "task": report.task_name(s.task),
            "attempt": s.attempt,
            "seconds": _short(s.seconds),
            "median_of_stage_s": _short(lengths.median(s.stage)),
            "worker": s.worker,
        }
        for s in found[:MOST_STRAGGLERS]
    ]
    return {"lagging_tasks": lengths.lagging(), "longest": tasks}


def _repeated(report: RunReport, record: Record) -> dict[str, Any]:
    """Attempts that were not the first of their task or not done: `attempts` has the first so many of them."""
    failed = {(t.task, t.attempt) for t in record.troubles if t.status not in ("done", "late")}
    attempts = [
        {
            "task": report.task_name(t.task),
            "attempt": t.attempt,
            "why": _why(t, failed),
            "status": t.status,
            "seconds": _short(t.seconds),
            "worker": t.worker,
            "error": t.error,
        }
        for t in record.troubles
    ]
    return {"by_status": dict(record.statuses), "attempts": attempts}


def _why(trouble: Trouble, failed: set[tuple[int, int]]) -> str:
    """Why there was this attempt: as a retry, where one before it is known to have failed."""
    if not trouble.attempt:
        return "first"
    return "retry" if any((trouble.task, n) in failed for n in range(trouble.attempt)) else "beside"
