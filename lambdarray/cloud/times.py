"""Times in the forms that Lambda's answers and logs use."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_time() -> str:
    """Now, as in LastModified."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def log_time() -> str:
    """Now, as at the start of a log line."""
    now = datetime.now(UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"


def stream_date() -> str:
    """Today, as in the name of a log stream."""
    return datetime.now(UTC).strftime("%Y/%m/%d")
