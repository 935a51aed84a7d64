"""The Lambda executor: one process keeps thousands of functions busy over plain HTTP."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Lock
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from ...errors import AccessError, ConfigError, DeploymentError, LambdarrayError
from ...task import TaskReport
from . import Attempt
from .answers import Answer, Answers, all_as
from .files import FileLimit
from .inbox import Inbox
from .invoker import Invoker, Request
from .payload import Encoder
from .signer import Signer

# So many connections in a row that do not come about, before any has, mean that Lambda cannot be reached.
FAILED_CONNECTIONS = 8


class LambdaExecutor:
    """Runs bundles in a deployed function, `workers` invocations at once, with tiles in `store`.

    Credentials, region and endpoint are found as boto3 finds them. No retry happens here: the scheduler decides that.
    `run` names the run in the store, where a marker calls it off. After the run, `billed_ms` is what Lambda said that
    it billed.

    Raises ConfigError where no region is known and AccessError where there are no credentials.
    """

    # A new environment may take long to start, and what is bound to it waits.
    first_bundle_s = 30.0
    urgent_first = True  # tiles in S3 take no memory that tasks could lack

    def __init__(
        self, function: str, region: str | None, store: str, workers: int, run: str = "", *, version: str = ""
    ) -> None:
        endpoint, self.region, credentials = connect(region)
        # A marker calls off this run only, not the next one of the same plan.
        self._run = f"{run or 'run'}.{uuid4().hex[:8]}"
        version = version or client_version()
        self._store, self._encoder = store, Encoder(version, store, self._run)
        self._answers = Answers(function, self.region, version, store)
        self._url = invocations_url(endpoint, function)
        self._signer = Signer(self._url, self.region, "lambda", credentials)
        self._invoker: Invoker | None = None
        self._reports = Inbox()
        self._lock = Lock()
        self._flying: dict[int, int] = {}
        self._reached, self._failures, self._called_off = False, 0, False
        self._files = FileLimit()
        self.capacity = self._files.raise_to(workers)

    @property
    def billed_ms(self) -> int:
        """The milliseconds that Lambda billed so far, as the functions' logs say."""
        return self._answers.billed_ms

    def start(self, bundle: Sequence[Attempt]) -> None:
        """Invoke the function for these attempts."""
        if self._invoker is None:
            self._invoker = Invoker(self._url, self._signer, self.capacity, self._answered, self._lost)
        requests: list[Request] = self._encoder.encode(bundle)
        with self._lock:
            for attempt in bundle:
                self._flying[attempt.id] = self._flying.get(attempt.id, 0) + 1
        self._invoker.send(requests)

    def wait(self, timeout_s: float | None) -> list[TaskReport]:
        """All reports there are; waits for the first. Raises what no retry would mend."""
        return self._reports.take(timeout_s)

    def cancel(self, ids: Sequence[int]) -> None:
        """Call the run off where these are all that is in flight; a single function cannot be stopped."""
        with self._lock:
            wanted = bool(self._flying) and self._flying.keys() <= set(ids)
        if wanted:
            self._call_off()

    def close(self) -> None:
        """Call off what is still in flight and drop the connections."""
        with self._lock:
            left = bool(self._flying)
        if left:
            self._call_off()
        if self._invoker is not None:
            self._invoker.close()
            self._invoker = None
        self._files.restore()

    def _answered(self, bundle: Sequence[Attempt], answer: Answer) -> None:
        self._reached = True
        try:
            reports = self._answers.reports(bundle, answer)
        except Exception as error:  # the run ends with it: `wait` raises it
            self._reports.put(error)
            reports = []
        self._land(bundle, reports)

    def _lost(self, bundle: Sequence[Attempt], error: Exception, sent: bool) -> None:
        """A connection that broke leaves all open; one that never came about means that nothing ran."""
        text = f"{type(error).__name__}: {error}"
        if not sent and not self._reached:
            self._failures += 1
            if self._failures >= FAILED_CONNECTIONS:
                self._reports.put(
                    DeploymentError(
                        f"cannot reach Lambda at {self._url}: {text}; check the network, region={self.region!r} and "
                        "AWS_ENDPOINT_URL_LAMBDA"
                    )
                )
        if isinstance(error, LambdarrayError):
            self._reports.put(error)
        self._land(bundle, all_as(bundle, "unknown" if sent else "throttled", text))

    def _land(self, bundle: Sequence[Attempt], reports: Sequence[TaskReport]) -> None:
        with self._lock:
            for attempt in bundle:
                left = self._flying.pop(attempt.id) - 1
                if left:
                    self._flying[attempt.id] = left
        for report in reports:
            self._reports.put(report)

    def _call_off(self) -> None:
        """Leave the marker that workers look for between their steps."""
        if self._called_off:
            return
        self._called_off = True
        from ...store import open_store

        try:
            open_store(self._store).put_bytes(f"runs/{self._run}.cancel", b"cancelled")
        except (LambdarrayError, OSError) as error:
            # The run ends all the same; functions under way then go on to the end of their bundles.
            logging.getLogger(__name__).warning("could not call off run %s: %s", self._run, error)


def client_version() -> str:
    """The version that a function must have to work with this client."""
    from lambdarray_layer.package import package_version

    return package_version()


def invocations_url(endpoint: str, function: str) -> str:
    """Where a function is invoked."""
    return f"{endpoint.rstrip('/')}/2015-03-31/functions/{quote(function, safe='')}/invocations"


def connect(region: str | None) -> tuple[str, str, Any]:
    """Lambda's endpoint, the region, and credentials, as boto3 finds them."""
    from botocore.exceptions import BotoCoreError, NoRegionError
    from botocore.session import get_session

    session = get_session()
    try:
        credentials = session.get_credentials()
        client = session.create_client("lambda", region_name=region)
    except NoRegionError:
        raise ConfigError(
            "no AWS region: set region= in la.config, AWS_DEFAULT_REGION, or a default with `aws configure`"
        ) from None
    except BotoCoreError as error:
        raise AccessError(f"the AWS settings cannot be used: {error}") from error
    if credentials is None:
        raise AccessError(
            "no AWS credentials: run `aws configure` or `aws sso login`, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    return client.meta.endpoint_url, client.meta.region_name, credentials
