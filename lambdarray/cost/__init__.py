"""The cost model: machine constants in profiles, and the seconds and dollars of work.

One model serves the planner's choices, the quote, the simulator and the comparison of predicted with measured.

    machine     what a kind of worker is, in numbers with units and ranges
    profiles    such machines in TOML files: shipped, measured, or the user's own; prices in a file of theirs
    quote       what a plan would cost
"""

from .machine import ARCHITECTURES, Functions, Machine, Prices, Store
from .profiles import from_toml, machine_here, machine_of, machine_there, names, of_architecture, profile
from .quote import Quote, quote

__all__ = [
    "ARCHITECTURES", "Functions", "Machine", "Prices", "Quote", "Store", "from_toml", "machine_here", "machine_of",
    "machine_there", "names", "of_architecture", "profile", "quote",
]  # fmt: skip
