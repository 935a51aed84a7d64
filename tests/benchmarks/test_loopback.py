"""The Lambda executor against an endpoint in another process: a ramp is followed to its end, and all is counted."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def loopback(*options: object) -> dict[str, Any]:
    """What the benchmark prints."""
    command = [sys.executable, "benchmarks/loopback.py", *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_ramp_is_followed_until_all_workers_are_in_flight() -> None:
    ramp = ("--concurrency", 40, "--step", 40, "--every-s", 1)
    found = loopback("--workers", 120, "--tasks", 800, "--service-s", 1, *ramp)
    assert found["in_flight"] == 120
    assert found["tasks"] == found["invocations"] == 800
    assert found["throttled"] == found["refused"]
    assert 80 <= found["refused"] < 400  # of the 120 that are sent at first the ramp takes 40
    assert found["retries"] == 0
    assert found["connections"] <= 121  # and the one that asks
    assert found["peak_mb"] < 300
    assert found["client_cores"] < 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the server's certificate is made with openssl")
def test_it_speaks_tls() -> None:
    found = loopback("--tls", "--workers", 40, "--tasks", 60, "--service-s", 3, "--concurrency", 0)
    assert (found["in_flight"], found["tasks"], found["retries"]) == (40, 60, 0)


def test_bundles_are_invocations_of_several_tasks() -> None:
    bundled = ("--bundle-tasks", 4, "--concurrency", 0)
    found = loopback("--workers", 4, "--tasks", 64, "--service-s", 0.05, *bundled)
    assert found["tasks"] == 64
    assert 16 <= found["invocations"] < 64
