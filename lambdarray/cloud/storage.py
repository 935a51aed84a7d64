"""The other services of the local cloud, S3 foremost: a moto server in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lambdarray.errors import ConfigError


class MotoServer:
    """A moto server that ends with this process, however this process ends."""

    def __init__(self) -> None:
        script = str(Path(__file__).with_name("moto_process.py"))
        self._popen = subprocess.Popen(
            [sys.executable, "-P", script],
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
        """End it; there is nothing that it should keep."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.close()
        self._popen.kill()
        self._popen.wait()
        self._popen.stdout.close()
