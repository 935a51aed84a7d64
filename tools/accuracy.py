"""Writes docs/accuracy.md: errors of every tiled factorisation beside SciPy's, by family of matrices and size.

    python tools/accuracy.py [judge ...]

With names, only those are measured, and printed instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.algorithms.judges import DTYPES, JUDGES, Case, Figure, cases, judged

PAGE = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"
SIZES = (1, 2, 7, 33, 100)
# Measured in double precision and as square matrices only, for they take long; the largest not where another table
# has what takes the time.
MORE, LARGE = (257, 513), (1023, 2048)
AGAIN = ("qr, mode='complete'", "pinv", "svdvals", "eigvalsh")
ALL = (*SIZES, *MORE, *LARGE)
HEAD = """# Accuracy

Factorisations in tiles beside SciPy's of the same matrix, as `make accuracy` writes them. A cell is ours, and
SciPy's in brackets: of all dtypes ({dtypes}; from {more} on float64 alone) the one that is
nearest to its limit, in units of that dtype's rounding error eps (growth: as it is). The limit is ten times SciPy's
or n eps, whichever is more. A column is the longer side n; tiles are at least four a side, divide no side, and fit
none of the ragged chunks of the input.
`tests/algorithms/families.py` makes the matrices, `judges.py` there measures, and
`test_accuracy.py` holds the limit.
"""


def rows(judge: str) -> Iterator[tuple[Case, Figure]]:
    """All figures of a judge."""
    more = cases(judge, MORE if judge in AGAIN else MORE + LARGE, ("float64",))
    for case in chain(cases(judge, SIZES), (case for case in more if case.shape == "square")):
        print(case, file=sys.stderr, flush=True)
        for figure in judged(case):
            yield case, figure


def nearness(figure: Figure) -> float:
    """How much of what is allowed a figure takes."""
    return figure.ours / figure.allowed if figure.allowed else float(figure.ours > 0)


def section(judge: str) -> tuple[str, list[str]]:
    """The tables of a judge, and what is above its limit."""
    worst: dict[tuple[str, str], dict[int, tuple[Case, Figure]]] = {}
    over = []
    for case, figure in rows(judge):
        row = worst.setdefault((figure.measure, _name(case)), {})
        if case.size not in row or nearness(figure) > nearness(row[case.size][1]):
            row[case.size] = case, figure
        if not figure.good:
            over.append(f"{case}: {figure.measure} {figure.ours:.3g}, allowed {figure.allowed:.3g}")
    lines = [f"## {judge}"]
    for measure in dict.fromkeys(m for m, _ in worst):
        found = {name: row for (m, name), row in worst.items() if m == measure}
        if all(figure.ours == 0 for row in found.values() for _, figure in row.values()):
            lines.append(f"\n{measure} the diagonal: exactly 0 everywhere")
            continue
        lines += ["", f"| {measure} | " + " | ".join(map(str, ALL)) + " |"]
        lines.append("|---" * (1 + len(ALL)) + "|")
        for name, row in found.items():
            lines.append(f"| {name} | " + " | ".join(_cell(*row[n]) if n in row else "" for n in ALL) + " |")
    return "\n".join(lines), over


def _name(case: Case) -> str:
    return case.family if case.shape == "square" else f"{case.family}, {case.shape}"


def _cell(case: Case, figure: Figure) -> str:
    unit = 1.0 if figure.measure == "growth" else float(np.finfo(case.dtype).eps)
    return f"{figure.ours / unit:.2g} ({figure.scipys / unit:.2g})"


def main(wanted: Sequence[str]) -> int:
    """Measure, and write the page; 0 where nothing is above its limit."""
    made: list[tuple[str, list[str]]] = []
    for judge in wanted or JUDGES:
        made.append(section(judge))
        if not wanted:  # after each judge, for they take minutes
            PAGE.write_text(page(made))
    if wanted:
        print(page(made))
    return 1 if any(over for _, over in made) else 0


def page(made: Sequence[tuple[str, list[str]]]) -> str:
    """All of docs/accuracy.md."""
    over = [line for _, lines in made for line in lines]
    verdict = "Above their limit:\n\n" + "\n".join(f"- {line}" for line in over) if over else "None is above its limit."
    head = HEAD.format(dtypes=", ".join(DTYPES), more=MORE[0])
    return "\n\n".join([f"{head}\n{verdict}", *(text for text, _ in made)]) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
