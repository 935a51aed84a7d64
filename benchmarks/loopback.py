"""How many invocations one client keeps in flight, and what that costs it: the Lambda executor on the loopback.

    python benchmarks/loopback.py                              # 2,800 workers, 5 s tasks, AWS's ramp: four minutes
    python benchmarks/loopback.py --workers 300 --tasks 3000 --service-s 0.5 --concurrency 100 --every-s 1

The real scheduler and the real executor drive `benchmarks/loopback_server.py`, a process of its own that answers each
invocation after a service time and refuses more than the ramp of AWS lets through. The same plan is then run by the
simulated executor with the same constants. It prints JSON:

    in_flight       invocations at once, at most               launch_s       until all workers were busy
    busy_share      of the workers' time from then until the   launch_share   of what the ramp allows until then
                    last task was sent                         refused        invocations refused on the way
    client_cores    the client's CPU seconds a second          cpu_us         the same for each invocation
    peak_mb         the client's peak, the interpreter too     steady_rate    invocations a second once all were busy
    seconds         from the first to the last                 simulated_s    of the simulated run
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in (".", "kernels", "lambda_layer")]
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "AKIALOOPBACK",
    "AWS_SECRET_ACCESS_KEY": "good for nothing else",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
TILE = 1 << 20


class Source:
    """An array of which only shape and dtype are asked."""

    dtype = np.dtype(np.float64)

    def __init__(self, *shape: int) -> None:
        self.shape, self.ndim = shape, len(shape)

    def __getitem__(self, key: Any) -> Any:
        raise AssertionError("nothing is computed here")


def make_plan(tasks: int, seconds: float) -> Any:
    """A plan of that many tasks that wait for nothing, each expected to take `seconds`."""
    import lambdarray as la

    plan = la.plan(la.from_array(Source(tasks * TILE), chunks=TILE) + 1)
    assert plan.task_count == tasks
    estimates = (replace(e, seconds=seconds, bytes_read=0, bytes_written=0) for e in plan.estimates)
    return replace(plan, estimates=tuple(estimates))


@contextmanager
def served(options: argparse.Namespace, folder: str) -> Iterator[str]:
    """The URL of a server of its own process, for the time of the block."""
    command = [sys.executable, str(ROOT / "benchmarks" / "loopback_server.py")]
    for name in ("service_s", "concurrency", "step", "every_s"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    if options.tls:
        command += ["--certificate", make_certificate(folder)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        yield f"https://localhost:{port}" if options.tls else f"http://127.0.0.1:{port}"
    finally:
        server.stdin.close()
        server.wait(30)
        server.stdout.close()


def make_certificate(folder: str) -> str:
    """A PEM file with a key and a certificate for localhost, which the client is told to trust."""
    key, certificate, both = (os.path.join(folder, name) for name in ("key", "certificate", "both.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    Path(both).write_text(Path(key).read_text() + Path(certificate).read_text())
    os.environ["AWS_CA_BUNDLE"] = certificate
    return both


def measure(plan: Any, policy: Any, options: argparse.Namespace, url: str, folder: str) -> dict[str, Any]:
    """Run the plan in this process against the server at `url`."""
    from lambdarray.runtime.executors.aws_lambda import LambdaExecutor
    from lambdarray.runtime.run import run

    os.environ.update(SETTINGS, AWS_ENDPOINT_URL_LAMBDA=url)
    begin, cpu = time.perf_counter(), time.process_time()
    with closing(LambdaExecutor("loopback", None, folder, options.workers, version="1")) as executor:
        result = run(plan, executor, policy=policy)
        counts = json.loads(counted(url, options))
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    rate = counts["busy_share"] * options.workers / options.service_s
    return {
        **counts,
        "steady_rate": rate,
        "tasks": result.computed,
        "throttled": result.statistics.throttled,
        "retries": result.statistics.retries,
        "client_cores": cpu / seconds,
        "cpu_us": 1e6 * cpu / (counts["invocations"] + counts["refused"]),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def counted(url: str, options: argparse.Namespace) -> bytes:
    """What the server has seen."""
    import ssl

    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"]) if options.tls else None
    with urlopen(f"{url}/counts?workers={options.workers}", context=context) as answer:
        found: bytes = answer.read()
    return found


def simulate(plan: Any, policy: Any, options: argparse.Namespace) -> float:
    """Virtual seconds of the same run: workers that start at once, take as long and are refused by the same ramp."""
    from lambdarray.runtime.assumptions import Assumptions
    from lambdarray.runtime.executors.simulated import SimulatedExecutor
    from lambdarray.runtime.run import run

    model = Assumptions.steady(
        ramp_first=options.concurrency or None,
        ramp_step=options.step,
        ramp_every_s=options.every_s,
        together=True,
        estimated=True,
    )
    return run(plan, SimulatedExecutor(plan, options.workers, model=model), policy=policy).seconds


def main() -> None:
    """Measure, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--workers", type=int, default=2800)
    add("--tasks", type=int, default=100_000)
    add("--service-s", type=float, default=5.0, help="what a task takes")
    add("--concurrency", type=int, default=1000, help="let through at once; 0: all")
    add("--step", type=int, default=1000, help="let through in addition, with each step of the ramp")
    add("--every-s", type=float, default=10.0, help="the ramp's steps")
    add("--bundle-tasks", type=int, default=1, help="tasks of an invocation, at most")
    add("--tls", action="store_true", help="over TLS, as AWS is spoken to")
    options = parser.parse_args()

    from lambdarray.runtime.decisions import Policy

    # All tasks take the same time: a second attempt of one that this machine delayed would only be counted twice.
    policy = Policy(bundle_tasks=options.bundle_tasks, speculate=False)
    plan = make_plan(options.tasks, options.service_s)
    with TemporaryDirectory(prefix="lambdarray-loopback-") as folder, served(options, folder) as url:
        found = measure(plan, policy, options, url, folder)
    found["simulated_s"] = simulate(plan, policy, options)
    found["simulated_over_measured"] = found["simulated_s"] / found["seconds"]
    sys.stdout.write(json.dumps({**vars(options), **found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
