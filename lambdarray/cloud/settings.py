"""What a user may choose about a local cloud."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from lambdarray.errors import ConfigError

ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """The size, the storage and the unreliability of a local cloud.

    `account_concurrency` is the account's quota of concurrent executions; `memory_total_mib` bounds the
    memory sizes of all live environments together (None: four fifths of this machine's memory), beyond
    it an invocation gets 429. `s3` is "moto" or the URL of another S3 server. An asynchronous event that
    fails is tried again after each of `event_retry_seconds` (on AWS: one minute, two minutes), and with
    probability `duplicate_events` it is delivered twice, drawn from `seed`. A new or changed function stays
    pending for `pending_seconds`. An idle environment lives for `idle_seconds`. `bucket` is made at the start.

    >>> CloudSettings(duplicate_events=2.0)
    Traceback (most recent call last):
    lambdarray.errors.ConfigError: duplicate_events is a probability from 0 to 1, not 2.0
    """

    account_concurrency: int = 1000
    memory_total_mib: int | None = None
    port: int = 0
    s3: str = "moto"
    bucket: str | None = "lambdarray-local"
    region: str = "us-east-1"
    idle_seconds: float = 300.0
    pending_seconds: float = 0.0
    event_retry_seconds: tuple[float, float] = (1.0, 2.0)
    duplicate_events: float = 0.0
    seed: int = 0
    isolation: str = "auto"

    def __post_init__(self) -> None:
        self._require(0 <= self.duplicate_events <= 1, "duplicate_events", "is a probability from 0 to 1")
        self._require(self.account_concurrency >= 1, "account_concurrency", "must be at least 1")
        self._require((self.memory_total_mib or 128) >= 128, "memory_total_mib", "must be at least 128 or None")
        self._require(0 <= self.port < 65536, "port", "must be from 0 (any free one) to 65535")
        self._require(self.isolation in ISOLATIONS, "isolation", f"must be one of {', '.join(ISOLATIONS)}")
        valid_s3 = self.s3 == "moto" or urlsplit(self.s3).scheme in ("http", "https")
        self._require(valid_s3, "s3", 'must be "moto" or the URL of an S3 server')

    def _require(self, allowed: bool, name: str, rule: str) -> None:
        if not allowed:
            raise ConfigError(f"{name} {rule}, not {getattr(self, name)!r}")

    def to_json(self) -> str:
        """The settings as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> CloudSettings:
        """The settings that `to_json` wrote."""
        fields = json.loads(text)
        fields["event_retry_seconds"] = tuple(fields["event_retry_seconds"])
        return cls(**fields)

    def memory_budget_mib(self) -> int:
        """The memory that all live environments may have together, in MiB."""
        if self.memory_total_mib is not None:
            return self.memory_total_mib
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 4 // 5 >> 20


# How environments are kept apart: by root, with a user of their own each; by an unprivileged user
# namespace; not at all. "auto" takes the first that this machine lets us have.
ISOLATIONS = ("auto", "root", "user", "plain")
