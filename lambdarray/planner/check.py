"""The checker that runs on every plan."""

from __future__ import annotations

from ..task import Plan


def check(plan: Plan, memory_bytes: int | None = None) -> None:
    """Raise PlanError where a plan breaks a rule of plans."""
