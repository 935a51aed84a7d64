"""What is left to do where some tiles exist already: backward from the outputs that are missing.

Boxes of tiles are summed and spread with prefix sums over the whole grid, so that nothing is done task by task.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ..task import Plan
from .dependencies import Dependencies, Edge, Writer
from .frontier import DONE, Frontier

Bounds = list[tuple[Any, Any]]  # for each axis of a tile grid: first, last + 1, that broadcast to a task grid


def resume(frontier: Frontier, plan: Plan, done: np.ndarray) -> int:
    """Skip the tasks that need not run, those that are `done` and those that only they needed; their number."""
    deps = frontier.deps
    needed = needed_tasks(plan, deps, done)
    pending = {name: np.zeros(plan.arrays[name].tiling.grid, bool) for name in deps.writers}
    for p, writers in enumerate(deps.writes):
        for writer in writers:
            pending[writer.array] |= spread(needed[p], tile_bounds(writer), writer.tile_grid) > 0
    for p, need in enumerate(needed):
        _skip(frontier, p, need)
        _wait_for(frontier, p, need, pending)
    for name, made in frontier.made.items():
        if made.unread is not None:
            counts = [spread(needed[e.program], tile_bounds(e), e.tile_grid) for e in deps.readers[name]]
            made.unread.cells[...] = sum(counts)
            made.counted = True
    return frontier.state.count(DONE)


def needed_tasks(plan: Plan, deps: Dependencies, done: np.ndarray) -> list[np.ndarray]:
    """For each stage which tasks have to run, in the shape of its grid."""
    wanted = {name: np.zeros(plan.arrays[name].tiling.grid, bool) for name in deps.writers}
    for name in plan.kept:
        if name in wanted:
            wanted[name][...] = True
    needed: list[np.ndarray] = []
    for p in range(len(plan.programs) - 1, -1, -1):
        numbering = plan.programs[p].numbering
        grid = numbering.grid
        need = np.zeros(grid, bool)
        for writer in deps.writes[p]:
            need |= box_sums(wanted[writer.array], tile_bounds(writer), grid) > 0
        need &= ~numbering.spread(done[deps.offsets[p] : deps.offsets[p + 1]], empty=True)
        for edge in deps.reads[p]:
            wanted[edge.array] |= spread(need, tile_bounds(edge), edge.tile_grid) > 0
        needed.append(need)
    return needed[::-1]


def _skip(frontier: Frontier, program: int, need: np.ndarray) -> None:
    first, last = frontier.deps.offsets[program : program + 2]
    state = np.frombuffer(frontier.state, np.uint8)[first:last]
    state[~frontier.deps.programs[program].numbering.gathered(need)] = DONE


def _wait_for(frontier: Frontier, program: int, need: np.ndarray, pending: dict[str, np.ndarray]) -> None:
    waits = frontier.waits[program]
    if waits is None:
        return
    waits.cells += 1  # of a task that is skipped: so that counting down never frees it
    counts = np.zeros(need.shape, np.int64)
    for edge in frontier.deps.reads[program]:
        counts += box_sums(pending[edge.array], tile_bounds(edge), need.shape)
    waits.cells[need] = counts[need]


def tile_bounds(link: Edge | Writer) -> Bounds:
    """The boxes of tiles of all tasks of a stage, axis by axis."""
    ndim = len(link.grid)
    follows, fixed = link.follows, link.fixed
    bounds: Bounds = [(0, 0)] * len(link.tile_grid)
    for d, (lo, hi) in fixed:
        bounds[d] = (np.array(lo), np.array(hi))
    for a, d, relation in follows:
        shape = [1] * ndim
        shape[a] = -1
        first, last = relation.intervals()
        bounds[d] = (first.reshape(shape), last.reshape(shape))
    return bounds


def box_sums(values: np.ndarray, bounds: Bounds, grid: tuple[int, ...]) -> np.ndarray:
    """For every task the sum of `values`, one for each tile, over its box."""
    sums = np.zeros([n + 1 for n in values.shape], np.int64)
    sums[(slice(1, None),) * values.ndim] = values
    for axis in range(values.ndim):
        np.cumsum(sums, axis=axis, out=sums)
    out = np.zeros(grid, np.int64)
    for corner in product((0, 1), repeat=values.ndim):
        sign = (-1) ** (values.ndim - sum(corner))
        out += sign * sums[tuple(pair[side] for pair, side in zip(bounds, corner, strict=True))]
    return out


def spread(mask: np.ndarray, bounds: Bounds, tile_grid: tuple[int, ...]) -> np.ndarray:
    """For every tile the number of tasks in `mask` whose box holds it."""
    out = np.zeros([n + 1 for n in tile_grid], np.int64)
    chosen = np.nonzero(mask) if mask.ndim else ((),) * int(mask)
    if mask.any():
        for corner in product((0, 1), repeat=len(tile_grid)):
            places = tuple(_chosen(pair[side], mask.shape, chosen) for pair, side in zip(bounds, corner, strict=True))
            np.add.at(out, places, (-1) ** sum(corner))
        for axis in range(len(tile_grid)):
            np.cumsum(out, axis=axis, out=out)
    return out[tuple(slice(0, n) for n in tile_grid)]


def _chosen(values: np.ndarray, shape: tuple[int, ...], chosen: Any) -> np.ndarray:
    return np.broadcast_to(values, shape)[chosen] if shape else values
