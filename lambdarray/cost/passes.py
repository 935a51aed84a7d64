"""One pass over an array, tile by tile, on functions: what tiles are chosen by while nobody knows their use."""

from __future__ import annotations

from math import ceil

from .best import Figures
from .machine import PARTITION_PUTS, Machine
from .timing import invocations, launch_seconds, tail_seconds


def one_pass(tiles: int, tile_bytes: int, machine: Machine, workers: int, memory_mib: int, bundle_s: float) -> Figures:
    """What it takes to read each tile once and to write one like it, by the rules by which a plan is quoted.

    Small tiles ask for more requests, whose latency and price they pay and which S3 answers at a rate; large ones leave
    workers idle, or make them wait longer for the slowest. What is computed meanwhile is left out.

    >>> from lambdarray.cost import profile
    >>> on = profile("lambda-x86_64"), 1000, 1769, 300.0
    >>> [round(one_pass(1 << n, (32 << 30) >> n, *on).seconds, 1) for n in (8, 10, 13)]
    [5.3, 2.9, 3.1]
    """
    store = machine.store
    moved = store.seconds(tile_bytes, tile_bytes) + 2 * store.request_s
    each = max(moved, store.cpu_seconds(tile_bytes, tile_bytes)) + machine.task_s
    used = min(workers, tiles)
    busy = ceil(tiles / workers) * each + tail_seconds(tiles, each, workers)
    seconds = max(busy, tiles / PARTITION_PUTS)
    billed = tiles * each + used * machine.functions.cold_start_s
    calls = invocations(tiles, each, workers, bundle_s)
    dollars = machine.memory_dollars(memory_mib, billed) + machine.request_dollars(calls, tiles, tiles)
    return Figures(tile_bytes, launch_seconds(machine.functions, used) + seconds, dollars)
