"""An executor in virtual time: functions and a store as a model has them, no work, no values.

The scheduler and the loop that drive it are the real ones. A bundle is one event, however many tiles it moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from ...task import Plan, Task, TaskReport
from ..assumptions import Assumptions, around, lognormal
from ..cache import ReadCache
from ..chance import chance
from ..partitions import Partitions
from ..works import Work, Works
from . import Attempt

# What a chance is drawn for.
COLD, BANDWIDTH, SPREAD, STRAGGLES, CRASHES, LOST = range(6)
MB = 1e6
NOTHING = Work(0.0, 0.0, 1, 0, 0, 0, {}, {})


@dataclass(slots=True)
class Counts:
    """What a simulation has come to: invocations, what was billed, requests and what was refused."""

    invocations: int = 0
    cold_starts: int = 0
    billed_s: float = 0.0
    gets: int = 0
    puts: int = 0
    slow_downs: int = 0
    crashed: int = 0
    killed: int = 0
    unheard: int = 0


@dataclass(slots=True)
class _Took:
    """What one attempt takes in one environment: seconds in kernels, of reads before them and beside, of writes."""

    compute_s: float
    turns: int
    first_s: float
    rest_s: float
    write_s: float


@dataclass(slots=True)
class _Invocation:
    """A bundle under way, in an environment, and the requests a second that it makes."""

    environment: int
    reports: list[TaskReport]
    gets: dict[str, float]
    puts: dict[str, float]
    gone: bool = False


@dataclass(slots=True)
class _Begin:
    """An environment has started, and begins its first bundle."""

    bundle: Sequence[Attempt]
    environment: int


class _Event:
    """The end of an attempt, or of a bundle; `made` are the attempts whose outputs are there from then on."""

    __slots__ = ("invocation", "made", "reports")

    def __init__(self, made: Sequence[Attempt], reports: list[TaskReport], invocation: _Invocation | None) -> None:
        self.made, self.reports, self.invocation = made, reports, invocation


class SimulatedExecutor:
    """Reports each attempt when its seconds are over on the executor's own clock.

    What an attempt takes depends on the seed, the attempt and its environment, and on how much is asked of the store
    when it begins. `effect` is called when the work of an attempt is over; an exception of its fails the attempt.
    """

    def __init__(
        self,
        plan: Plan,
        capacity: int = 1000,
        *,
        seed: int = 0,
        model: Assumptions | None = None,
        effect: Callable[[Attempt], Any] | None = None,
    ) -> None:
        self.capacity, self.seed, self.model = capacity, seed, model or Assumptions()
        if self.model.together:
            self.first_bundle_s, self.urgent_first = 30.0, True  # as the Lambda executor says
        self.now, self.counts = 0.0, Counts()
        self.store = Partitions(self.model)
        self._works, self._effect = Works(plan, self.model.estimated, self.model.read_cpu_s_per_gb), effect
        self._caches: dict[int, ReadCache] = {}
        self._firsts: dict[int, int] = {}
        self._made: set[int] = set()
        self._asked: dict[int, float] = {}
        self._cancelled: set[tuple[int, int]] = set()
        self._of_task: dict[int, list[int]] = {}
        self._events: list[tuple[float, int, _Event | _Begin]] = []
        self._idle: list[tuple[float, int]] = []
        self._running = self._environments = self._sequence = 0
        first = 0
        for program in plan.programs:
            self._firsts[id(program)] = first
            first += program.task_count

    def clock(self) -> float:
        """Virtual seconds since the start."""
        return self.now

    def exists(self, task: Task) -> bool:
        """Whether the outputs of a task are there."""
        return self._firsts[id(task.program)] + task.number in self._made

    # -- what the loop asks

    def start(self, bundle: Sequence[Attempt]) -> None:
        """Begin in a warm environment, else in a new one; refuse it all where too many are at work."""
        for attempt in bundle:
            self._of_task.setdefault(attempt.id, []).append(attempt.number)
        if self._running >= self._allowed():
            refused = [TaskReport(a.id, a.number, "throttled") for a in bundle]
            self._add(self.now + self.model.launch_s, _Event((), refused, None))
            return
        environment, start_s = self._environment()
        self._running += 1
        self.counts.invocations += 1
        begin = self.now + self.model.launch_s + start_s
        self._asked[bundle[0].id] = self.now
        if start_s:
            self._add(begin, _Begin(bundle, environment))
        else:
            self._invoke(bundle, environment, begin)

    def wait(self, timeout_s: float | None) -> list[TaskReport]:
        """The reports of the next moment at which there are any; the clock moves on to it."""
        limit = math.inf if timeout_s is None else self.now + timeout_s
        events, reports = self._events, list[TaskReport]()
        while events and not reports:
            if events[0][0] > limit:
                break
            self.now = max(self.now, events[0][0])
            while events and events[0][0] <= self.now:
                reports += self._end(heappop(events)[2])
        if not reports and limit < math.inf:
            self.now = limit
        return reports

    def cancel(self, ids: Sequence[int]) -> None:
        """What is under way ends when it would have, without its effect: a function cannot be called back."""
        for task in ids:
            self._cancelled.update((task, number) for number in self._of_task.get(task, ()))

    def close(self) -> None:
        """Forget what is under way."""
        self._events.clear()
        self._of_task.clear()

    # -- environments

    def _allowed(self) -> float:
        model = self.model
        if model.ramp_first is None:
            return math.inf
        return model.ramp_first + model.ramp_step * (self.now // model.ramp_every_s)

    def _environment(self) -> tuple[int, float]:
        """The environment that has been idle for least, or a new one, and the seconds that its start takes."""
        if self._idle:
            idle, environment = self._idle.pop()
            if self.now - idle <= self.model.warm_s:
                return environment, 0.0
            self._idle.clear()  # it was the warmest
        self._environments += 1
        self.counts.cold_starts += 1
        return self._environments, lognormal(
            self.model.cold_mean_s, self.model.cold_sd_s, self.seed, self._environments, COLD
        )

    def _rate(self, environment: int) -> float:
        """Bytes a second of an environment; infinity where tiles are handed on in memory."""
        model = self.model
        if not model.bandwidth_mbps:
            return math.inf
        return MB * around(model.bandwidth_mbps, model.bandwidth_sigma, self.seed, environment, BANDWIDTH)

    # -- an invocation

    def _invoke(self, bundle: Sequence[Attempt], environment: int, begin: float, cold: bool = False) -> None:
        model, rate = self.model, self._rate(environment)
        # A worker looks first whether a task is done, where that may be: at second attempts, and after a cold start.
        works = [NOTHING if (a.number or cold) and a.id in self._made else self._work(a, environment) for a in bundle]
        gets, puts = _summed([w.gets for w in works]), _summed([w.puts for w in works])
        self.counts.gets += sum(gets.values())
        self.counts.puts += sum(puts.values())
        ends = self._ends(bundle, works, rate)
        took = max(ends[-1], 1e-3)
        asked = [{name: count / took for name, count in requests.items()} for requests in (gets, puts)]
        invocation = _Invocation(environment, [], asked[0], asked[1])
        slower = self.store.ask(self.now, invocation.gets, invocation.puts)
        if slower > 1:
            self.counts.slow_downs += int((sum(gets.values()) + sum(puts.values())) * (1 - 1 / slower))
            ends = self._ends(bundle, works, rate / slower)
        reports = [
            self._report(a, w, begin + (ends[n - 1] if n else 0.0), ends[n] - (ends[n - 1] if n else 0.0), environment)
            for n, (a, w) in enumerate(zip(bundle, works, strict=True))
        ]
        billed = (model.init_s if cold else 0.0) + self._settle(bundle, reports, ends, begin, invocation)
        reports[0].cold, reports[0].billed_ms = cold, math.ceil(billed * 1000)
        reports[0].launch_s = begin - self._asked.pop(bundle[0].id, begin)
        self.counts.billed_s += billed

    def _work(self, attempt: Attempt, environment: int) -> Work:
        """What an attempt takes where its environment has kept some of what it reads."""
        if not self.model.cache_mib:
            return self._works.of(attempt.task)
        if environment not in self._caches:
            self._caches[environment] = ReadCache()
            self._caches[environment].allow(environment, self.model.cache_mib * 2**20)
        return self._works.after(attempt.task, self._caches[environment])

    def _ends(self, bundle: Sequence[Attempt], works: Sequence[Work], rate: float) -> list[float]:
        """When each attempt of a bundle ends, after its begin: reads and writes go on beside the kernels of others."""
        model = self.model
        taken = [self._took(a, w, rate) for a, w in zip(bundle, works, strict=True)]
        time, ends, writing = model.request_s + taken[0].first_s, [], 0.0
        for n, t in enumerate(taken):
            beside = t.rest_s + writing + (taken[n + 1].first_s if n + 1 < len(taken) else 0.0)
            last_turn = t.compute_s / t.turns
            time += (
                model.task_s + max(t.compute_s - last_turn, beside - (last_turn if t.turns == 1 else 0.0)) + last_turn
            )
            writing = t.write_s
            ends.append(time + writing)
        ends[-1] += model.request_s
        return ends

    def _took(self, attempt: Attempt, work: Work, rate: float) -> _Took:
        model, key = self.model, (self.seed, attempt.id, attempt.number)
        slow = 1.0
        if model.straggler_share and chance(*key, STRAGGLES) < model.straggler_share:
            slow = model.straggler_factor
        compute = work.compute_s * slow * around(1.0, model.spread, *key, SPREAD)
        per_byte = slow / rate
        first = work.first_bytes * per_byte
        rest = (work.read_bytes - work.first_bytes) * per_byte
        return _Took(compute, work.turns, first, rest, work.write_bytes * per_byte * model.write_factor)

    def _report(self, attempt: Attempt, work: Work, begin: float, total: float, environment: int) -> TaskReport:
        report = TaskReport(
            attempt.id, attempt.number, total_s=total, started_s=begin, worker=f"simulated {environment}"
        )
        report.compute_s = min(work.compute_s, total)
        report.wait_s, report.flops = total - report.compute_s, int(work.flops)
        report.bytes_read, report.bytes_written = work.read_bytes, work.write_bytes
        return report

    def _settle(
        self,
        bundle: Sequence[Attempt],
        reports: list[TaskReport],
        ends: Sequence[float],
        begin: float,
        invocation: _Invocation,
    ) -> float:
        """Find how an invocation ends, and say so when it does; the seconds from its first step on."""
        model, key = self.model, (self.seed, bundle[0].id, bundle[0].number)
        over, status = ends[-1], "done"
        limit = min([model.kill_s, *_deadlines(bundle, ends)])
        if over > limit:
            over, status = limit, "timeout"
            self.counts.killed += 1
        crash = _crash_s(model.crashes_per_minute, chance(*key, CRASHES))
        if crash < over:
            over, status = crash, "crashed"
            self.counts.crashed += 1
        made = [a for a, end in zip(bundle, ends, strict=True) if end <= over]
        if status != "done":
            self._spoil(reports, ends, over, status)
        self._tell(bundle, made, reports, ends, begin, over, invocation, chance(*key, LOST))
        return over

    def _spoil(self, reports: list[TaskReport], ends: Sequence[float], over: float, status: str) -> None:
        """What an invocation that ends early says of all its attempts, or, reported one by one, of those left."""
        for report, end in zip(reports, ends, strict=True):
            if self.model.together or end > over:
                report.status, report.shared = status, len(reports) > 1 and status == "crashed"
                report.error = (
                    f"the simulated function {'crashed' if status == 'crashed' else 'was ended'} after {over:.0f} s"
                )
                report.bytes_read = report.bytes_written = 0
                report.total_s = min(report.total_s, over)

    def _tell(
        self,
        bundle: Sequence[Attempt],
        made: Sequence[Attempt],
        reports: list[TaskReport],
        ends: Sequence[float],
        begin: float,
        over: float,
        invocation: _Invocation,
        luck: float,
    ) -> None:
        model = self.model
        if not model.together:
            for n, report in enumerate(reports):
                last = n == len(reports) - 1
                self._add(begin + min(ends[n], over), _Event(made[n : n + 1], [report], invocation if last else None))
            return
        for n, attempt in enumerate(made[:-1]):
            self._add(begin + ends[n], _Event([attempt], [], None))
        told, again = reports, False
        if luck < model.lost_share:
            told = []
        elif luck < model.lost_share + model.broken_share:
            told = [TaskReport(a.id, a.number, "unknown") for a in bundle]
        else:
            again = luck < model.lost_share + model.broken_share + model.repeated_share
        self.counts.unheard += told is not reports
        self._add(begin + over, _Event(made[-1:], told, invocation))
        if again:
            self._add(begin + over + 1.0, _Event((), [TaskReport(r.task, r.attempt, r.status) for r in told], None))

    # -- events

    def _add(self, time: float, event: _Event | _Begin) -> None:
        self._sequence += 1
        heappush(self._events, (time, self._sequence, event))

    def _end(self, event: _Event | _Begin) -> list[TaskReport]:
        if isinstance(event, _Begin):
            self._invoke(event.bundle, event.environment, self.now, cold=True)
            return []
        invocation = event.invocation
        if invocation is not None:
            self._running -= 1
            crashed = any(r.status == "crashed" for r in event.reports)
            if crashed:
                self._caches.pop(invocation.environment, None)
            else:
                self._idle.append((self.now, invocation.environment))
            self.store.leave(invocation.gets, invocation.puts)
        failed = {a.id: text for a in event.made if (text := self._do(a)) is not None}
        for report in event.reports:
            self._forget(report)
            if report.task in failed and report.status == "done":
                report.status, report.error = "error", failed[report.task]
        return event.reports

    def _do(self, attempt: Attempt) -> str | None:
        """Have the effect of an attempt; what went wrong, if something did."""
        if (attempt.id, attempt.number) in self._cancelled:
            return "cancelled"
        if self._effect is not None:
            try:
                self._effect(attempt)
            except Exception as error:
                return f"{type(error).__name__}: {error}"
        self._made.add(attempt.id)
        return None

    def _forget(self, report: TaskReport) -> None:
        left = self._of_task.get(report.task)
        if left is not None and report.attempt in left:
            left.remove(report.attempt)
            if not left:
                del self._of_task[report.task]


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    out: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            out[name] = out.get(name, 0) + count
    return out


def _deadlines(bundle: Sequence[Attempt], ends: Sequence[float]) -> Iterator[float]:
    """When attempts that take longer than they may are ended."""
    begin = 0.0
    for attempt, end in zip(bundle, ends, strict=True):
        if end - begin > attempt.deadline_s:
            yield begin + attempt.deadline_s
        begin = end


def _crash_s(per_minute: float, luck: float) -> float:
    """When a function that is at work crashes: as likely in every minute."""
    return -math.log(1.0 - luck) / per_minute * 60.0 if per_minute else math.inf
