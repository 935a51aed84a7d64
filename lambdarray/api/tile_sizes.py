"""How many bytes a tile has where that is left to us: the choice behind chunks="auto"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from ..config import Config, get_config, get_purse
from ..cost.best import Figures, best_of
from ..cost.passes import one_pass
from ..cost.profiles import machine_there
from ..ops import Shape, auto_chunk
from ..runtime.launch import worker_count, worker_memory_bytes
from ..runtime.summary import LAMBDA_MIB

# Here a task alone has all cores, so that small tiles are no faster; and as fast as larger ones, in less memory.
HERE_BYTES = 32 << 20
# Functions: below this a request takes longer than its bytes.
LEAST_BYTES = 4 << 20
# A task of a product owns a square of three tiles by three and reads their rows and columns, twice: of what comes next
# too. With twice as much room for what is under way that is what its memory has to hold.
TILES_HELD = 24


def tile_bytes(shape: Shape, itemsize: int, beside: int = 1) -> int:
    """The most bytes of a tile of an array of this shape; `beside` are the arrays like it that are parts of the same.

    >>> import lambdarray as la
    >>> tile_bytes((100_000, 100_000), 8) >> 20
    32
    """
    config = get_config()
    if config.local or math.prod(shape) * itemsize <= LEAST_BYTES:
        return HERE_BYTES
    return chosen(candidates(shape, itemsize, config, beside), config).size


def candidates(shape: Shape, itemsize: int, config: Config, beside: int = 1) -> list[Figures]:
    """A pass for each grid of powers of two, of tiles that functions may have; sizes are the bytes of a tile."""
    machine, workers, mib = machine_there(config), worker_count(config), config.memory_mib or LAMBDA_MIB
    grids = _grids(shape, itemsize, worker_memory_bytes(config) // TILES_HELD)
    return [one_pass(beside * n, nbytes, machine, workers, mib, config.bundle_s) for n, nbytes in grids]


def chosen(found: Sequence[Figures], config: Config) -> Figures:
    """What the settings ask for of these."""
    return best_of(found, config.objective, get_purse().left_dollars, config.deadline)


@lru_cache(maxsize=256)
def _grids(shape: Shape, itemsize: int, most: int) -> tuple[tuple[int, int], ...]:
    """The tiles of an array and the bytes of the largest, each grid with about twice as many as the one before.

    >>> _grids((6144, 4096), 8, 60 << 20)
    ((4, 50331648), (8, 25165824), (16, 12582912), (32, 6291456))
    """
    found: list[tuple[int, int]] = []
    while True:
        lengths = auto_chunk(shape, itemsize, most)
        nbytes = math.prod(lengths) * itemsize
        found.append((math.prod(-(-n // length) for n, length in zip(shape, lengths, strict=True)), nbytes))
        if nbytes // 2 < LEAST_BYTES or math.prod(lengths) <= 1:
            return tuple(found)
        most = nbytes * 2 // 3  # one halving takes it below this, where lengths are not odd and short
