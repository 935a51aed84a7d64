"""A line of the doctor's."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's: whether it is right, what was looked at, what was found, and how to mend it.

    A line that is ok may still have advice.
    """

    ok: bool
    what: str
    found: str
    mend: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def ok(what: str, found: str) -> Check:
    """A check that went well."""
    return Check(True, what, found)


def fail(what: str, found: str, mend: str) -> Check:
    """A check that did not."""
    return Check(False, what, found, mend)
