"""The cost model: machine constants, seconds and dollars of work.

One model serves the planner's choices, the quote, the simulator and the comparison of predicted with measured.
Sources of the constants: AWS's public prices (us-east-1), the PyWren paper for rates inside Lambda.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MIB_PER_VCPU = 1769
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Machine:
    """Constants of a kind of worker. Rates are per worker; prices in US dollars.

    gflops             double-precision GFLOPS of one core in a matrix product
    memory_gbps        GB/s that one core streams through an elementwise program
    read_mbps          MB/s read from the store; 0: tiles are handed on in memory
    write_mbps         MB/s written to the store
    start_s            seconds to start a worker
    task_s             seconds of overhead for each task
    dollars_per_gib_s  price of a GiB of memory for a second
    """

    name: str
    gflops: float
    memory_gbps: float
    read_mbps: float
    write_mbps: float
    start_s: float
    task_s: float
    dollars_per_gib_s: float
    dollars_per_million_requests: float = 0.20
    dollars_per_thousand_puts: float = 0.005
    dollars_per_thousand_gets: float = 0.0004

    def cores(self, memory_mib: int) -> float:
        """vCPUs of a function with this memory."""
        return memory_mib / MIB_PER_VCPU

    def seconds(self, flops: float, bytes_read: float, bytes_written: float, cores: float = 1.0) -> float:
        """Seconds of a task whose transfers overlap its computation."""
        compute = flops / (self.gflops * 1e9 * cores)
        reading = bytes_read / (self.read_mbps * 1e6) if self.read_mbps else 0.0
        writing = bytes_written / (self.write_mbps * 1e6) if self.write_mbps else 0.0
        return self.task_s + max(compute, reading + writing)


LAMBDA_X86_64 = Machine("Lambda x86_64", 18.0, 5.0, 75.0, 75.0, 1.0, 0.05, 0.0000166667)
LAMBDA_ARM64 = Machine("Lambda arm64", 18.0, 5.0, 75.0, 75.0, 1.0, 0.05, 0.0000133334)
THREADS = Machine("threads", 40.0, 5.0, 0.0, 0.0, 0.0, 0.00005, 0.0)


@dataclass(frozen=True, slots=True)
class Quote:
    """What a plan would cost on a kind of worker: seconds and dollars."""

    seconds: float
    worker_seconds: float
    compute_dollars: float
    request_dollars: float

    @property
    def dollars(self) -> float:
        """All of it."""
        return self.compute_dollars + self.request_dollars


def quote(
    stages: list[tuple[int, float]],
    machine: Machine,
    workers: int,
    memory_mib: int,
    requests: tuple[int, int],
) -> Quote:
    """Price stages of (tasks, seconds per task) on `workers` workers; `requests` are GETs and PUTs.

    Stages follow one another in waves; the time is that of list scheduling, an estimate and not a bound.
    """
    work = sum(tasks * seconds for tasks, seconds in stages)
    tasks = sum(count for count, _ in stages)
    waves = sum(math.ceil(count / workers) * seconds for count, seconds in stages)
    started = min(workers, max((count for count, _ in stages), default=0))
    billed = work + started * machine.start_s
    compute = billed * memory_mib / 1024 * machine.dollars_per_gib_s
    gets, puts = requests
    calls = tasks / 1e6 * machine.dollars_per_million_requests
    calls += gets / 1e3 * machine.dollars_per_thousand_gets + puts / 1e3 * machine.dollars_per_thousand_puts
    return Quote(waves + machine.start_s, billed, compute, calls if machine.dollars_per_gib_s else 0.0)
