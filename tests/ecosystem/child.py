"""A library's cases in a process of their own, for SciPy reads once, at its import, whether it takes our arrays."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lambdarray as la

HERE = Path(__file__).parent


def run_cases(name: str) -> None:
    """Run the tests of a file beside this one with SciPy's switch on; fails with what they print."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(HERE / name)]
    done = subprocess.run(
        command, cwd=HERE.parent.parent, env=os.environ | {"SCIPY_ARRAY_API": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def tiled(x: np.ndarray) -> la.Array:
    """Our array of these values, in tiles that do not divide it."""
    return la.from_array(x, chunks=tuple(n // 2 + 1 for n in x.shape))


def agree(function: Any, *arrays: np.ndarray) -> None:
    """The function gives of our arrays what it gives of NumPy's, and arrays of ours for arrays of NumPy's."""
    same(function(*map(tiled, arrays)), function(*arrays))


def same(actual: Any, expected: Any) -> None:
    if isinstance(expected, tuple | list):
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected, strict=True):
            same(a, e)
    elif is_dataclass(expected):
        for f in fields(expected):
            same(getattr(actual, f.name), getattr(expected, f.name))
    else:
        assert isinstance(actual, la.Array) or not isinstance(expected, np.ndarray)
        value, wanted = np.asarray(actual), np.asarray(expected)
        assert value.dtype == wanted.dtype
        rounding = 1e-4 if wanted.dtype.itemsize <= 4 else 1e-9
        np.testing.assert_allclose(value, wanted, rtol=rounding, atol=rounding)
