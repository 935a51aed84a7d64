"""How a case is measured: every contender in a fresh process, in turns, verified, the median of several rounds.

A process first runs its contender at the case's quick size, so that no library's imports and first calls are timed:
some import what they need beforehand, others when it is used. What importing takes is a case of its own.

A virtual machine's host takes free memory back within seconds and then gives one gigabyte of it a second, and it places
cores near to one another or apart. Neither is a library's doing: memory is taken and let go before what is timed, and
the runs of a case are of one `placement`, as far as that comes again soon.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from placement import Placement

HERE = Path(__file__).resolve().parent
PREPARE = "prepare"
# How long a case may wait for the placement of its first run. Long cases go on in another: contenders are in turns.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Outcome:
    """What a contender did once: seconds, whether its result was verified, and what else there is to say."""

    seconds: float
    verified: bool
    more: dict[str, float] = field(default_factory=dict)


Contender = Callable[[int, Path], Outcome]


@dataclass(frozen=True)
class Case:
    """A workload: its contenders by name, its size (and a quick one), and what must hold.

    prepare  makes the input files, once, in a process of its own
    goals    for a contender, how many times its speed ours must have; "limit" is seconds
    rounds   how often each contender runs, in turns
    """

    title: str
    size: int
    quick: int
    contenders: Mapping[str, Contender]
    prepare: Callable[[int, Path], None] | None = None
    goals: Mapping[str, float] = field(default_factory=dict)
    rounds: int = 3


@dataclass(frozen=True)
class Row:
    """A contender's verified figures: medians over its rounds."""

    case: str
    contender: str
    seconds: float
    peak_mb: float
    runs: list[float]
    more: dict[str, float]


class UnverifiedError(RuntimeError):
    """A contender whose result is wrong, or whose process failed: its time is worth nothing."""


def load(name: str) -> Case:
    """The case that is the file `cases/<name>.py`."""
    case: Case = importlib.import_module(f"cases.{name}").CASE
    return case


def names() -> list[str]:
    """All cases, in the order of their files."""
    return sorted(p.stem for p in (HERE / "cases").glob("*.py") if p.stem != "__init__")


def measure(name: str, folder: Path, quick: bool, say: Callable[[str], None]) -> list[Row]:
    """Run a case: prepare it, let the contenders take turns, and sum up."""
    case = load(name)
    size = case.quick if quick else case.size
    if case.prepare is not None:
        _child(name, PREPARE, size, folder)
    found: dict[str, list[dict[str, Any]]] = {contender: [] for contender in case.contenders}
    order = list(case.contenders)
    place = None if quick else Placement(patience_s=PATIENCE_S)
    for _ in range(case.rounds):
        for contender in order:
            run = partial(_child, name, contender, size, folder)
            result = run() if place is None else place.hold(run)[0]
            say(f"{name}: {contender} {result['seconds']:.4g} s")
            found[contender].append(result)
        order.reverse()  # what the host of a machine takes back after one run it takes from the next
    return [_row(name, contender, results) for contender, results in found.items()]


def _row(name: str, contender: str, results: list[dict[str, Any]]) -> Row:
    def median(pick: Callable[[dict[str, Any]], float]) -> float:
        return statistics.median(pick(r) for r in results)

    more = {key: median(lambda r, key=key: r["more"][key]) for key in results[0]["more"]}
    seconds = [r["seconds"] for r in results]
    return Row(name, contender, statistics.median(seconds), median(lambda r: r["peak_mb"]), seconds, more)


def _child(name: str, contender: str, size: int, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, name, contender, str(size), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(contender), cwd=HERE)
    if done.returncode:
        raise UnverifiedError(f"{name}: {contender} failed\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if not result["verified"]:
        raise UnverifiedError(f"{name}: {contender} computed a wrong result; its time is not reported")
    return result


def _environment(contender: str) -> dict[str, str]:
    """The child's variables: one BLAS thread where the contender is to have one, else as the library wants it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LAMBDARRAY_", "OMP_", "OPENBLAS_"))}
    return {**kept, "OPENBLAS_NUM_THREADS": "1"} if contender.endswith("-1") else kept


def peak_mb() -> float:
    """The most memory that this process ever held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1e3
    import resource

    # macOS counts in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


_peaks: list[float] = []
# Whether what runs now is the case at its full size.
_full = [False]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a call with memory at hand, and what it returned."""
    if _full[0]:
        # A process of its own, which leaves this one's peak as it is.
        subprocess.run(
            [sys.executable, "-c", "from lambdarray.calibration import warm_memory; warm_memory()"], check=True
        )
    return _timed(run)


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what was returned; notes the peak memory until then, before the result is verified."""
    start = time.perf_counter()
    value = run()
    seconds = time.perf_counter() - start
    _peaks.append(peak_mb())
    return seconds, value


def steady(run: Callable[[], Any], warm: int, repeat: int) -> tuple[float, Any]:
    """Median seconds of a call that has been made before, and what it returned."""
    for _ in range(warm):
        run()
    taken = []
    value = None
    for _ in range(repeat):
        value = None  # a result is let go before the next one is made
        seconds, value = _timed(run)
        taken.append(seconds)
    return statistics.median(taken), value


def main(argv: list[str]) -> None:
    """Be a child: run one contender, small and then at its size, and print the outcome of that as JSON."""
    name, contender, size, folder = argv[0], argv[1], int(argv[2]), Path(argv[3])
    case, outcome = load(name), Outcome(0.0, True)
    run = case.prepare if contender == PREPARE else case.contenders[contender]
    assert run is not None
    warm = [(case.quick, folder / "quick")] if size > case.quick else []
    for n, where in [*warm, (size, folder)]:
        where.mkdir(parents=True, exist_ok=True)
        _full[0] = n > case.quick
        outcome = run(n, where) or outcome
    print(json.dumps({**asdict(outcome), "peak_mb": _peaks[-1] if _peaks else peak_mb()}))


if __name__ == "__main__":
    # The cases import `harness`: let them find this very module.
    sys.modules["harness"] = sys.modules["__main__"]
    sys.path.insert(0, str(HERE))
    main(sys.argv[1:])
