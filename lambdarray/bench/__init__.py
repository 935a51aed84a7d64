"""`lambdarray bench gemm | io | launch`: what a deployed function's cores, its way to S3 and its start are worth.

    fleet     many invocations of a function at once, and when each began and ended
    figures   peak and effective rates of what they did

Peak is the most that all functions at work at one moment made together; effective is all that they made over the
seconds from the first invocation to the last answer: what the caller gets. PyWren's 40 and 17 TFLOPS were these two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..cost import of_architecture
from ..errors import ConfigError
from .figures import Figures, rates, seconds_of
from .fleet import Call, Fleet

Json = Any
MB, GFLOP = 1e6, 1e9
# What a function does that is only to be kept busy, so that the next invocation needs another.
BUSY = "memory.copied"


@dataclass(frozen=True, slots=True)
class Asked:
    """How a fleet is measured: functions at once, seconds of work of each, and the tiles that they work on."""

    workers: int = 1
    seconds: float = 5.0
    tile: int = 2048
    dtype: str = "float64"
    mib: int = 16

    def __post_init__(self) -> None:
        for name in ("workers", "seconds", "tile", "mib"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"--{name} {getattr(self, name)} must be above 0")


def gemm(fleet: Fleet, asked: Asked) -> Figures:
    """Products of square tiles in memory, by BLAS on the cores that a function's memory pays for."""
    name = f"product.{asked.dtype}@{asked.tile}"
    calls = fleet.call(_event(name, asked), asked.workers)
    cores = of_architecture(fleet.deployment.arch).cores(fleet.deployment.memory_mib)
    found = rates("GFLOPS", GFLOP, calls, name)
    return Figures("gemm", fleet.about(calls), asked, {"products": found}, {"gflops_per_core": found.median / cores})


def io(fleet: Fleet, asked: Asked) -> Figures:
    """Tiles written to the function's scratch and read back, four at a time: first all write, then all read."""
    found = {}
    for way in ("write", "read"):
        name = f"store.{way}"
        calls = fleet.call(_event(name, asked, tile_bytes=asked.mib << 20), asked.workers)
        found[way] = rates("MB/s", MB, calls, name)
        fleet.remove(calls)
    return Figures("io", fleet.about(calls), asked, found, {})


def launch(fleet: Fleet, asked: Asked) -> Figures:
    """How long functions take to begin, all asked for at once and each kept busy, so that each is another."""
    calls = fleet.call(_event(BUSY, asked), asked.workers)
    warm = [c.launch_s for c in calls if not c.init_s]
    cold = [c.launch_s for c in calls if c.init_s]
    all_at_work = max(c.began_s for c in calls)
    more = {"all_at_work_s": all_at_work, "launches_per_s": len(calls) / all_at_work if all_at_work > 0 else 0.0}
    init = [c.init_s for c in calls if c.init_s]
    latencies = {"launch": [c.launch_s for c in calls], "warm": warm, "cold": cold, "init": init}
    return Figures("launch", fleet.about(calls), asked, {}, more, {k: seconds_of(v) for k, v in latencies.items() if v})


KINDS = {"gemm": gemm, "io": io, "launch": launch}


def _event(name: str, asked: Asked, **more: Json) -> Json:
    return {"names": [name], "seconds": asked.seconds, **more}


__all__ = ["KINDS", "Asked", "Call", "Figures", "Fleet"]
