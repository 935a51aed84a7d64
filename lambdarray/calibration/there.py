"""A deployed function as a kind of worker: it is invoked, and measures itself."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

from lambdarray_layer.aws import Account
from lambdarray_layer.deployment import Deployment, check_version, describe

from ..cost import of_architecture
from ..errors import DeploymentError
from .fitting import Found, Measured, constants, spread_of
from .places import Json, Place, remove

# Duration alone: not that of INIT, nor what is billed.
DURATION = re.compile(r"(?:^|\t)Duration: ([\d.]+) ms", re.MULTILINE)
INIT = re.compile(r"Init Duration: ([\d.]+) ms")
# Invocations at once, of which all but one or two start an environment, and how long each keeps its own.
AT_ONCE, KEPT_S = 4, 0.5
TIMES = 10
# What several environments at once measure, so that each has to have its own.
BUSY = "memory.copied"


@dataclass(frozen=True, slots=True)
class Invocation:
    """An answer, the seconds until it was here, and what Lambda said of its duration and of its start."""

    answer: Json
    seconds: float
    duration_s: float
    init_s: float

    @property
    def around_s(self) -> float:
        """The seconds that were not the handler's own."""
        return max(self.seconds - self.duration_s, 0.0)


class There(Place):
    """A function in an account, whose tiles are in `store`, or in its own scratch."""

    def __init__(self, account: Account, function: str, store: str = "", name: str = "") -> None:
        self.account = account
        self.deployment: Deployment = describe(function, account=account)
        check_version(self.deployment)
        self.name, self.store = name or function, store or self.deployment.store
        self.base = of_architecture(self.deployment.arch)
        self.invocations: list[Invocation] = []

    def measure(self, names: Sequence[str], seconds: float) -> dict[str, Json]:
        done = self._invoke({"names": list(names), "seconds": seconds, "tile_bytes": self.sizes.tile_bytes})
        self.invocations.append(done)
        found: dict[str, Json] = done.answer["measured"]
        remove(self.store, found)
        return found

    def found(self, answer: dict[str, Json]) -> Found:
        warm = [self._invoke(None).around_s for _ in range(TIMES)]
        invoke = Measured(median(warm), spread_of(warm), TIMES)
        found: Found = constants(answer, self.base.cores(self.deployment.memory_mib))
        found["functions", "invoke_s"] = invoke
        if cold := self._starts(invoke.value):
            found["functions", "cold_start_s"] = Measured(median(cold), spread_of(cold), len(cold))
        return found

    @property
    def about(self) -> str:
        d = self.deployment
        return f"function {d.function} in {d.region}, {d.arch}, {d.memory_mib} MiB, Python {d.python}"

    def _starts(self, invoke_s: float) -> list[float]:
        """What it took longer where an environment was started: several at once need several of them."""
        asked = {"names": [BUSY], "seconds": KEPT_S}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = [*self.invocations, *pool.map(lambda _: self._invoke(asked), range(AT_ONCE))]
        return [max(d.around_s - invoke_s, 0.0) for d in done if d.init_s]

    def _invoke(self, asked: Json) -> Invocation:
        event = {"ping": True, "store": self.store, **({"measure": asked} if asked else {})}
        begin = perf_counter()
        answer = self.account.read(
            "lambda", "invoke", FunctionName=self.deployment.function, Payload=json.dumps(event), LogType="Tail"
        )
        seconds = perf_counter() - begin
        said = json.loads(answer["Payload"].read() or b"null")
        log = b64decode(answer.get("LogResult", "")).decode(errors="replace")
        if answer.get("FunctionError") or (asked and "measured" not in said):
            told = f"{str(said)[:300]}; its log's end:\n{log.strip()}"
            raise DeploymentError(f"function {self.deployment.function} could not measure itself: {told}")
        return Invocation(said, seconds, _seconds(DURATION, log), _seconds(INIT, log))


def _seconds(pattern: re.Pattern[str], log: str) -> float:
    found: Any = pattern.search(log)
    return float(found[1]) / 1000 if found else 0.0
