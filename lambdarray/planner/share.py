"""Equal subexpressions become one: ops with the same key are replaced by the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..ops import Op

Targets = Mapping[int, Mapping[str, Any]]


def share(
    order: Sequence[Op], outputs: Sequence[Op], key_of: dict[int, str], targets: Targets
) -> tuple[list[Op], list[Op], Targets]:
    """The ops, outputs and targets with every duplicate replaced; `key_of` gains the ops that are made anew.

    Tilings are part of what makes two ops the same, since a stored result keeps its promise of chunks. A result goes to
    one target: an equal op that is to go to another is made a second time.
    """
    first: dict[tuple[str, Any], Op] = {}
    goes: dict[int, Mapping[str, Any]] = {}
    became: dict[int, Op] = {}
    kept: list[Op] = []
    for op in order:
        inputs = tuple(became[id(i)] for i in op.inputs)
        same = all(a is b for a, b in zip(inputs, op.inputs, strict=True))
        new = op if same else replace(op, inputs=inputs)
        key_of[id(new)] = key_of[id(op)]
        found = first.setdefault((key_of[id(op)], op.tiling), new)
        target = targets.get(id(op))
        if target is not None and goes.setdefault(id(found), target) != target:
            found = new
        became[id(op)] = found
        if found is new:
            kept.append(new)
    moved = {id(became[n]): t for n, t in targets.items()}
    return kept, [became[id(op)] for op in outputs], moved
