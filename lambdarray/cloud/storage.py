"""The other services of the local cloud, S3 foremost: a moto server in a process of its own.

Run as a module it serves on a free port of 127.0.0.1, prints the port, and ends when its standard input does.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from lambdarray.errors import ConfigError


class MotoServer:
    """A moto server that ends with this process, however this process ends."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "lambdarray.cloud.storage"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def wait_for_url(self) -> str:
        """Its address, once it answers there. Blocks."""
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        if not line:
            status = self._popen.wait()
            raise ConfigError(
                f"the moto server, which plays S3, IAM and the rest, did not start (status {status}); "
                "is it installed? pip install 'lambdarray[cloud]'"
            )
        return f"http://127.0.0.1:{int(line)}"

    def close(self) -> None:
        """End it."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.close()
        try:
            self._popen.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._popen.stdout.close()


def _request_handler() -> type[Any]:
    """Moto's handler with connections kept alive, and head and body in one segment."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class KeepAliveHandler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Nothing: a line for each request would be most of the output."""

    return KeepAliveHandler


def main() -> None:
    """Serve until standard input ends."""
    import threading

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_request_handler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
