"""What a simulation assumes of functions and of the store, as numbers that a person can read and change."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..cost import Machine
from ..cost.machine import PARTITION_GETS, PARTITION_PUTS
from ..errors import ConfigError
from .chance import chance


@dataclass(frozen=True, slots=True)
class Assumptions:
    """How functions, their environments and S3 behave in a simulation; all times in seconds.

    launch_s                 from a request to the first step in a warm environment
    task_s                   overhead of each task beside its transfers and kernels
    cold_mean_s, cold_sd_s   start of a new environment: lognormal with this mean and standard deviation (published
                             for Lambda: 9.7 +- 29 s)
    init_s                   how much of a start is billed
    warm_s                   how long an idle environment stays warm
    ramp_first               invocations at once that are let through at the start, others are refused (429);
                             None: all are
    ramp_step, ramp_every_s  how many more are let through, and how often
    bandwidth_mbps           MB/s of an environment, reads and writes together; 0: tiles are handed on in memory
    write_factor             how many times as long a byte takes to be written as to be read
    bandwidth_sigma          its spread over environments: lognormal, this mean, this deviation of the logarithm
    cache_mib                memory of an environment for what later tasks read too; 0: nothing is kept
    read_cpu_s_per_gb        the time of a core that a task's seconds in kernels have for what it reads
    request_s                the latency of a request that nothing hides: the first read, the last write
    partition_gets           GETs a second that a partition of the store answers; beyond, 503 and back-off
    partition_puts           the same of PUTs
    partitions               partitions of an array's prefix at the start
    split_after_s            how long a prefix is asked for too much until its partitions are split in two
    spread                   deviation of the logarithm of a task's seconds in kernels
    straggler_share          attempts that are `straggler_factor` times slow in all they do
    straggler_factor
    crashes_per_minute       share of functions at work that crash in a minute
    kill_s                   how long an invocation may take
    lost_share               invocations of whose end nothing is heard
    broken_share             invocations whose connection breaks before their answer
    repeated_share           invocations whose answer comes twice
    estimated                whether a task takes what the plan estimates as a whole, with its transfers, and no more
    together                 whether the reports of a bundle come with its last one, as a function's answer has them
    """

    launch_s: float = 0.05
    task_s: float = 0.002
    cold_mean_s: float = 9.7
    cold_sd_s: float = 29.0
    init_s: float = 0.7
    warm_s: float = 300.0
    ramp_first: int | None = 1000
    ramp_step: int = 1000
    ramp_every_s: float = 10.0
    bandwidth_mbps: float = 75.0
    write_factor: float = 1.0
    bandwidth_sigma: float = 0.2
    cache_mib: float = 0.0
    read_cpu_s_per_gb: float = 0.0
    request_s: float = 0.03
    partition_gets: float = PARTITION_GETS
    partition_puts: float = PARTITION_PUTS
    partitions: int = 1
    split_after_s: float = 120.0
    spread: float = 0.02
    straggler_share: float = 0.01
    straggler_factor: float = 3.0
    crashes_per_minute: float = 0.001
    kill_s: float = 900.0
    lost_share: float = 0.0005
    broken_share: float = 0.0005
    repeated_share: float = 0.0005
    estimated: bool = False
    together: bool = True

    def __post_init__(self) -> None:
        for name in ("straggler_share", "crashes_per_minute", "lost_share", "broken_share", "repeated_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)!r} must be at least 0 and less than 1")
        for name in (
            *("partition_gets", "partition_puts", "partitions", "ramp_every_s", "straggler_factor", "kill_s"),
            "write_factor",
        ):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}={getattr(self, name)!r} must be above 0")
        for name in (
            *("launch_s", "cold_mean_s", "cold_sd_s", "bandwidth_mbps", "bandwidth_sigma", "spread"),
            *("cache_mib", "read_cpu_s_per_gb"),
        ):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name}={getattr(self, name)!r} must be at least 0 and finite")

    @classmethod
    def steady(cls, **others: float | int | bool | None) -> Assumptions:
        """Nothing is left to chance, nobody is refused and nothing starts cold; `others` says what is different.

        >>> Assumptions.steady(bandwidth_mbps=75.0).straggler_share
        0.0
        """
        none = dict.fromkeys(
            ("launch_s", "task_s", "cold_mean_s", "cold_sd_s", "init_s", "bandwidth_mbps", "bandwidth_sigma"), 0.0
        )
        none |= dict.fromkeys(("request_s", "spread", "straggler_share", "crashes_per_minute"), 0.0)
        none |= dict.fromkeys(("lost_share", "broken_share", "repeated_share"), 0.0)
        return cls(**{**none, "ramp_first": None, "warm_s": math.inf, "together": False, **others})  # type: ignore[arg-type]

    @classmethod
    def of(cls, machine: Machine, stored: bool = True, cache_mib: float = 0.0) -> Assumptions:
        """What a machine's profile says, and nothing left to chance; `stored` is whether tiles go through a store.

        `cache_mib` is what a function keeps of what it has read.

        >>> from lambdarray.cost import profile
        >>> Assumptions.of(profile("threads"), stored=False).bandwidth_mbps
        0.0
        """
        store, functions = machine.store, machine.functions
        found = cls.steady(
            task_s=machine.task_s,
            bandwidth_mbps=store.read_mbps if stored else 0.0,
            write_factor=store.read_mbps / store.write_mbps,
            request_s=store.request_s if stored else 0.0,
            partition_gets=math.inf,
            partition_puts=math.inf,
        )
        if not machine.remote:
            return found
        start = functions.cold_start_s
        return replace(
            found, launch_s=functions.invoke_s, cold_mean_s=start, init_s=start, warm_s=functions.warm_s, together=True,
            ramp_first=int(functions.ramp), ramp_step=int(functions.ramp), ramp_every_s=functions.ramp_every_s,
            kill_s=functions.limit_s, cache_mib=cache_mib, read_cpu_s_per_gb=store.read_cpu_s_per_gb,
        )  # fmt: skip


def normal(*key: int) -> float:
    """A standard normal number by chance, which depends on `key` alone."""
    u, v = chance(*key, 0), chance(*key, 1)
    return math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)


def lognormal(mean: float, deviation: float, *key: int) -> float:
    """A number by chance from the lognormal distribution of this mean and standard deviation.

    >>> lognormal(9.7, 0.0, 1)
    9.7
    """
    if mean <= 0 or deviation <= 0:
        return mean
    variance = math.log1p((deviation / mean) ** 2)
    return mean * math.exp(math.sqrt(variance) * normal(*key) - variance / 2)


def around(mean: float, sigma: float, *key: int) -> float:
    """A number by chance whose logarithm has the deviation `sigma`, with this mean."""
    return mean * math.exp(sigma * normal(*key) - sigma * sigma / 2) if sigma else mean
