"""Writes docs/numpy-names.md: every public function of NumPy and of dask.array, and whether lambdarray has its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lambdarray

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "numpy-names.md"
DASK = Path(__file__).with_name("dask_names.txt")
VERSION = ".".join(np.__version__.split(".")[:2])

# Functions that are not of arrays, or of arrays only as memory here: they do not count, and are called as NumPy's.
NUMPY_OTHERS = {
    "makes or prints text": (
        "array2string array_repr array_str base_repr binary_repr datetime_as_string format_float_positional "
        "format_float_scientific"
    ),
    "reads or writes a file of NumPy's or of text; from_array takes what it read": (
        "fromfile fromregex fromstring genfromtxt load loadtxt save savetxt savez savez_compressed"
    ),
    "a setting of NumPy's printing, buffers or warnings": (
        "get_printoptions getbufsize geterr geterrcall printoptions set_printoptions setbufsize seterr seterrcall"
    ),
    "about NumPy itself or names of types": ("get_include info mintypecode show_config show_runtime test typename"),
    "about memory layout; tiles have none that a user sees": (
        "asfortranarray ascontiguousarray frombuffer isfortran may_share_memory nested_iters require shares_memory"
    ),
    "fills an array in place; an Array is immutable, where() and new arrays do it": (
        "copyto fill_diagonal place put put_along_axis putmask"
    ),
    "of the matrix class, which NumPy advises against": "asmatrix bmat",
    "about business days and units of dates": "busday_count busday_offset datetime_data is_busday",
    "from a Python iterator, one element after the other; from_array takes what it made": "fromiter",
}
DASK_OTHERS = {
    "of Dask's own machinery": "array_expr_enabled assert_eq from_delayed optimize register_chunk_type fft.fft_wrap",
    "the old name of blockwise": "atop",
    "about the chunks of several arrays; operations make them agree by themselves": "unify_chunks",
    "an index along an axis does the same": "shuffle",
    "its elements come in the order of chunks, not in NumPy's": "reshape_blockwise",
    "makes Python objects, which tiles cannot hold; vectorize has a dtype": "frompyfunc",
    "of TileDB's format, through its own package": "from_tiledb to_tiledb",
    "a step of Dask's algorithms; qr and svd choose theirs": (
        "linalg.compression_level linalg.compression_matrix linalg.sfqr linalg.tsqr"
    ),
}
YES, NO = "yes", "not yet"


@dataclass(frozen=True)
class Table:
    """The functions of one module: for each name whether it is here, or why it need not be."""

    title: str
    rows: tuple[tuple[str, str], ...]

    @property
    def here(self) -> int:
        """How many there are."""
        return sum(text == YES for _, text in self.rows)

    @property
    def counted(self) -> int:
        """How many there are or should be."""
        return sum(text in (YES, NO) for _, text in self.rows)

    @property
    def missing(self) -> list[str]:
        """The names that should be here."""
        return [name for name, text in self.rows if text == NO]

    def lines(self) -> Iterator[str]:
        """The table as Markdown."""
        yield f"## {self.title}: {self.here} of {self.counted}"
        yield from ("", "| function | here |", "|---|---|")
        yield from (f"| `{name}` | {text} |" for name, text in self.rows)
        yield ""


def is_function(x: Any) -> bool:
    """Whether a public name is a function, not a class or a constant."""
    return callable(x) and not isinstance(x, type)


def find(name: str) -> Any:
    """What lambdarray has under a dotted name; None where it has nothing."""
    found: Any = lambdarray
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def reasons(others: dict[str, str]) -> dict[str, str]:
    """The reason of each name."""
    return {name: reason for reason, names in others.items() for name in names.split()}


def table(title: str, names: list[str], prefix: str = "", others: dict[str, str] | None = None) -> Table:
    """The table of these names."""
    why = reasons(others or {})

    def text(name: str) -> str:
        return YES if callable(find(prefix + name)) else why.get(name, NO)

    return Table(title, tuple((name, text(name)) for name in names))


def numpy_tables() -> list[Table]:
    """NumPy's functions, module by module."""

    def functions(module: Any, names: Any) -> list[str]:
        return sorted(name for name in names if is_function(getattr(module, name)))

    generator = [n for n in dir(np.random.Generator) if not n.startswith("_") and n != "bit_generator"]
    return [
        table("numpy", functions(np, np.__all__), others=NUMPY_OTHERS),
        table("numpy.linalg", functions(np.linalg, np.linalg.__all__), "linalg."),
        table("numpy.fft", functions(np.fft, np.fft.__all__), "fft."),
        table("numpy.random.Generator", generator, "random.Generator."),
    ]


def dask_table() -> Table:
    """The functions of dask.array, as tools/dask_names.txt lists them."""
    names = [line for line in DASK.read_text().splitlines() if line and not line.startswith("#")]
    return table("dask.array", names, others=DASK_OTHERS)


def share(tables: list[Table]) -> float:
    """The part of all functions that is here."""
    return sum(t.here for t in tables) / sum(t.counted for t in tables)


def page() -> str:
    """The whole page."""
    numpys, dasks = numpy_tables(), dask_table()
    here, counted = sum(t.here for t in numpys), sum(t.counted for t in numpys)
    ours = f"Of NumPy's {counted} functions of arrays {here} are here, {share(numpys):.1%}"
    dasks_too = f"of Dask's {dasks.counted} there are {dasks.here}, {share([dasks]):.1%}"
    head = f"""# NumPy's and Dask's names

Every public function of NumPy {VERSION} and of `dask.array`, and whether `lambdarray` has it under the same name.
{ours}; {dasks_too}.
What does not count has its reason beside it. Classes and constants are left out.

This page is made, never edited:

    make names
"""
    lines = [line for t in (*numpys, dasks) for line in t.lines()]
    return "\n".join([head, *lines]).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
