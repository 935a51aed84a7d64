"""Small plans made by hand, for the tests of the runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lambdarray.task import ArraySpec, Estimate, Part, Plan, Program, Read, Step, Write
from lambdarray.tiling import AxisMap, Cuts, Tiling


def spec(name: str, shape: Sequence[int] | Tiling, chunk: Sequence[int] = ()) -> ArraySpec:
    """A float64 array in scratch."""
    tiling = shape if isinstance(shape, Tiling) else Tiling.regular(shape, chunk)
    return ArraySpec(name, tiling, np.dtype("f8"), {"kind": "tiles", "prefix": name})


def program(
    name: str,
    arrays: Mapping[str, ArraySpec],
    axes: Sequence[Cuts],
    reads: Sequence[Read] = (),
    writes: Sequence[Write] = (),
    grid_ndim: int | None = None,
) -> Program:
    """A program of one step from all that it reads to all that it writes."""
    ins = tuple(r.register for r in reads)
    outs = tuple(dict.fromkeys(w.register for w in writes if w.register not in ins))
    steps = (Step("finish", outs, ins),) if outs else ()
    ndim = len(axes) if grid_ndim is None else grid_ndim
    return Program(name, name, "user.py:1", arrays, tuple(axes), ndim, tuple(reads), steps, tuple(writes))


def same(source: str, ndim: int, register: str = "in") -> Read:
    """The read of an elementwise stage."""
    return Read(register, (Part(source, tuple(AxisMap(d) for d in range(ndim))),), tuple(range(ndim)))


def elementwise_and_tree(grid: Sequence[int], fan: int = 16, seconds: float = 1.0) -> Plan:
    """x -> an elementwise stage whose tasks write a partial each -> a tree of combines down to one element."""
    ndim = len(grid)
    arrays = {"x": spec("x", [4 * n for n in grid], [4] * ndim)}
    axes = tuple(Cuts(4 * n, 4) for n in grid)
    programs, level, counts = [], 0, list(grid)
    arrays["p0"] = spec("p0", counts, [1] * ndim)
    write = Write("out", "p0", tuple(range(ndim)), (True,) * ndim)
    programs.append(program("map", arrays, axes, [same("x", ndim)], [write]))
    while max(counts, default=1) > 1:
        source, level = f"p{level}", level + 1
        axes = tuple(Cuts(n, fan) for n in counts)
        counts = [c.count for c in axes]
        arrays[f"p{level}"] = spec(f"p{level}", counts, [1] * ndim)
        write = Write("out", f"p{level}", tuple(range(ndim)), (True,) * ndim)
        programs.append(program(f"combine{level}", arrays, axes, [same(source, ndim)], [write]))
    estimates = tuple(Estimate(seconds=seconds) for _ in programs)
    return Plan("key", tuple(programs), arrays, (f"p{level}",), estimates)


def chain(length: int, tiles: int, seconds: float = 1.0) -> Plan:
    """Elementwise stages one after the other, each stored, over a vector of `tiles` tiles."""
    arrays = {f"a{i}": spec(f"a{i}", (2 * tiles,), (2,)) for i in range(length + 1)}
    write = [Write("out", f"a{i + 1}", (0,), (False,)) for i in range(length)]
    programs = tuple(
        program(f"stage{i}", arrays, (Cuts(2 * tiles, 2),), [same(f"a{i}", 1)], [write[i]]) for i in range(length)
    )
    return Plan("key", programs, arrays, (f"a{length}",), (Estimate(seconds=seconds),) * length)


def product(m: int, k: int, n: int, seconds: float = 1.0) -> Plan:
    """Two made matrices and their product, whose tasks loop over k; all with tiles of one element."""
    shapes = {"a": (m, k), "b": (k, n), "c": (m, n)}
    arrays = {name: spec(name, shape, (1, 1)) for name, shape in shapes.items()}
    write = {name: Write("out", name, (0, 1), (False, False)) for name in shapes}
    makers = [program(f"make_{name}", arrays, [Cuts(s, 1) for s in shapes[name]], (), [write[name]]) for name in "ab"]
    reads = [
        Read("l", (Part("a", (AxisMap(0), AxisMap(2))),), (0, 1), loop=True),
        Read("r", (Part("b", (AxisMap(2), AxisMap(1))),), (0, 1), loop=True),
    ]
    step = Step("gemm", ("out",), ("l", "r"), loop=True)
    axes = (Cuts(m, 1), Cuts(n, 1), Cuts(k, 1))
    last = Program("gemm", "matmul", "user.py:9", arrays, axes, 2, tuple(reads), (step,), (write["c"],))
    return Plan("key", (*makers, last), arrays, ("c",), (Estimate(seconds=seconds),) * 3)


def triangles(count: int, block: int = 1, seconds: float = 1.0) -> Plan:
    """A triangle of blocks, its first column, the triangle that is left less products of that, and all that it has.

    Tiles have one element, blocks `block` of them a side.
    """
    left = count - block
    grids = {"m": (count, count), "p": (left, block), "u": (left, left), "s": (1,)}
    arrays = {name: spec(name, shape, (1,) * len(shape)) for name, shape in grids.items()}
    write = {name: Write("out", name, tuple(range(len(s))), (False,) * len(s)) for name, s in grids.items()}
    whole, rest, column = (Cuts(count, block), Cuts(count, block)), Cuts(left, block), Cuts(block, block)
    below = Read("x", (Part("m", (AxisMap(0, block), AxisMap(1))),), (0, 1))
    after = Read("x", (Part("m", (AxisMap(0, block), AxisMap(1, block))),), (0, 1))
    rows = Read("l", (Part("p", (AxisMap(0), AxisMap(-1, size=block))),), (0, 1))
    columns = Read("r", (Part("p", (AxisMap(1), AxisMap(-1, size=block))),), (0, 1))
    first = Read("d", (Part("m", (AxisMap(-1, size=block), AxisMap(-1, size=block))),), (0, 1))
    all_of_it = [
        Read(f"r{j}", (Part("u", (AxisMap(-1, j, size=left - j), AxisMap(-1, j, size=min(block, left - j)))),), (0, 1))
        for j in range(0, left, block)
    ]
    programs = (
        replace(program("make", arrays, whole, (), [write["m"]]), triangle=True),
        program("panel", arrays, (rest, column), [below], [write["p"]]),
        replace(program("update", arrays, (rest, rest), [after, rows, columns], [write["u"]]), triangle=True),
        program("sum", arrays, (Cuts(1, 1),), [first, *all_of_it], [write["s"]]),
    )
    return Plan("key", programs, arrays, ("s",), (Estimate(seconds=seconds),) * len(programs))
