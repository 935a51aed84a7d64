"""Where the logs of environments go: to CloudWatch Logs, as on AWS, by whoever plays it here."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from lambdarray.cloud.signing import Credentials

FLUSH_SECONDS = 2.0
# PutLogEvents takes 1 MB and 10,000 events at a time.
MAX_EVENTS = 10_000
MAX_WAITING = 100_000
_log = logging.getLogger(__name__)
_Event = dict[str, Any]


class LogSink:
    """Collects lines and sends them in batches; what cannot be sent is reported through `logging` and dropped."""

    def __init__(self, endpoint: str, region: str, credentials: Credentials) -> None:
        self._endpoint, self._region, self._credentials = endpoint, region, credentials
        self._waiting: dict[tuple[str, str], list[_Event]] = {}
        self._count = 0
        self._streams: set[tuple[str, str]] = set()
        self._client: Any = None

    def write(self, function: str, stream: str, text: str) -> None:
        """Add an invocation's log."""
        if self._count > MAX_WAITING:
            return
        now = int(1000 * time.time())
        lines = [{"timestamp": now, "message": line} for line in text.splitlines() if line.strip()]
        self._waiting.setdefault((f"/aws/lambda/{function}", stream), []).extend(lines)
        self._count += len(lines)

    async def run(self) -> None:
        """Send what has come, from time to time, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if self._waiting:
                waiting, self._waiting, self._count = self._waiting, {}, 0
                await asyncio.to_thread(self._send_all, waiting)

    def _send_all(self, waiting: dict[tuple[str, str], list[_Event]]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for place, lines in waiting.items():
                self._send(place, lines)
        except (BotoCoreError, ClientError) as error:
            _log.warning("log lines were lost: %s", error)

    def _send(self, place: tuple[str, str], lines: list[_Event]) -> None:
        if self._client is None:
            self._client = self._make_client()
        group, stream = place
        if place not in self._streams:
            self._create(self._client.create_log_group, logGroupName=group)
            self._create(self._client.create_log_stream, logGroupName=group, logStreamName=stream)
            self._streams.add(place)
        for start in range(0, len(lines), MAX_EVENTS):
            events = lines[start : start + MAX_EVENTS]
            self._client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def _create(self, operation: Any, **names: str) -> None:
        try:
            operation(**names)
        except self._client.exceptions.ResourceAlreadyExistsException:
            _log.debug("%s exists", names)

    def _make_client(self) -> Any:
        import boto3

        return boto3.client(
            "logs",
            endpoint_url=self._endpoint,
            region_name=self._region,
            aws_access_key_id=self._credentials.access_key,
            aws_secret_access_key=self._credentials.secret_key,
        )
