"""Many invocations of one function at once, and when each began and ended."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import time
from typing import Any

from ..errors import DeploymentError
from ..runtime.executors.answers import THROTTLED, Answer, Answers
from ..runtime.executors.files import FileLimit
from ..runtime.executors.invoker import Invoker
from ..runtime.executors.signer import Signer

Json = Any
BILLED = re.compile(r"Billed Duration: (\d+) ms")
INIT = re.compile(r"Init Duration: ([\d.]+) ms")
# What was refused is asked for again after this long, and an answer awaited for as long as a function may run.
AGAIN_S, LONGEST_S = 0.5, 960.0


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation: what the function said, and when, in seconds since the first was sent.

    `began_s` and `ended_s` are by the function's clock, the others by the caller's. `launch_s` is from when it was
    first sent, refusals included, to when it began, `init_s` what of that a new environment took.
    """

    sent_s: float
    began_s: float
    ended_s: float
    answered_s: float
    init_s: float
    billed_s: float
    said: Json

    @property
    def launch_s(self) -> float:
        """Seconds from the first request to the function's first line."""
        return max(self.began_s - self.sent_s, 0.0)


class Fleet:
    """A deployed function as many times as is asked for.

    Raises what `describe` raises where it is not there or is of another version, and DeploymentError where it cannot
    be reached or fails.
    """

    def __init__(self, function: str, region: str | None = None) -> None:
        from lambdarray_layer.aws import open_account
        from lambdarray_layer.deployment import check_version, describe

        from ..runtime.executors.aws_lambda import connect, invocations_url

        self.deployment = describe(function, account=open_account(region))
        check_version(self.deployment)
        endpoint, self.region, credentials = connect(region or self.deployment.region)
        self._url = invocations_url(endpoint, function)
        self._signer = Signer(self._url, self.region, "lambda", credentials)
        self._answers = Answers(function, self.region, self.deployment.version, self.deployment.store)
        self.throttled = 0

    def call(self, asked: Json, count: int) -> list[Call]:
        """Have so many functions measure what is asked for, all at once."""
        files = FileLimit()
        answered: SimpleQueue[tuple[int, Answer | Exception]] = SimpleQueue()
        invoker = Invoker(
            self._url,
            self._signer,
            files.raise_to(count),
            lambda bundle, answer: answered.put((_place(bundle), answer)),
            lambda bundle, error, sent: answered.put((_place(bundle), error)),
        )
        try:
            return self._all(invoker, answered, asked, count)
        finally:
            invoker.close()
            files.restore()

    def _all(
        self, invoker: Invoker, answered: SimpleQueue[tuple[int, Answer | Exception]], asked: Json, count: int
    ) -> list[Call]:
        event = {"ping": True, "store": self.deployment.store, "measure": asked}
        body, calls = json.dumps(event).encode(), list[Call]()
        start, again, due = time(), list[int](), 0.0
        invoker.send([_request(n, body) for n in range(count)])
        while len(calls) < count:
            try:
                place, answer = answered.get(timeout=AGAIN_S if again else LONGEST_S)
                if isinstance(answer, Answer) and answer.status in THROTTLED:
                    self.throttled += 1
                    due = due if again else time() + AGAIN_S
                    again.append(place)
                else:
                    calls.append(self._read(answer, start))
            except Empty:
                if not again:
                    raise DeploymentError(f"{count - len(calls)} of {count} functions never answered") from None
            if again and time() >= due:
                invoker.send([_request(n, body) for n in again])
                again = []
        return calls

    def _read(self, answer: Answer | Exception, start: float) -> Call:
        now = time()
        if isinstance(answer, Exception):
            raise DeploymentError(f"cannot reach Lambda at {self._url}: {answer}") from answer
        if answer.status != 200:
            self._answers.reports((), answer)  # raises what says how to mend it
        said = json.loads(answer.body or b"null")
        log = b64decode(answer.headers.get("X-Amz-Log-Result", "")).decode(errors="replace")
        if answer.status != 200 or not isinstance(said, dict) or "measured" not in said:
            told = f"HTTP {answer.status}: {str(said)[:300]}; its log's end:\n{log.strip()}"
            raise DeploymentError(f"function {self.deployment.function} could not measure itself: {told}")
        return Call(
            0.0,
            said["began_s"] - start,
            said["ended_s"] - start,
            now - start,
            _number(INIT, log) / 1e3,
            _number(BILLED, log) / 1e3,
            said,
        )

    def remove(self, calls: Sequence[Call]) -> None:
        """Delete what functions wrote, which they may not."""
        from ..store import open_store

        for call in calls:
            if prefix := call.said["measured"].get("prefix"):
                open_store(self.deployment.store).delete_prefix(prefix)

    def about(self, calls: Sequence[Call]) -> dict[str, Json]:
        """What was invoked."""
        d = self.deployment
        return {
            "function": d.function,
            "region": self.region,
            "arch": d.arch,
            "memory_mib": d.memory_mib,
            "blas": calls[0].said.get("blas", ""),
            "functions": len(calls),
            "cold": sum(c.init_s > 0 for c in calls),
            "throttled": self.throttled,
            "billed_s": sum(c.billed_s for c in calls),
        }


def _request(place: int, body: bytes) -> Any:
    """An invoker's request: what it hands back with the answer, here the number of the call, and the event."""
    return (place,), body


def _place(bundle: Any) -> int:
    return int(bundle[0])


def _number(pattern: re.Pattern[str], log: str) -> float:
    found = pattern.search(log)
    return float(found[1]) if found else 0.0
