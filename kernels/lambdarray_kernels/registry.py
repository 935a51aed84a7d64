"""Kernels by name: pure functions on tiles, each with its flop count beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

Shape = tuple[int, ...]

# Where each kernel lives: a module is imported when its first kernel is used, so a cold start loads few.
MODULES = {
    "map": "elementwise",
    "combine": "reductions",
    "finish": "reductions",
    "gemm": "products",
    "random": "generators",
    "reshape": "movement",
    "pack": "movement",
}


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel: its function, `flops(*input_shapes, **params)`, and what it is told beside its inputs."""

    name: str
    fn: Callable[..., Any]
    flops: Callable[..., int]
    needs_block: bool
    uses_blas: bool
    takes_out: bool


_found: dict[str, Kernel] = {}


def kernel(
    *,
    flops: Callable[..., int],
    needs_block: bool = False,
    uses_blas: bool = False,
    takes_out: bool = False,
    name: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a kernel.

    With `needs_block` it is also given `block`, the elements (lo, hi) of each axis of its stage, and `shape`, the
    sizes of those axes; with `takes_out` it may be given `out`, memory for its result.
    """

    def register(fn: Callable[..., Any]) -> Callable[..., Any]:
        label = name or fn.__name__.rstrip("_")
        _found[label] = Kernel(label, fn, flops, needs_block, uses_blas, takes_out)
        return fn

    return register


def get(name: str) -> Kernel:
    """The kernel of this name; KeyError where there is none."""
    if name not in _found:
        import_module(f".{MODULES[name]}", __package__)
    return _found[name]
