"""Pure functions on NumPy tiles: the kernels that tasks are made of."""

from .registry import Kernel, get, kernel

__all__ = ["Kernel", "get", "kernel"]
