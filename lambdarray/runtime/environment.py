"""The process that a function runs in: its malloc, its BLAS threads, its memory."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

# mallopt's M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD and M_ARENA_MAX. Memory of a tile that was let go is used for the
# next one instead of being given back and zeroed again: reading a tile over HTTP takes less than half the CPU.
MALLOC_OPTIONS = ((-4, 0), (-1, 2**31 - 1), (-2, 64 << 20), (-8, 1))
SET_BLAS_THREADS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)
MIB_PER_VCPU = 1769
# What the interpreter, its threads and the buffers of requests may yet take beside data.
MARGIN_BYTES = 64 << 20


def in_function() -> bool:
    """Whether this process is a Lambda function's."""
    return "AWS_LAMBDA_RUNTIME_API" in os.environ


def tune_malloc() -> None:
    """Set malloc for large tiles; best called before NumPy is imported, and never in a user's process."""
    with suppress(OSError, AttributeError):  # a C library other than glibc has no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in MALLOC_OPTIONS:
            mallopt(option, value)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def blas_threads() -> int:
    """Threads for BLAS: the vCPUs that the function's memory pays for, at most the cores that it sees.

    A function of 1,769 MiB sees two cores and may use the time of one: a second thread would spin its share away.
    """
    memory = memory_mib()
    return max(1, min(cores(), round(memory / MIB_PER_VCPU))) if memory else cores()


def set_blas_threads(count: int) -> int:
    """Have every OpenBLAS that is loaded use `count` threads; how many there were.

    The function starts with one thread, since a cold start would wait for more.
    """
    found = 0
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        paths = {line.split()[-1] for line in maps if "openblas" in line}
    for path in paths:
        library = ctypes.CDLL(path)
        for name in SET_BLAS_THREADS:
            if hasattr(library, name):
                getattr(library, name)(ctypes.c_int(count))
                found += 1
                break
    return found


def memory_mib() -> int:
    """The function's memory in MiB; 0 outside of one."""
    return int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0"))


def data_bytes() -> int | None:
    """What data may take: the function's memory less what the process has now and a margin; None outside of one."""
    total = memory_mib() << 20
    return max(0, total - resident_bytes() - MARGIN_BYTES) if total else None


def resident_bytes() -> int:
    """The process's memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_resident_bytes() -> int:
    """The most memory that the process ever had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def be_killed_first() -> None:
    """Where memory runs out, have the system end this process and not the user's own."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")
