"""The sides of tiles that a factorisation may have on functions, and what each would take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..api.tile_sizes import chosen
from ..config import Config
from ..cost.best import Figures
from ..cost.factors import Factorisation, factorised
from ..cost.profiles import machine_there
from ..runtime.launch import worker_count, worker_memory_bytes
from ..runtime.summary import LAMBDA_MIB

SIDES = (512, 640, 768, 1024, 1536, 2048, 2560, 3072, 4096)
# So many tiles a task holds at most: its own, two it reads and two that come next, what becomes of them, a panel's.
HELD = 11


def sides(how: Factorisation, shape: Sequence[int], dtype: np.dtype[Any], config: Config) -> list[Figures]:
    """What a factorisation takes in tiles of each side that fits functions and is neither too small nor too large.

    >>> from lambdarray.cost.factors import CHOLESKY
    >>> config = Config(executor="lambda", store="s3://bucket/scratch", workers=2800)
    >>> [f.size for f in sides(CHOLESKY, (262144, 262144), np.dtype(float), config)]
    [1024, 1536, 2048, 2560, 3072, 4096]
    """
    machine, workers, mib = machine_there(config), worker_count(config), config.memory_mib or LAMBDA_MIB
    fit = [t for t in SIDES if t**2 * dtype.itemsize * HELD <= worker_memory_bytes(config)] or [SIDES[0]]
    shortest = min(shape)
    wanted = [t for t in fit if shortest <= how.most * t and 2 * t <= shortest] or [fit[-1]]
    return [factorised(how, shape[0], shape[1], t, dtype, machine, workers, mib) for t in wanted]


def best_side(how: Factorisation, shape: Sequence[int], dtype: np.dtype[Any], config: Config) -> int:
    """The side that the settings ask for: the least time within the budget, or the fewest dollars within the deadline.

    >>> from lambdarray.cost.factors import CHOLESKY
    >>> config = Config(executor="lambda", store="s3://bucket/scratch", workers=2800)
    >>> cheap = Config(executor="lambda", store="s3://bucket/scratch", workers=2800, objective="dollars")
    >>> [best_side(CHOLESKY, (262144, 262144), np.dtype(float), c) for c in (config, cheap)]
    [1536, 4096]
    """
    return chosen(sides(how, shape, dtype, config), config).size
