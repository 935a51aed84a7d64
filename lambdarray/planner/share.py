"""Equal subexpressions become one: ops with the same key are replaced by the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..ops import Checked, ObjectSource, Op, Rechunk, Stored

Targets = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Shared:
    """The ops that are left, the outputs, the checks to be made beside them, and where outputs go."""

    order: list[Op]
    outputs: list[Op]
    checks: list[Op]
    targets: Targets


def share(order: Sequence[Op], outputs: Sequence[Op], key_of: dict[int, str], targets: Targets) -> Shared:
    """Every duplicate replaced, and results that carry checks taken apart; `key_of` gains the ops that are made anew.

    Tilings are part of what makes two ops the same, since a stored result keeps its promise of chunks. A result goes to
    one target: an equal op that is to go to another is made a second time.
    """
    targets = _beneath(order, targets)
    first: dict[tuple[str, Any], Op] = {}
    goes: dict[int, Mapping[str, Any]] = {}
    became: dict[int, Op] = {}
    kept: list[Op] = []
    checks: dict[int, Op] = {}
    for op in order:
        inputs = tuple(became[id(i)] for i in op.inputs)
        target = targets.get(id(op))
        if isinstance(op, Checked):
            checks.update((id(check), check) for check in inputs[1:])
            if target is None:
                became[id(op)] = inputs[0]
                continue
            new: Op = Rechunk(inputs[:1], op.tiling, op.dtype)
        else:
            same = all(a is b for a, b in zip(inputs, op.inputs, strict=True))
            new = op if same else replace(op, inputs=inputs)
        key_of[id(new)] = key_of[id(op)]
        found = first.setdefault((key_of[id(op)], op.tiling), new)
        if target is not None and goes.setdefault(id(found), target) != target:
            found = new
        became[id(op)] = found
        if found is new:
            kept.append(new)
    moved = {id(became[n]): t for n, t in targets.items()}
    return Shared(kept, [became[id(op)] for op in outputs], list(checks.values()), moved)


def _beneath(order: Sequence[Op], targets: Targets) -> Targets:
    """The targets of results that carry checks as those of the results, where these are made and have none."""
    found = dict(targets)
    for op in reversed(order):
        if isinstance(op, Checked) and id(op) in found:
            inner = op.inputs[0]
            if id(inner) not in found and not isinstance(inner, ObjectSource | Stored):
                found[id(inner)] = found.pop(id(op))
    return found
