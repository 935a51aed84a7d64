"""How k of a long product is cut into turns: long tasks first and short ones last, so that workers end together.

A task that turns out slow is seen as such when most others like it have ended, and another attempt then takes as long
again. So a task may begin only while there is more work left than `RESERVE` times its own: tasks get shorter in step
with what is left of the work (guided self-scheduling: C. Polychronopoulos and D. Kuck, 1987).
"""

from __future__ import annotations

import math

import numpy as np

from ..tiling import Cuts

RESERVE = 2.4
# The same of the first tasks, whose workers have yet to start: it takes longer until they count as slow.
FIRST_RESERVE = 2.9
# The seconds that a task of the last turn computes, over those that a turn costs it: with less, all would end hardly
# sooner.
LAST_COSTS = 2.0
# How much sooner all ends for each second that tasks of the last turn are shorter. Another turn has to cost less.
LEAST_GAIN = 1.5
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


def in_turns(k: Cuts, task_s: float, work_s: float, most_task_s: float, most: int, last: int, least: int = 1) -> Cuts:
    """The tiles of k joined into turns, of tasks that take `task_s` over all of k where a worker works `work_s`.

    No turn takes a task longer than `most_task_s`; beyond that there are at most `most` turns and the last, of about
    `last` tiles, and none is made for fewer tiles than `least`. The last counts twice in what is left: while its own
    slow tasks are done again, so are those of turns before.

    >>> in_turns(Cuts(100, 1), 356.0, 317.0, 600.0, 6, 6).chunks
    (32, 27, 17, 11, 7, 6)
    """
    per_worker = work_s / task_s
    before = math.ceil(per_worker) - 1  # the last task of a turn begins after so many others
    first, later = (per_worker / (before + reserve) for reserve in (FIRST_RESERVE, RESERVE))
    longest = max(1, int(most_task_s / task_s * k.count))
    lengths, left, made = list[int](), k.count, 0
    while left > 1 and (left > longest or (made < most and left >= 2 * last)):
        wanted = max(1, int((later if lengths else first) * (left + last))) if made < most else longest
        if left <= longest and wanted < least:
            break
        made += wanted <= longest
        lengths.append(min(wanted, longest, max(1, left - last)))
        left -= lengths[-1]
    firsts = np.cumsum([0, *sorted(lengths, reverse=True)])
    return Cuts.from_bounds(np.append(np.asarray(k.start(firsts)), k.size))
