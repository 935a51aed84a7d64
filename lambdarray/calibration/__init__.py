"""`lambdarray calibrate`: what this machine or a deployed function can do, measured, as a profile.

places    measuring a kind of worker, and this machine as one
there     a function as one: it is invoked
fitting   constants from seconds
writing   the profile, and the table that is printed
"""

from .places import Calibration, Here, calibrate, warm_memory
from .there import There

__all__ = ["Calibration", "Here", "There", "calibrate", "warm_memory"]
