"""The command `lambdarray cloud`."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

from lambdarray.cloud.local import LocalCloud
from lambdarray.errors import LambdarrayError

DEFAULT_SECONDS = 8 * 3600.0


def make_parser() -> argparse.ArgumentParser:
    """The options of `lambdarray cloud`."""
    parser = argparse.ArgumentParser(
        prog="lambdarray cloud",
        description="Run AWS Lambda and S3 on this machine; print the variables that point any program at them.",
    )
    parser.add_argument("--port", type=int, default=0, help="port of the Lambda API (default: a free one)")
    parser.add_argument(
        "--s3", default=None, metavar="moto|URL", help="who plays S3 (default: $AWS_ENDPOINT_URL_S3, else moto)"
    )
    parser.add_argument(
        "--account-concurrency", type=int, default=1000, metavar="N", help="quota of concurrent executions"
    )
    parser.add_argument(
        "--memory-total-mib", type=int, default=None, metavar="N", help="memory of all environments together"
    )
    parser.add_argument("--bucket", default="lambdarray-local", metavar="NAME", help="bucket to make at the start")
    parser.add_argument(
        "--for",
        dest="seconds",
        type=float,
        default=DEFAULT_SECONDS,
        metavar="SECONDS",
        help="how long to serve (default: 8 hours)",
    )
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND ...",
        help="run this against the local cloud and return its exit code",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C, SIGTERM or `--for` seconds, or run a command; the exit code."""
    options = make_parser().parse_args(argv)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    try:
        with _signals_restored(), _cloud(options) as cloud:
            _say_limits(cloud)
            return _run(command, cloud) if command else _serve(cloud, options.seconds)
    except LambdarrayError as error:
        sys.stderr.write(f"lambdarray cloud: {error}\n")
        return 2


def _cloud(options: argparse.Namespace) -> LocalCloud:
    return LocalCloud(
        port=options.port,
        s3=options.s3 or os.environ.get("AWS_ENDPOINT_URL_S3") or "moto",
        account_concurrency=options.account_concurrency,
        memory_total_mib=options.memory_total_mib,
        bucket=options.bucket or None,
    )


def _say_limits(cloud: LocalCloud) -> None:
    lines = "".join(f"#   {line}\n" for line in cloud.not_enforced)
    sys.stderr.write(f"# a local cloud ({cloud.isolation} isolation); of Lambda's limits it does not enforce\n{lines}")


def exports(environ: dict[str, str]) -> str:
    """Lines for a shell to read.

    >>> exports({"A": "x y"})
    "export A='x y'\\n"
    """
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environ.items()))


def _serve(cloud: LocalCloud, seconds: float) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    sys.stdout.write(exports(cloud.environ))
    sys.stdout.flush()
    stop.wait(seconds)
    return 0


def _run(command: Sequence[str], cloud: LocalCloud) -> int:
    """The command's exit code; 128 and the signal's number when a signal ended it, as in a shell."""
    # Ctrl-C goes to the command too, which may take its time to end well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(command, env=os.environ | cloud.environ, preexec_fn=_default_interrupt)
    except OSError as error:
        sys.stderr.write(f"lambdarray cloud: {command[0]} cannot be run: {error}\n")
        return 127
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    code = child.wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _signals_restored() -> Iterator[None]:
    """Leave the caller's handling of signals as it was: what it starts later inherits an ignored one."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
