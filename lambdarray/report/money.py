"""What a run cost, and what it had been thought to cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runtime.summary import RunReport


def dollars(report: RunReport) -> dict[str, Any] | None:
    """What functions were billed for, and requests; None on one's own machine."""
    machine, memory_mib = report.machine, report.memory_mib
    if machine is None or not machine.remote or memory_mib is None:
        return None
    gets, puts = report.requests
    return {
        "compute_dollars": report.compute_dollars,
        "request_dollars": report.request_dollars,
        "total_dollars": report.dollars,
        "billed_gib_s": report.billed_s * memory_mib / 1024,
        "invocations": report.counts.bundles,
        "gets": gets,
        "puts": puts,
        "dollars_per_pflop": report.dollars / report.flops * 1e15 if report.flops else None,
    }


def quoted(report: RunReport) -> dict[str, Any] | None:
    """What `explain` says of the plan on the workers that there were; None where settings or plan are not known."""
    from ..api.explain import Explanation

    if report.planned is None or report.settings is None:
        return None
    found = Explanation(report.planned, report.settings, report.workers)
    return {
        "seconds": found.seconds,
        "critical_s": found.critical_s,
        "total_dollars": found.configured.dollars_before_results or None,
        "flops": found.flops,
        "read_bytes": found.bytes_read,
        "written_bytes": found.bytes_written,
    }
