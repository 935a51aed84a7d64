"""The scheduler: decides what to launch, retry, duplicate and let go of. It has no clock and does no I/O.

`run.py` tells it the time and what executors report, and carries out what it decides:

    scheduler = Scheduler(plan, policy)
    for decision in scheduler.decide(now, capacity): ...     # Launch, Release, Probe, Cancel
    scheduler.report(reports, now)                           # late, double and missing reports are tolerated
    scheduler.probed(probe, found, now)
    scheduler.next_time(now, capacity)                       # when to call decide again at the latest

A task starts when the tiles that it reads exist. The first attempt that is done wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from math import ceil, inf

import numpy as np

from ..errors import LambdarrayError
from ..task import Plan, Task, TaskReport
from .attempts import Bundle, Durations, InFlight, Pace, attempt_key, attempt_of
from .budget import KEPT_FOR, Offer
from .chance import chance
from .cloning import HASTE_COST, MOST_COPIES, is_late, laggards, patience_of
from .decisions import Cancel, Decision, Launch, Policy, Probe, Statistics
from .dependencies import Dependencies
from .executors import Attempt
from .failures import final_error, refused_error
from .frontier import Frontier
from .ready import ReadyQueue, in_order_of_use, ranks_by_critical_path, row_length, side_by_side, within_rows
from .resume import resume
from .window import Window

# A bundle is what is ready, shared out among all workers so many times.
BUNDLES_LEFT = 2


class Scheduler:
    """Decides for one plan. `failure` is the error that ended it, if one did; `statistics` counts.

    `_tries` holds how often a task was launched and `_ended` how many of those attempts are over, both only for
    tasks that need more than one attempt. `_retries` and `_lost` are heaps by time: tasks to try again, and
    attempts whose connection broke (`_broken` has their reports), which may still end well until then. `_extra`
    are the attempts beside those of stragglers, `_lagging` those to have one as soon as a worker is free, `_warm` the
    workers that have answered and have no work. `_alone` are tasks that ended with a worker of several: each is tried
    by itself, so that the one that ends its worker is found and no other is blamed. `_is_short` says that a launch
    waits for what bundles in flight will turn out to cost.
    """

    def __init__(self, plan: Plan, policy: Policy | None = None) -> None:
        self.plan, self.policy = plan, policy or Policy()
        self.deps = Dependencies(plan)
        self.total, self.done = self.deps.total, 0
        self.failure: LambdarrayError | None = None
        self.statistics = Statistics()
        self._frontier = Frontier(plan, self.deps)
        self._is_done = self._frontier.state
        self._ranks = ranks_by_critical_path(plan, self.deps)
        self._queue = ReadyQueue(self._ranks, [e.seconds for e in plan.estimates], self.policy.urgent_first)
        self._pace = Pace()
        self._rows = [row_length(p) for p in plan.programs]
        self._durations = [Durations(e.seconds, self._pace) for e in plan.estimates]
        self._flight = InFlight(self.policy.workers)
        self._window = Window()
        self._tries: dict[int, int] = {}
        self._ended: dict[int, int] = {}
        self._retries: list[tuple[float, int]] = []
        self._lost: list[tuple[float, int]] = []
        self._broken: dict[int, TaskReport] = {}
        self._extra: set[int] = set()
        self._alone: set[int] = set()
        self._out: list[Decision] = []
        self._patience = self.policy.task_timeout_s * (1 + self.policy.grace)
        self._warm, self._lagging = 0, list[int]()
        self._begun = self._stopped = self._is_short = False
        self._scan_at = -inf

    # what the loop asks

    @property
    def finished(self) -> bool:
        """Whether every task is done."""
        return self.done == self.total

    @property
    def in_flight(self) -> list[tuple[int, int]]:
        """The (task, attempt) pairs that have not reported."""
        return [attempt_of(key) for key in self._flight.keys]

    def task(self, task: int) -> Task:
        """The task with an id of the plan."""
        program = self.deps.program_of(task)
        return self.plan.programs[program].task(task - self.deps.offsets[program])

    def next_time(self, now: float, capacity: int) -> float:
        """When `decide` has to be called at the latest; infinity where only a report can change anything."""
        if self._out:
            return now
        time = min(self._retries[0][0] if self._retries else inf, self._lost[0][0] if self._lost else inf)
        silent = self._flight.first_silent()
        if silent is not None:
            time = min(time, silent.since + self._patience)
        if len(self._queue):
            time = min(time, self._launch_time(capacity))
        elif self._may_speculate(capacity):
            time = min(time, self._scan_at)
        return max(time, now)

    # what the loop tells

    def resume(self, done: Iterable[int] | np.ndarray) -> None:
        """Before the first decision: the outputs of these tasks exist (ids, or a mask over all tasks)."""
        mask = np.zeros(self.total, bool)
        mask[done if isinstance(done, np.ndarray) else list(done)] = True
        if mask.any():
            self.done = self.statistics.resumed = resume(self._frontier, self.plan, mask)

    def stop(self) -> None:
        """Launch nothing from now on."""
        self._stopped = True

    def report(self, reports: Sequence[TaskReport], now: float) -> None:
        """What attempts have come to."""
        is_done, reported, statistics = self._is_done, self._flight.reported, self.statistics
        budget, timeout_s = self.policy.budget, self.policy.task_timeout_s
        for report in reports:
            task = report.task
            key = attempt_key(task, report.attempt)
            bundle, seconds = reported(key, now)
            if bundle is not None and report.status != "throttled":
                self._window.let_through()
                self._warm += not bundle.left
            if budget is not None and bundle is not None and budget.count(bundle, report, timeout_s):
                self._is_short = False
            if report.status == "done":
                if not is_done[task]:
                    if bundle is not None:
                        self._durations[bundle.program].add(report.total_s or seconds)
                    self._finish(task, now)
                else:
                    self._done_again(task, bundle)
            elif bundle is None or is_done[task]:
                statistics.ignored += 1
            elif report.status == "throttled":
                self._refused(key, now)
            elif report.status == "unknown":
                self._lose(key, report, now - seconds + self._patience)
            else:
                statistics.failed += 1
                if report.shared:
                    self._set_apart(task, report.attempt)
                self._fail(task, report, now)
            if self._extra:
                self._extra.discard(key)

    def probed(self, probe: Probe, found: bool, now: float) -> None:
        """Whether the outputs of a probed task exist."""
        key = attempt_key(probe.task, probe.attempt)
        if self._is_done[probe.task]:
            self._broken.pop(key, None)
        elif found:
            self._finish(probe.task, now)
        elif probe.final:
            silent = TaskReport(probe.task, probe.attempt, "silent")
            self._fail(probe.task, self._broken.pop(key, silent), now)

    def decide(self, now: float, capacity: int) -> list[Decision]:
        """All that should be done now, with an executor that holds `capacity` bundles at once."""
        if not self._begun:
            self._begin(now)
        if not self._stopped:
            self._expire(now)
            if self._retries or self._lost:
                self._wake(now)
            self._check_stall(now)
            if (self._lagging or now >= self._scan_at) and self._may_speculate(capacity):
                self._speculate(now, capacity)
            if len(self._queue):
                self._launch(now, capacity)
        out, self._out = self._out, []
        return out

    # launching

    def _begin(self, now: float) -> None:
        self._begun = True
        self._window.begin(now)
        offsets, queue = self.deps.offsets, self._queue
        for program in queue.order:
            roots = in_order_of_use(self.deps, program, self._frontier.roots(program))
            roots = side_by_side(self.plan.programs[program], roots, self.policy.together, self._rows[program])
            queue.add_roots(program, offsets[program], roots)

    def _free(self, capacity: int) -> int:
        return self._window.limit(capacity) - len(self._flight)

    def _launch_time(self, capacity: int) -> float:
        """When more can be launched with nothing reported before."""
        if self._is_short:
            return inf
        if self._free(capacity) > 0:
            return self._window.pause_until
        return self._window.open_at if self._window.limit(capacity) < capacity else inf

    def _launch(self, now: float, capacity: int) -> None:
        """Guided self-scheduling: a bundle is half a worker's share of what is ready, so that all end together."""
        if now < self._window.pause_until:
            return
        if self._free(capacity) < len(self._queue) and self._window.limit(capacity) < capacity:
            self._window.open(now)
        # Bundles are for all the workers that may yet come: those of a ramp's first ones would outlast the run.
        queue, free, most = self._queue, self._free(capacity), self.policy.tasks_in_flight // capacity
        while free > 0 and (ready := len(queue)):
            program = queue.program
            of_all = self.plan.estimates[program].seconds
            share = min(int((queue.seconds / of_all if of_all > 0 else ready) / (BUNDLES_LEFT * capacity)), most)
            if queue.freed:
                share = 1 if self._alone else min(share, ceil(queue.freed / free))
            offer = self._offer(program, self._bundle_size(program, share), min(free, ready))
            if not offer.tasks:
                self._wait_for_money(program)
                return
            attempts = self._attempts(program, queue.take(offer.tasks), offer.deadline_s)
            if attempts:
                self._start(program, attempts, now, offer)
                free -= 1
            elif self.policy.budget is not None:
                self.policy.budget.decline(offer)

    def _offer(self, program: int, size: int, bundles: int) -> Offer:
        """How many tasks, of `size` at most, a bundle may have, and how long each may take, so that it can be paid."""
        policy = self.policy
        if policy.budget is None:
            return Offer(size, policy.task_timeout_s)
        bundles = max(bundles, min(KEPT_FOR, self.total - self.done - self._flight.attempts))
        return policy.budget.offer(program, size, self._durations[program].mean, policy.task_timeout_s, bundles)

    def _wait_for_money(self, program: int) -> None:
        """What is in flight may cost less than is held for it; where nothing is, the run is over."""
        self._is_short = True
        if not len(self._flight) and not self._lost:
            self._end_short(program)

    def _end_short(self, program: int) -> None:
        if (budget := self.policy.budget) is not None:
            mean, longest = self._durations[program].mean, self.policy.task_timeout_s
            self.failure, self._stopped = budget.error(program, mean, longest, self.done, self.total), True

    def _bundle_size(self, program: int, share: int) -> int:
        """Of a share so much as is thought to fit the time; a worker keeps what it has read, so rows are not cut."""
        if share <= 1:
            return 1
        mean, policy = self._durations[program].mean, self.policy
        longest = policy.bundle_s if self._warm else min(policy.bundle_s, policy.first_bundle_s)
        by_time = longest / mean if mean > 0 else policy.bundle_tasks
        size = max(1, int(min(share, by_time, policy.bundle_tasks)))
        following = self._queue.next
        if following is None:
            return size
        return within_rows(following - self.deps.offsets[program], size, self._rows[program])

    def _attempts(self, program: int, tasks: list[int], seconds: float) -> list[Attempt]:
        make, offset = self.plan.programs[program].task, self.deps.offsets[program]
        is_done, tries = self._is_done, self._tries
        if not tries:
            return [Attempt(make(t - offset), t, 0, seconds) for t in tasks if not is_done[t]]
        return [Attempt(make(t - offset), t, self._number(t), seconds) for t in tasks if not is_done[t]]

    def _number(self, task: int) -> int:
        """The number of a task's next attempt, which is a retry where it is not the first."""
        number = self._tries.get(task, 0)
        if number:
            self._tries[task] = number + 1
            self.statistics.retries += 1
        return number

    def _start(self, program: int, attempts: list[Attempt], now: float, offer: Offer) -> None:
        keys = [attempt_key(a.id, a.number) for a in attempts]
        self._flight.add(Bundle(program, keys, now, offer.deadline_s, offer.held, not self._warm))
        self._warm -= self._warm > 0
        self._out.append(Launch(attempts))
        self.statistics.attempts += len(attempts)
        self.statistics.bundles += 1

    # attempts beside those of stragglers

    def _may_speculate(self, capacity: int) -> bool:
        if not self.policy.speculate or self._stopped:
            return False
        return bool(len(self._flight) or self._lost) and self._free(capacity) > 0

    def _speculate(self, now: float, capacity: int) -> None:
        """Start an attempt beside each straggler; those that there is no room for come first the next time."""
        if not self._lagging:
            self._find_stragglers(now, capacity)
        allowed = max(1, int(self.policy.speculative_share * capacity)) - len(self._extra)
        room = max(0, min(allowed, self._free(capacity)))
        chosen, self._lagging = self._lagging[:room], self._lagging[room:] if room else []
        for task in (attempt_of(key)[0] for key in chosen):
            if not self._may_have_more(task):
                continue
            program = self.deps.program_of(task)
            offer = self._offer_extra(program)
            if not offer.tasks:
                break
            number = self._tries.get(task, 1)
            self._tries[task] = number + 1
            self._extra.add(attempt_key(task, number))
            self._start(program, [Attempt(self.task(task), task, number, offer.deadline_s)], now, offer)
            self.statistics.speculated += 1

    def _offer_extra(self, program: int) -> Offer:
        budget = self.policy.budget
        if budget is not None and not budget.has_spare(program, self._durations[program].mean):
            return Offer(0, 0.0)
        return self._offer(program, 1, 1)

    def _find_stragglers(self, now: float, capacity: int) -> None:
        """Look for the attempts that lag and may have another one beside them, and when to look again."""
        floor = self.policy.straggler_floor_s
        durations, waiting = self._durations, self._queue.program if len(self._queue) else None
        at_work_s = 0.0 if waiting is not None else sum(durations[b.program].mean * b.left for b in self._flight)
        cheap = at_work_s <= HASTE_COST * self._pace.took_s
        patience = patience_of(self._ranks, waiting, max(0.0, 1.0 - len(self._flight) / capacity) * cheap)
        bundles, soonest = laggards(self._flight, durations, now, floor, patience)
        keys = [] if waiting is not None else [key for _, key in self._lost]
        for bundle in bundles:
            keys += self._flight.left_of(bundle)
        self._lagging = [key for key in keys if self._may_double(key)]
        if waiting is None:
            # With nothing else to do two are started: one of a hundred of these is slow as well, and all wait for it.
            late = (key for b in bundles if is_late(b, durations, now) for key in self._flight.left_of(b))
            self._lagging += [k for k in late if k not in self._extra and self._may_have_more(attempt_of(k)[0])]
        self._scan_at = now + floor if waiting is not None else min(max(soonest, now + floor / 8), now + floor)

    def _may_double(self, key: int) -> bool:
        task, number = attempt_of(key)
        newest = self._copies(task) == 1 or number == self._tries.get(task, 1) - 1
        return newest and self._may_have_more(task)

    def _may_have_more(self, task: int) -> bool:
        launched = self._tries.get(task, 1)
        return self._copies(task) < MOST_COPIES and launched <= self.policy.retries and not self._is_done[task]

    def _copies(self, task: int) -> int:
        """The attempts at a task that are not over."""
        return self._tries.get(task, 1) - self._ended.get(task, 0)

    # what comes back

    def _finish(self, task: int, now: float) -> None:
        self.done += 1
        self._alone.discard(task)
        freed, gone = self._frontier.finish(self.deps.program_of(task), task)
        for program, ready in freed:
            self._queue.push(program, ready)
        if gone:
            self._out += gone
        if task in self._tries and self._tries.pop(task) - self._ended.pop(task, 0) > 1:
            self._out.append(Cancel([task]))

    def _done_again(self, task: int, bundle: Bundle | None) -> None:
        """A second result: its put was refused, unless the tile had been released in between."""
        if bundle is None:
            self.statistics.ignored += 1
        else:
            self.statistics.duplicates += 1
        self._out += self._frontier.tiles_let_go(self.deps.program_of(task), task)

    def _fail(self, task: int, report: TaskReport, now: float) -> None:
        launched = self._tries.setdefault(task, 1)
        self._ended[task] = self._ended.get(task, 0) + 1
        final = report.status == "user_error" or not report.retry
        if self._ended[task] < launched and not final:
            return  # another attempt is at work
        budget, program = self.policy.budget, self.deps.program_of(task)
        if final or launched - (task in self._alone) > self.policy.retries:
            over = report.status in ("timeout", "crashed")
            if over and budget is not None and budget.is_cut_short(program, self.policy.task_timeout_s):
                self._end_short(program)
                return
            self.failure = final_error(self.task(task), launched, report, self.policy)
            self._stopped = True
        else:
            heappush(self._retries, (now + self._backoff(task, launched), task))

    def _set_apart(self, task: int, attempt: int) -> None:
        """Look whether the task was done before its worker ended; the attempt does not count against it."""
        if task not in self._alone:
            self._alone.add(task)
            self._out.append(Probe(task, attempt, final=False))

    def _backoff(self, task: int, launched: int) -> float:
        longest = min(self.policy.backoff_max_s, self.policy.backoff_s * 2.0 ** min(launched - 1, 32))
        return longest * (0.5 + chance(task, launched) / 2)

    def _refused(self, key: int, now: float) -> None:
        """It never began: it is not an attempt, and its number is used again."""
        task, number = attempt_of(key)
        self._window.refused(now, len(self._flight))
        self.statistics.throttled += 1
        self.statistics.attempts -= 1
        if key in self._extra:
            self.statistics.speculated -= 1
        elif number:
            self.statistics.retries -= 1
        launched = self._tries.get(task, 0)
        if launched and number == launched - 1:
            launched = self._tries[task] = launched - 1
        elif launched:
            self._ended[task] = self._ended.get(task, 0) + 1
        if launched <= self._ended.get(task, 0):
            self._queue.push(self.deps.program_of(task), task)

    def _lose(self, key: int, report: TaskReport, due: float) -> None:
        """The connection is gone, the worker perhaps not: look now, and again when its time is up."""
        self.statistics.lost += 1
        self._broken[key] = report
        heappush(self._lost, (due, key))
        self._out.append(Probe(*attempt_of(key), final=False))

    # what time brings

    def _expire(self, now: float) -> None:
        while (bundle := self._flight.first_silent()) is not None and bundle.since + self._patience <= now:
            attempts = [attempt_of(key) for key in self._flight.give_up(bundle, now)]
            self._window.let_through()
            if self.policy.budget is not None:
                self.policy.budget.give_up(bundle)
                self._is_short = False
            self._extra.difference_update(bundle.keys)
            for task, number in attempts:
                self.statistics.lost += 1
                if not self._is_done[task]:
                    self._out.append(Probe(task, number, final=True))

    def _wake(self, now: float) -> None:
        while self._retries and self._retries[0][0] <= now:
            _, task = heappop(self._retries)
            if not self._is_done[task]:
                self._queue.push(self.deps.program_of(task), task)
        while self._lost and self._lost[0][0] <= now:
            task, number = attempt_of(heappop(self._lost)[1])
            self._out.append(Probe(task, number, final=True))

    def _check_stall(self, now: float) -> None:
        stalled = now - self._window.refused_at
        if self._window.refusals and not len(self._flight) and stalled > self.policy.stall_s:
            refused = self.statistics.throttled
            self.failure, self._stopped = refused_error(stalled, refused, self.total - self.done), True
