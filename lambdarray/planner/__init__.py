"""From expressions to a plan: the passes, in order, on one screen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from .._version import __version__
from ..ops import ObjectSource, Op, Stored, in_order, keys
from ..task import Plan
from .blocks import Resources
from .check import check
from .estimate import cuts_key
from .lower import Lowering
from .placing import place
from .regions import assign
from .share import Targets, share

__all__ = ["Resources", "make_plan"]


def make_plan(
    outputs: Sequence[Op],
    resources: Resources,
    *,
    targets: Targets | None = None,
    tokens: Mapping[str, str] | None = None,
    purpose: str = "",
) -> tuple[Plan, dict[str, Any]]:
    """The plan that stores `outputs`, and the in-memory sources that it reads, by token.

    `targets` says where an output goes (by the op's id) if not to scratch; `tokens` gives the content hash of
    in-memory sources, which a durable store needs so that a later process finds the same key. Plans for another
    `purpose` have other keys, and so other tiles.
    """
    order = in_order(outputs)
    key_of = keys(order, tokens)
    shared = share(order, outputs, key_of, targets or {})  # equal subexpressions become one
    wanted = [*shared.outputs, *shared.checks]
    stored = [op for op in wanted if not isinstance(op, ObjectSource | Stored)]
    regions = assign(shared.order, stored)  # what is computed together
    prefix = _key(shared.order, wanted, key_of, resources, shared.targets, purpose)
    lowering = Lowering(shared.order, regions, resources, f"{prefix[:2]}/{prefix}", shared.targets)
    lowering.run()  # regions become programs
    names = [lowering.array_of(op).name for op in wanted]
    plan = Plan(
        prefix,
        tuple(lowering.programs),
        lowering.arrays,
        tuple(names[: len(outputs)]),
        tuple(lowering.estimates),
        tuple(lowering.notes),
        tuple(names[len(outputs) :]),
    )
    plan = place(plan, resources)  # an output put together of whole tiles is where these are
    check(plan, resources.memory_bytes)
    return plan, lowering.objects


def _key(
    order: Sequence[Op],
    outputs: Sequence[Op],
    key_of: Mapping[int, str],
    resources: Resources,
    targets: Targets,
    purpose: str,
) -> str:
    """The plan's key: the same recipe, cut in the same way, by the same version."""
    where = [repr(targets.get(id(op), "")) for op in outputs]
    cuts = [op.tiling.to_json() for op in order]
    rates = cuts_key(resources)
    text = repr(([key_of[id(op)] for op in outputs], where, cuts, resources, rates, __version__, purpose))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
