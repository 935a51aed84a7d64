"""The steps of a schedule as functions of a run: one call for each, with nothing left to look up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .blocks import Mask
from .partials import Running
from .program import Instruction, Iota

Array = np.ndarray
Spans = Sequence[tuple[int, int]]


@dataclass(slots=True)
class Run:
    """A run of a schedule over a tile.

    `origin` are the tile's elements along each of its axes, `span` those of the current block along the frame's.
    """

    registers: list[Any]
    results: list[Any]
    running: list[Running]
    origin: Spans
    span: Spans


Step = Callable[[Run], None]


def instruction(step: Instruction, mask: Mask) -> Step:
    """The step that runs an instruction whose outputs vary along the axes of `mask`."""
    if step.iota is not None:
        return _iota(step.iota, step.outs[0], mask)
    if step.view is not None:
        return _view(step.view, step.ins[0], step.outs[0])
    assert step.fn is not None
    if len(step.outs) > 1:
        return _several(step.fn, step.ins, step.outs)
    if len(step.ins) == 1:
        return _unary(step.fn, step.ins[0], step.outs[0])
    if len(step.ins) == 2:
        return _binary(step.fn, *step.ins, step.outs[0])
    return _general(step.fn, step.ins, step.outs[0])


def _unary(fn: Callable[..., Any], a: int, out: int) -> Step:
    def step(run: Run) -> None:
        r = run.registers
        fn(r[a], out=r[out])

    return step


def _binary(fn: Callable[..., Any], a: int, b: int, out: int) -> Step:
    def step(run: Run) -> None:
        r = run.registers
        fn(r[a], r[b], out=r[out])

    return step


def _general(fn: Callable[..., Any], ins: Sequence[int], out: int) -> Step:
    def step(run: Run) -> None:
        r = run.registers
        fn(*[r[i] for i in ins], out=r[out])

    return step


def _several(fn: Callable[..., Any], ins: Sequence[int], outs: Sequence[int]) -> Step:
    def step(run: Run) -> None:
        r = run.registers
        fn(*[r[i] for i in ins], out=tuple([r[o] for o in outs]))

    return step


def _view(view: Callable[[Array], Array], a: int, out: int) -> Step:
    def step(run: Run) -> None:
        run.registers[out] = view(run.registers[a])

    return step


def _iota(iota: Iota, out: int, mask: Mask) -> Step:
    shape = [-1 if m else 1 for m in mask]

    def step(run: Run) -> None:
        start = run.origin[iota.axis][0]
        lo, hi = next((s for s, m in zip(run.span, mask, strict=True) if m), (0, 1))
        run.registers[out] = iota.values(start + lo, start + hi).reshape(shape)

    return step


def reduction(number: int, register: int, mask: Mask) -> Step:
    """The step that gives a register to the run's reduction `number`."""

    def step(run: Run) -> None:
        run.running[number].add(run.registers[register], run.span)

    def spread(run: Run) -> None:
        size = [hi - lo for lo, hi in run.span]
        run.running[number].add(np.broadcast_to(run.registers[register], size), run.span)

    return step if all(mask) else spread


def copy(register: int, target: int) -> Step:
    """The step that copies a register that is broadcast into a larger one."""

    def step(run: Run) -> None:
        run.registers[target][...] = run.registers[register]

    return step
