"""How k of a long product is cut into turns: long tasks first and short ones last, so that workers end together.

A task that turns out slow is seen as such when most others like it have ended, and another attempt then takes as long
again. So a task may begin only while there is more work left than `RESERVE` times its own: tasks get shorter in step
with what is left of the work (guided self-scheduling: C. Polychronopoulos and D. Kuck, 1987).
"""

from __future__ import annotations

import math

import numpy as np

from ..tiling import Cuts

RESERVE = 2.2
# The same of the first tasks, whose workers have yet to start: it takes longer until they count as slow.
FIRST_RESERVE = 2.7
# What is left for the last turn, whose tasks are the shortest, as a share of all.
LAST_SHARE = 1 / 16
# What turns may cost, as a share of all: each reads its first tiles while nothing is computed, and has a result to
# write and to read again.
COST_SHARE = 0.1
# Fewer than these beside the last would not make tasks short enough to be worth their bytes.
LEAST_TURNS = 3
# Beside longer work than this what is lost at its end is little, and bytes count.
MOST_WORK_S = 3600.0


def most_turns(work_s: float, turn_s: float) -> int:
    """How many turns beside the last are worth it, of work that takes each worker `work_s`, where one costs `turn_s`.

    >>> most_turns(317.0, 5.0), most_turns(20.0, 5.0)
    (6, 0)
    """
    most = int(COST_SHARE * work_s / turn_s) if turn_s > 0 and work_s <= MOST_WORK_S else 0
    return most if most >= LEAST_TURNS else 0


def in_turns(k: Cuts, task_s: float, work_s: float, most_task_s: float, most: int) -> Cuts:
    """The tiles of k joined into turns, of tasks that take `task_s` over all of k where a worker works `work_s`.

    No turn takes a task longer than `most_task_s`; beyond that there are at most `most` turns and the last.

    >>> in_turns(Cuts(100, 1), 356.0, 317.0, 600.0, 6).chunks
    (32, 27, 16, 10, 6, 3, 6)
    """
    per_worker = work_s / task_s
    before = math.ceil(per_worker) - 1  # the last task of a turn begins after so many others
    first, later = (per_worker / (before + reserve) for reserve in (FIRST_RESERVE, RESERVE))
    longest = max(1, int(most_task_s / task_s * k.count))
    lengths, left, made = list[int](), k.count, 0
    while left > 1 and (left > longest or (made < most and left > LAST_SHARE * k.count)):
        wanted = max(1, int((later if lengths else first) * left)) if made < most else longest
        made += wanted <= longest
        lengths.append(min(wanted, longest, left - 1))
        left -= lengths[-1]
    firsts = np.cumsum([0, *sorted(lengths, reverse=True)])
    return Cuts.from_bounds(np.append(np.asarray(k.start(firsts)), k.size))
