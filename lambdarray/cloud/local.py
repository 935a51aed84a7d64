"""`LocalCloud`: a local cloud for the length of a `with` block."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Any

from lambdarray.cloud.settings import CloudSettings
from lambdarray.errors import LambdarrayError


class LocalCloudError(LambdarrayError, RuntimeError):
    """The local cloud could not be started; the message says why."""


class LocalCloud:
    """AWS Lambda, S3 and what deploying needs, on 127.0.0.1, in processes of their own.

    Takes the fields of `CloudSettings` by name. Inside the block `environ` has the variables that point boto3,
    obstore and any child process at it, `not_enforced` says which limits of Lambda do not hold on this
    machine, and `isolation` how environments are kept apart. When the block ends, or this process dies in
    whatever way, all its processes end and nothing is left.

        with LocalCloud(account_concurrency=10) as cloud:
            client = boto3.client("lambda", endpoint_url=cloud.environ["AWS_ENDPOINT_URL_LAMBDA"], ...)

    Raises ConfigError for a setting that cannot be, LocalCloudError when the cloud does not start.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = CloudSettings(**settings)
        self.environ: dict[str, str] = {}
        self.isolation = ""
        self.not_enforced: tuple[str, ...] = ()
        self._popen: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LocalCloud:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    @property
    def bucket_url(self) -> str | None:
        """The bucket that was made at the start, as s3://..., or None."""
        return f"s3://{self.settings.bucket}" if self.settings.bucket else None

    def start(self) -> None:
        """Start the processes and wait until they answer."""
        if self._popen is not None:
            raise LocalCloudError("this local cloud is running already")
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "lambdarray.cloud.serve", self.settings.to_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )
        try:
            self._read_description()
        except BaseException:
            self.close()
            raise

    def _read_description(self) -> None:
        assert self._popen is not None
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        answer = json.loads(line or "{}")
        if "environ" not in answer:
            reason = answer.get("error") or f"its process ended with status {self._popen.wait()}"
            raise LocalCloudError(f"the local cloud did not start: {reason}")
        self.environ, self.isolation = answer["environ"], answer["isolation"]
        self.not_enforced = tuple(answer["not_enforced"])

    def close(self) -> None:
        """End all processes; does nothing when it is closed already."""
        popen, self._popen = self._popen, None
        if popen is None:
            return
        assert popen.stdin is not None
        assert popen.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            popen.stdin.close()
        try:
            popen.wait(timeout=20)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()
        popen.stdout.close()


def _environment() -> dict[str, str]:
    """This process's variables; the child finds the same modules, wherever they were found here."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
