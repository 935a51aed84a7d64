"""An environment's log: what it prints, and the lines that the platform adds."""

from __future__ import annotations

import asyncio
import base64
import math
import os
from dataclasses import dataclass

from lambdarray.cloud.limits import LOG_TAIL_BYTES

_READ_BYTES = 1 << 16


class LogPipe:
    """Reads what an environment writes to stdout and stderr, as it comes and to the last byte.

    What is kept between two invocations is bounded: only its end is shown.
    """

    KEPT_BYTES = 1 << 18

    def __init__(self) -> None:
        self._read, self.write_end = os.pipe()
        os.set_blocking(self._read, False)
        self._text = bytearray()
        self._open = True
        asyncio.get_running_loop().add_reader(self._read, self._on_readable)

    def sent(self) -> None:
        """The environment has the writing end now; ours is closed, so that its death ends the stream."""
        os.close(self.write_end)

    def _on_readable(self) -> None:
        if not self._receive():
            self.close()

    def _receive(self) -> bool:
        try:
            data = os.read(self._read, _READ_BYTES)
        except BlockingIOError:
            return True
        self._text += data
        del self._text[: -self.KEPT_BYTES]
        return bool(data)

    def take(self) -> str:
        """Everything written since the last call. Written before an answer was sent means read here."""
        while self._open:
            before = len(self._text)
            if not self._receive():
                self.close()
            if len(self._text) - before < _READ_BYTES:
                break
        text = self._text.decode("utf-8", "replace")
        self._text.clear()
        return text

    def close(self) -> None:
        """Stop reading."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._read)
            os.close(self._read)


@dataclass(frozen=True, slots=True)
class Measured:
    """What an invocation took: times in seconds, memory in MiB; `init_seconds` is None when it was warm."""

    seconds: float
    memory_mib: int
    peak_mib: int
    init_seconds: float | None = None
    status: str = ""
    error_type: str = ""

    def report(self, request_id: str) -> str:
        """The REPORT line; INIT is billed, as it has been on AWS since August 2025."""
        billed = math.ceil(1000 * (self.seconds + (self.init_seconds or 0.0)))
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {1000 * self.seconds:.2f} ms",
            f"Billed Duration: {billed} ms",
            f"Memory Size: {self.memory_mib} MB",
            f"Max Memory Used: {min(self.peak_mib, self.memory_mib)} MB",
        ]
        if self.init_seconds is not None:
            fields.append(f"Init Duration: {1000 * self.init_seconds:.2f} ms")
        if self.status:
            fields.append(f"Status: {self.status}")
        if self.status == "error":
            fields.append(f"Error Type: {self.error_type}")
        return "\t".join(fields) + "\t\n"


def log_tail(text: str) -> str:
    """The last 4 KB in base64, as X-Amz-Log-Result carries them."""
    return base64.b64encode(text.encode()[-LOG_TAIL_BYTES:]).decode()
