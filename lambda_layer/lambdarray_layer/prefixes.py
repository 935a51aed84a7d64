"""Places in S3 that a deployment is granted: a bucket and a prefix."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lambdarray.errors import ConfigError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")


@dataclass(frozen=True, slots=True, order=True)
class S3Prefix:
    """All keys below `prefix` in `bucket`; an empty prefix is the whole bucket.

    >>> S3Prefix.parse("s3://bucket/scratch/")
    S3Prefix(bucket='bucket', prefix='scratch')
    """

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @classmethod
    def parse(cls, url: str) -> S3Prefix:
        """The prefix that a URL names; raises ConfigError (a ValueError) where it is not of the form s3://bucket/prefix."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not url.startswith("s3://") or not _BUCKET.match(bucket):
            raise ConfigError(f"{url!r} is not a place in S3; give s3://bucket/prefix")
        if any(c in prefix for c in "*?$"):
            # In a policy these are wildcards and variables: they would grant more than they say.
            raise ConfigError(f"{url!r}: a prefix must not contain '*', '?' or '$'")
        return cls(bucket, prefix.strip("/"))

    def covers(self, other: S3Prefix) -> bool:
        """Whether every key below `other` is below this one.

        >>> data = S3Prefix("b", "data")
        >>> data.covers(S3Prefix("b", "data/x.zarr")), data.covers(S3Prefix("b", "data2"))
        (True, False)
        """
        inside = not self.prefix or f"{other.prefix}/".startswith(f"{self.prefix}/")
        return self.bucket == other.bucket and inside

    def key(self, name: str) -> str:
        """The key of `name` below this prefix.

        >>> S3Prefix("b", "scratch").key("runs/")
        'scratch/runs/'
        """
        return f"{self.prefix}/{name}" if self.prefix else name


def parse_all(urls: Iterable[str]) -> tuple[S3Prefix, ...]:
    """The prefixes of `urls`, sorted, without those that others cover.

    >>> [str(p) for p in parse_all(["s3://data/x/y", "s3://data/x", "s3://logs"])]
    ['s3://data/x', 's3://logs']
    """
    every = sorted({S3Prefix.parse(url) for url in urls})
    return tuple(p for p in every if not any(o.covers(p) for o in every if o != p))
