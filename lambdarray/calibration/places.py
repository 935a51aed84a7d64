"""Measuring a kind of worker, and this machine as one."""

from __future__ import annotations

import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from ..cost import Machine, profile
from ..runtime import environment, measure
from .fitting import Found, Measured, constants, joined, spread_of
from .writing import changed, profile_text, rates_text, table_text

Json = Any
Say = Callable[[str], None]
STORE = ("store.write", "store.read", "store.request")
# The works of one invocation, which has to end before the client gives up.
AT_A_TIME = 12
HEAD = "Rates are those of one core while the others work too; +- is half of the middle half of the samples."
# All works are done in turn, so often: what a machine's other tenants slow down for some seconds is one turn of three.
TURNS = 3
# Of the seconds that calibrating may take, what works go on for; the rest is what they are made in.
WORKING = 0.4
# A program that takes so many bytes of memory.
TAKE = "import numpy as np; np.ones({}, np.uint8)"
# Tasks of next to no work, for what each of them costs.
TASKS, FEW_TASKS, TIMES = 2000, 200, 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """A measured machine: its profile as text, and the table of what was measured."""

    machine: Machine
    text: str
    table: str


class Place(ABC):
    """A kind of worker: its shipped profile, and how its constants are measured."""

    base: Machine
    name: str
    sizes = measure.Sizes()

    @abstractmethod
    def measure(self, names: Sequence[str], seconds: float) -> dict[str, Json]:
        """The answer of `runtime.measure` for these works."""

    @abstractmethod
    def found(self, answer: dict[str, Json]) -> Found:
        """All constants, and those that are measured in another way."""

    @property
    def alone(self) -> dict[str, Json]:
        """The answer for products on one core while the others have nothing to do, where that was measured."""
        return {}

    @property
    @abstractmethod
    def about(self) -> str:
        """What was measured, in a line."""


def calibrate(place: Place, seconds: float = 30.0, say: Say = lambda line: None) -> Calibration:
    """Measure a kind of worker for about so many seconds."""
    names = [*measure.names(place.sizes), *STORE]
    answer: dict[str, Json] = {}
    for turn, first in product(range(TURNS), range(0, len(names), AT_A_TIME)):
        part = names[first : first + AT_A_TIME]
        say(f"measuring {part[0]} to {part[-1]}, {turn + 1} of {TURNS}")
        answer |= joined(answer, place.measure(part, WORKING * seconds / TURNS / len(names)))
    found = place.found(answer)
    source = f"measured by lambdarray calibrate on {date.today()}: {place.about}"
    machine = replace(changed(place.base, found), name=place.name, source=source)
    return Calibration(
        machine,
        profile_text(machine, found, f"{source}\n{HEAD}", place.base.name),
        f"{rates_text(answer, place.alone)}\n\n{table_text(found, place.base)}",
    )


class Here(Place):
    """This machine: a thread for each core, tiles in a directory (default: a temporary one) or in another store."""

    def __init__(self, store: str = "", name: str = "machine") -> None:
        self.base, self.store, self.name = profile("threads"), store, name
        self.cores = environment.cores()
        self._alone: dict[str, Json] = {}

    def measure(self, names: Sequence[str], seconds: float) -> dict[str, Json]:
        from lambdarray_kernels import fortran

        from ..runtime.blas_threads import blas_threads

        fortran.load()  # the second BLAS, whose threads are set with the first's
        asked = {"seconds": seconds, "threads": self.cores, "tile_bytes": self.sizes.tile_bytes, "deletes": True}
        products = [name for name in names if name.startswith("product.")]
        if any(name.startswith(("memory.", "store.")) for name in names):
            warm_memory()
        with blas_threads(1), self._place() as store:
            answer: dict[str, Json] = measure.measure({**asked, "names": names}, store)
            self._alone |= joined(self._alone, measure.measure({**asked, "names": products, "threads": 1}, store))
            remove(store, answer)
        return answer

    @property
    def alone(self) -> dict[str, Json]:
        return self._alone

    @contextmanager
    def _place(self) -> Iterator[str]:
        if self.store:
            yield self.store
        else:
            with TemporaryDirectory(prefix="lambdarray-calibrate-") as folder:
                yield folder

    def found(self, answer: dict[str, Json]) -> Found:
        return {("task_s",): task_overhead(self.cores), **constants(answer)}

    @property
    def about(self) -> str:
        return f"{self.cores} cores of {processor()}"


def warm_memory(nbytes: int = 2 << 30) -> None:
    """Have the system get so much memory, at most a quarter of all that this process may use, and let it go.

    A virtual machine may give memory that is free for a second back to its host: to get that again took ten times as
    long as to get what was used just before, 0.7 and 7 GB/s a core. No constant tells when, so that constants are those
    of memory that is there. It is taken by a process of its own, which leaves this one's peak as it is.
    """
    from ..store.memory import machine_nbytes

    subprocess.run([sys.executable, "-c", TAKE.format(min(nbytes, machine_nbytes() // 4))], check=True)


def task_overhead(workers: int) -> Measured:
    """What a task takes beside its work, on so many threads."""
    from ..api.creation import ones
    from ..config import config

    def once(tasks: int) -> float:
        x: Any = ones((tasks, 1), chunks=(1, 1))
        begin = perf_counter()
        (x + 1).persist()
        return perf_counter() - begin

    with config(executor="threads", store="memory://", workers=workers, progress=False):
        once(FEW_TASKS)
        each = [(once(TASKS) - once(FEW_TASKS)) / (TASKS - FEW_TASKS) * workers for _ in range(TIMES)]
    return Measured(max(median(each), 1e-7), spread_of(each), TIMES)


def processor() -> str:
    """What the system says that the processor is."""
    import platform

    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def remove(store: str, answer: dict[str, Json]) -> None:
    """Delete what was written to be measured."""
    from ..store import open_store

    if prefix := answer.pop("prefix", ""):
        open_store(store).delete_prefix(prefix)
