"""A profile as text with the unit and the source of each constant, and the table of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ..cost import Machine
from ..cost.constants import Constant, Text
from ..cost.machine import AT_HAND
from .fitting import Found, Measured, each

SKIPPED = ("key", "prices")
COLUMN = 30


def changed(machine: Any, found: Mapping[tuple[str, ...], Measured]) -> Any:
    """The machine, or a table of it, with the constants that were measured."""
    new = {}
    for f in fields(machine):
        inner = {path[1:]: value for path, value in found.items() if path[0] == f.name}
        if () in inner:
            new[f.name] = inner[()].value
        elif inner:
            new[f.name] = changed(getattr(machine, f.name), inner)
    return replace(machine, **new)


def profile_text(machine: Machine, found: Found, head: str, base: str) -> str:
    """A machine as TOML: each constant with its unit, its spread where it was measured, and `base` where it was not."""
    lines = [f"# {line}" for line in head.splitlines()]
    return "\n".join([*lines, "", *_table(machine, (), found, base)]) + "\n"


def _table(table: Any, path: tuple[str, ...], found: Found, base: str) -> Iterator[str]:
    inner = []
    if path:
        yield f"[{'.'.join(path)}]"
    for f in fields(table):
        value, told = getattr(table, f.name), f.metadata.get("told")
        if f.name in SKIPPED or value is AT_HAND:
            continue
        if is_dataclass(value):
            inner.append((f.name, value))
        else:
            yield _line(f.name, value, told, found.get((*path, f.name)), base)
    for name, value in inner:
        yield ""
        yield from _table(value, (*path, name), found, base)


def _line(name: str, value: Any, told: Any, measured: Measured | None, base: str) -> str:
    if not isinstance(told, Constant):
        text = str(value).lower() if isinstance(value, bool) else f'"{value}"'
        return f"{name} = {text}" + ("" if isinstance(told, Text) else f"{' ' * 4}# {told.about}")
    source = f"not measured: as {base}" if measured is None else _spread(measured)
    number = float(f"{value:.4g}")
    return f"{f'{name} = {number!r}':<{COLUMN}}# {told.unit}; {told.about}; {source}"


def _spread(measured: Measured) -> str:
    return f"{measured.samples} times, {_half(measured)}" if measured.samples else "measured"


def _half(measured: Measured) -> str:
    """Half of the middle half of the samples, as a share of the median."""
    return f"+- {50 * measured.spread:.1f}%" if measured.samples else ""


def rates_text(answer: Mapping[str, Any], alone: Mapping[str, Any]) -> str:
    """GFLOPS in products by dtype and side of tiles: while all cores work, and on one core alone where known."""
    rows = [("product", "tile", "GFLOPS, all at work", "spread", "GFLOPS, one alone")]
    for name in (name for name in answer if name.startswith("product.")):
        dtype, _, side = name.removeprefix("product.").partition("@")
        one, by_itself = each(answer, name), each(alone, name).value if name in alone else 0.0
        shown = f"{1e-9 / by_itself:.4g}" if by_itself else ""
        rows.append((dtype, side, f"{1e-9 / one.value:.4g}", _half(one), shown))
    return aligned(rows)


def table_text(found: Found, base: Machine) -> str:
    """What was measured beside what the shipped profile has."""
    rows = [("constant", "measured", "unit", "spread", f"{base.name} has")]
    for path, measured in found.items():
        constant, before = _of(base, path)
        rows.append((".".join(path), f"{measured.value:.4g}", constant.unit, _half(measured), f"{before:.4g}"))
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines with columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def _of(machine: Any, path: tuple[str, ...]) -> tuple[Constant, float]:
    """What a constant is, and its value in a machine."""
    for name in path[:-1]:
        machine = getattr(machine, name)
    f = next(f for f in fields(machine) if f.name == path[-1])
    return f.metadata["told"], getattr(machine, path[-1])
