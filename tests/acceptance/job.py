"""A process that computes, may be killed in the middle, and says what it did: run by the tests of resuming.

    python -m tests.acceptance.job '{"store": ..., "what": "compute", "signal": "SIGKILL", "after": 7}'

It sends itself `signal` once `after` objects have been made by whatever thread, or `reports` tasks have been
reported done. Its last line is JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from functools import cache
from typing import Any

import numpy as np

import lambdarray as la
from lambdarray.errors import RunInterrupted
from lambdarray.runtime.summary import RunReport
from lambdarray.store import open_store
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.s3 import S3Store
from lambdarray.store.zarr import read_zarr


def operands() -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(11)
    return dice.standard_normal((120, 90)), dice.standard_normal((90, 60))


def expression() -> Any:
    """Random tiles, products over them and a sum along one axis: stages that wait for one another."""
    a, b = operands()
    x, y = la.from_array(a, chunks=30), la.from_array(b, chunks=30)
    noise = la.random.default_rng(12).standard_normal((60, 60), chunks=20)
    return la.exp((x @ y) @ noise / 100)


@cache
def expected() -> np.ndarray:
    """Its value, by NumPy."""
    a, b = operands()
    noise = la.random.default_rng(12).standard_normal((60, 60), chunks=20).compute()
    return np.exp((a @ b) @ noise / 100)


class Puts:
    """Counts the objects that are made, and sends the signal with the last of them, or of the reports, that may be."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._signal = getattr(signal, job["signal"]) if job.get("signal") else None
        self._after, self._reports = job.get("after"), job.get("reports")
        self._count, self._done = itertools.count(1), itertools.count(1)
        self.made = 0
        for kind in (DirectoryStore, S3Store):
            self._wrap(kind)
        self._listen()

    def _listen(self) -> None:
        inner = RunReport.add

        def add(summary: RunReport, report: Any) -> int | None:
            if report.status == "done" and next(self._done) == self._reports:
                self._send()
            return inner(summary, report)

        RunReport.add = add  # type: ignore[method-assign]

    def _wrap(self, kind: Any) -> None:
        inner = kind.put_parts

        def put_parts(store: Any, key: str, parts: Any, create: bool) -> bool:
            created: bool = inner(store, key, parts, create)
            if create and created:
                self._told(next(self._count))
            return created

        kind.put_parts = put_parts

    def _told(self, made: int) -> None:
        self.made = max(made, self.made)
        if made == self._after:
            self._send()

    def _send(self) -> None:
        if self._signal is not None:
            os.kill(os.getpid(), self._signal)


def work(job: dict[str, Any]) -> None:
    array = expression()
    if job["what"] == "compute":
        np.save(job["result"], array.compute())
    else:
        array.to_zarr(job["target"])
        np.save(job["result"], read_zarr(job["target"]))


def objects(store: str, target: str = "") -> list[str]:
    """The tiles in a scratch store, and the chunks in a target."""
    tiles = [key for key in open_store(store).list() if not key.startswith("runs/")]
    return sorted(tiles + [key for key in (open_store(target).list() if target else ()) if key.startswith("c/")])


def main(job: dict[str, Any]) -> dict[str, Any]:
    there = len(objects(job["store"], job["target"]))
    puts = Puts(job)
    end = "finished"
    with la.config(store=job["store"], workers=2, progress=False, **job.get("settings", {})):
        try:
            work(job)
        except RunInterrupted as error:
            end = str(error)
    report = la.last_report()
    return {"end": end, "there": there, "puts": puts.made, "resumed": report.statistics["resumed"] if report else None}


if __name__ == "__main__":
    # A shell's background job, which this may be part of, ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))) + "\n")
