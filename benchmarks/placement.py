"""How far apart this machine's cores are, which a virtual machine's host changes while it runs.

    python benchmarks/placement.py

prints the nanoseconds until one core sees what another one wrote, and the answer to that is back. On a virtual machine
of two cores it was 150 where the host ran both on one processor and 400 where it ran them on two, in turns of one to
three minutes. Python's lock goes from core to core at each call, so that small calls on two threads then took twice as
long, two threads summed arrays half as fast, LAPACK's QR of tall blocks was 15% slower, and copies were 1.7 times
faster; products of matrices were as fast as before. Two things are compared only where cores are equally far apart.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Messages there and back that are timed together, and how often, of which the least counts.
MESSAGES, TIMES = 3000, 7
# Distances within this factor are one placement: they were 127 to 190, and 390 to 420.
SAME = 1.6
# How often it is looked at while another one is waited for, and how long at most, all times together.
EVERY_S, PATIENCE_S = 2.0, 300.0
# How often a run is made at most.
RUNS = 4


class Placement:
    """A distance of the cores (default: as they are now), in which runs are made; it is waited for so long in all."""

    def __init__(self, distance: float | None = None, patience_s: float = PATIENCE_S) -> None:
        self.distance = distance_ns() if distance is None else distance
        self._patience_s = patience_s

    def hold(self, run: Callable[[], T]) -> tuple[T, bool]:
        """What a run returns that begins and ends with cores so far apart; and whether it did, the last time it could.

        It is waited for until cores are so, while there is patience left, and the run is made anew where they were not.
        """
        for _ in range(RUNS):
            while not (held := same(distance_ns(), self.distance)) and self._patience_s > 0:
                time.sleep(EVERY_S)
                self._patience_s -= EVERY_S
            value = run()
            held = held and same(distance_ns(), self.distance)
            if held or self._patience_s <= 0:
                break
        return value, held


def distance_ns() -> float:
    """Nanoseconds for a message between the first two cores and its answer; 0 where there is one, or no way to tell."""
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=True)
    return float(done.stdout)


def same(a: float, b: float) -> bool:
    """Whether two distances are of one placement.

    >>> same(180.0, 200.0), same(180.0, 400.0), same(0.0, 0.0)
    (True, False, True)
    """
    return max(a, b) <= SAME * min(a, b)


def _measure() -> float:
    if not hasattr(os, "sched_setaffinity"):
        return 0.0
    # Whatever cores this was started on: the system leaves out those that it may not use.
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return 0.0
    shared = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")
    here, there = cores[:2]
    # This process has no other thread.
    if not (other := os.fork()):
        os.sched_setaffinity(0, {there})
        for n in range(0, 2 * MESSAGES * TIMES, 2):
            while shared[0] == n:
                pass
            shared[0] = n + 2
        os._exit(0)
    os.sched_setaffinity(0, {here})
    taken = []
    for first in range(1, 2 * MESSAGES * TIMES, 2 * MESSAGES):
        begin = time.perf_counter()
        for n in range(first, first + 2 * MESSAGES, 2):
            shared[0] = n
            while shared[0] == n:
                pass
        taken.append((time.perf_counter() - begin) / MESSAGES)
    os.waitpid(other, 0)
    return min(taken) * 1e9


if __name__ == "__main__":
    print(f"{_measure():.0f}")
