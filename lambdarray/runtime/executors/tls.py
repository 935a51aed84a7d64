"""TLS for thousands of connections: whose certificates are trusted, and how little memory each takes."""

from __future__ import annotations

import threading
from typing import Any

RECORD_NBYTES = 16 << 10


def ssl_context(url: str) -> Any:
    """Certificates as botocore finds them: AWS_CA_BUNDLE, or its own; True for a URL without TLS."""
    if not url.startswith("https:"):
        return True
    import os
    import ssl

    from botocore.httpsession import get_cert_path

    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or get_cert_path(True))


class SmallBuffers:
    """While a block runs, asyncio's new connections over TLS read by records of 16 KiB.

    It gives each a buffer of 256 KiB otherwise, which for 2,800 of them is most of what a client takes. The size is
    put back with the last of the blocks, of whatever threads.
    """

    def __init__(self) -> None:
        self._lock, self._blocks, self._before = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        from asyncio.sslproto import SSLProtocol

        with self._lock:
            self._blocks += 1
            if self._blocks == 1:
                self._before, SSLProtocol.max_size = SSLProtocol.max_size, RECORD_NBYTES

    def __exit__(self, *_: object) -> None:
        from asyncio.sslproto import SSLProtocol

        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                SSLProtocol.max_size = self._before


small_buffers = SmallBuffers()
