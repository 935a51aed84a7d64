"""Writes docs/bytes.md: the bytes that plans of tiled algorithms move, beside the communication lower bound.

    python tools/bytes_moved.py [algorithm ...]

With names, only those are planned, and printed instead. Nothing is computed, and no matrix is made.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lambdarray.algorithms import bounds
from tests.algorithms.paper import MEMORY_MIB, PAPERS, TILE, WORD, WORKERS, Moved, matrix, moved, on_lambda

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bytes.md"
GRIDS = (8, 32, 128)
HEAD = f"""# Bytes moved, beside the lower bound

What the plans of tiled algorithms read and write, written by `make bytes` from the plans alone: nothing is computed.
Matrices are of n by n double-precision words in a bucket, in tiles of {TILE} by {TILE}; workers are functions of
{MEMORY_MIB:,} MB, one for each tile and at most {WORKERS:,}.

{(bounds.__doc__ or "").split(chr(10), 2)[2].strip()}

S is the smaller of M, the data words of a function of {MEMORY_MIB:,} MB, and of mn / workers (n^2 / 2 for a Cholesky
factor). The formulas below are
2 G / sqrt(S) with the multiplications of the textbook algorithm. The SVD is several runs, of
which the first, the polar factor, stands here; its bound is the sum over its products and factorisations. Expressions
are made with `la.config(objective="dollars")`. Where time counts Cholesky updates by narrower groups of columns in
smaller blocks, and on many workers moves more (`docs/decisions/quick-cholesky.md`).

| algorithm | bound, in words |
|---|---|
"""
COLUMNS = (
    "| algorithm | tiles a side | n | workers | sqrt(S) | stages | tasks | reads | writes | bound | ratio | limit |"
)


def row(name: str, grid: int, found: Moved) -> str:
    """A line of the table."""
    limit, bound = PAPERS[name].limit, found.bound
    cells = [name, str(grid), f"{grid * TILE:,}", f"{bound.workers:,}", f"{bound.fast_words**0.5:,.0f}"]
    cells += [f"{len(found.plan.programs):,}", f"{found.plan.task_count:,}"]
    cells += [f"{n / 1e12:,.3f} TB" for n in (found.bytes_read, found.bytes_written, bound.words * WORD)]
    cells += [f"{found.ratio:.2f}", f"{limit:g}" if found.ratio <= limit else f"**above {limit:g}**"]
    return f"| {' | '.join(cells)} |"


def product_of_25000() -> str:
    """A line on the product that numpywren was measured on."""
    import lambdarray as la

    with on_lambda(16):
        pairs = ((matrix("a", 25_000, 25_000, tile), matrix("b", 25_000, 25_000, tile)) for tile in (2048, 4096))
        small, large = (la.explain(a @ b).bytes_read / 1e9 for a, b in pairs)
    return (
        f"A product of 25,000 by 25,000 on 16 workers reads {small:.1f} GB in tiles of 2,048 and {large:.1f} GB "
        "in tiles of 4,096; numpywren's read 254 GB."
    )


def main(wanted: Sequence[str]) -> int:
    """Plan all, and write the page; 0 where every ratio is within its limit."""
    names, lines, good = list(wanted or PAPERS), [COLUMNS, "|---" * (COLUMNS.count("|") - 1) + "|"], True
    for grid in GRIDS:
        for name in names:
            begin = perf_counter()
            found = moved(name, grid)
            print(f"{name}, {grid} tiles a side: planned in {perf_counter() - begin:.2f} s", file=sys.stderr)
            lines.append(row(name, grid, found))
            good = good and found.ratio <= PAPERS[name].limit
            if not wanted:  # after each plan, for some take minutes
                PAGE.write_text(page(names, lines))
    if wanted:
        print(page(names, lines))
    return 0 if good else 1


def page(names: Sequence[str], lines: Sequence[str]) -> str:
    """All of docs/bytes.md."""
    formulas = "\n".join(f"| {name} | {PAPERS[name].formula} |" for name in names)
    return f"{HEAD}{formulas}\n\n" + "\n".join(lines) + f"\n\n{product_of_25000()}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
