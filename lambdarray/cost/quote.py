"""What a plan would cost on a kind of worker: seconds, dollars, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..task import Plan
from .machine import Machine
from .timing import busy_seconds, critical_seconds, invocations, launch_seconds

# What this computer sends and receives, in MB/s: 100 Mbit/s. Nobody knows the line that it has.
CLIENT_MBPS = 12.5
MONTH_S = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What passes beside a plan's own tasks, in bytes, and the requests of all.

    gets, puts     requests that tasks make of the store
    upload         arrays of this process that are sent to the store first, in `upload_puts` tiles
    download       results that come back to this process, in `download_gets` tiles
    scratch        bytes that lie in the store while the plan runs
    cross_region   bytes that tasks read from buckets in another region
    """

    gets: int = 0
    puts: int = 0
    upload: int = 0
    upload_puts: int = 0
    download: int = 0
    download_gets: int = 0
    scratch: int = 0
    cross_region: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """What a plan would cost on `workers` of a machine of `memory_mib`.

    `seconds` are the caller's: upload, launch, the busy time, download. `worker_seconds` are what is billed.
    """

    machine: Machine
    workers: int
    memory_mib: int
    seconds: float
    critical_s: float
    launch_s: float
    busy_s: float
    upload_s: float
    download_s: float
    worker_seconds: float
    invocations: int
    traffic: Traffic
    compute_dollars: float
    request_dollars: float
    storage_dollars: float
    egress_dollars: float
    cross_region_dollars: float

    @property
    def dollars(self) -> float:
        """All of it."""
        moved = self.egress_dollars + self.cross_region_dollars
        return self.compute_dollars + self.request_dollars + self.storage_dollars + moved

    @property
    def seconds_before_results(self) -> float:
        """Until all is computed and stored: without results that come back."""
        return self.seconds - self.download_s

    @property
    def dollars_before_results(self) -> float:
        """Without what results that come back cost, on their way out of AWS."""
        return self.dollars - self.egress_dollars

    @property
    def client_dollars(self) -> float:
        """What is no task's: uploads, results that come back, and storage."""
        t = self.traffic
        requests = self.machine.request_dollars(0, t.download_gets, t.upload_puts)
        return requests + self.egress_dollars + self.storage_dollars


def quote(
    plan: Plan,
    seconds: Sequence[float],
    machine: Machine,
    workers: int,
    memory_mib: int,
    traffic: Traffic | None = None,
    *,
    bundle_s: float = 300.0,
    counts: Sequence[int] | None = None,
) -> Quote:
    """Price a plan whose stages take so many seconds a task; `counts` are the tasks to do of each, all by default.

    An estimate and not a bound. `traffic.gets` and `.puts` are those of the tasks to do.
    """
    counts = [p.task_count for p in plan.programs] if counts is None else counts
    t = traffic or Traffic()
    stages = list(zip(counts, seconds, strict=True))
    used = max(1, min(workers, max(counts, default=1)))
    launch_s = launch_seconds(machine.functions, used) if machine.remote and any(counts) else 0.0
    busy_s = busy_seconds(plan, seconds, counts, workers)
    upload_s, download_s = (n / (CLIENT_MBPS * 1e6) if machine.remote else 0.0 for n in (t.upload, t.download))
    total = upload_s + launch_s + busy_s + download_s
    billed = sum(count * s for count, s in stages)
    billed += used * machine.functions.cold_start_s if any(counts) else 0.0
    calls = sum(invocations(count, s, workers, bundle_s) for count, s in stages if count) if machine.remote else 0
    prices, requests = machine.prices, (t.gets + t.download_gets, t.puts + t.upload_puts)
    return Quote(
        machine=machine,
        workers=workers,
        memory_mib=memory_mib,
        seconds=total,
        critical_s=critical_seconds(plan, seconds),
        launch_s=launch_s,
        busy_s=busy_s,
        upload_s=upload_s,
        download_s=download_s,
        worker_seconds=billed,
        invocations=calls,
        traffic=t,
        compute_dollars=machine.memory_dollars(memory_mib, billed),
        request_dollars=machine.request_dollars(calls, *requests),
        storage_dollars=(t.scratch + t.upload) / 1e9 * prices.dollars_per_gb_month * total / MONTH_S,
        egress_dollars=t.download / 1e9 * prices.dollars_per_gb_egress,
        cross_region_dollars=t.cross_region / 1e9 * prices.dollars_per_gb_cross_region,
    )
