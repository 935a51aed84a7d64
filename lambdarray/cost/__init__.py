"""The cost model: machine constants in profiles, and the seconds and dollars of work.

One model serves the planner's choices, the quote, the simulator and the comparison of predicted with measured.

    machine     what a kind of worker is, in numbers with units and ranges
    profiles    such machines in TOML files: shipped, measured, or the user's own; prices in a file of theirs
    timing      how long a plan takes: its longest chain, its work, its start
    quote       what a plan would cost
    passes      what one pass over an array would cost, by which its tiles are chosen
    factors     what a factorisation would cost, by which its tiles are chosen
    best        which of a few sizes is best
"""

from .machine import ARCHITECTURES, Functions, Machine, Prices, Store
from .profiles import from_toml, machine_here, machine_of, machine_there, names, of_architecture, profile

__all__ = [
    "ARCHITECTURES", "Functions", "Machine", "Prices", "Store", "from_toml",
    "machine_here", "machine_of", "machine_there", "names", "of_architecture", "profile",
]  # fmt: skip
