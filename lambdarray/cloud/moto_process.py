"""A moto server on a free port of 127.0.0.1: prints the port, ends when its standard input does.

A script of its own, so that its process imports moto and nothing of ours.
"""

from __future__ import annotations

import sys
import threading
from typing import Any


def request_handler() -> type[Any]:
    """Moto's handler, with head and body in one segment: twice as many small requests a second."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class OneSegmentHandler(MotoRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 1 << 16

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Nothing: a line for each request would be most of the output."""

    return OneSegmentHandler


def main() -> None:
    """Serve until standard input ends."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=request_handler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
