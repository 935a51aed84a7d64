"""Chance without a generator: a uniform number in [0, 1) that depends on some integers and on nothing else."""

from __future__ import annotations

MASK = (1 << 64) - 1


def chance(*numbers: int) -> float:
    """A number in [0, 1) that is the same whenever and wherever it is asked for (the finaliser of splitmix64).

    >>> chance(1, 2) == chance(1, 2) != chance(2, 1)
    True
    """
    z = 0
    for n in numbers:
        z = (z + n + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
    return (z >> 11) / (1 << 53)
