"""What computing would do and cost, in figures and as text; `explain_html` shows it in notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..config import UNITS_PER_DOLLAR, Config, get_purse
from ..cost import ARCHITECTURES, Machine, of_architecture
from ..cost.quote import Quote
from ..errors import ConfigError, MemoryLimitError
from ..ops import Op
from ..planner import Resources
from ..planner.estimate import totals
from ..planner.traffic import Requests, requests
from ..runtime.launch import LAMBDA_WORKERS, worker_count
from ..task import Estimate, Plan, Program
from .choices import choices
from .compute import resources
from .markup import bytes_text
from .objective import Candidate, Choice, candidate, choose
from .pricing import dollars_text, quote_here, quote_there, seconds_text

STAGE_HEAD = ("stage", "tasks", "grid", "read/task", "written/task", "s/task", "what")
MOST_STAGES = 40
# Of fewer bytes than these it is not told how many they could be, nor what they cost on their way.
TELLING_BYTES = 1_000_000
SWEEP_HEAD = ("workers", "seconds", "dollars", "tasks", "reads", "writes")


@dataclass(frozen=True)
class Explanation:
    """A plan in words and figures: stages, bytes, requests, seconds, and the price on Lambda.

    `found_there` is the plan for functions, which is another one where the settings' executor is of this machine;
    `choice` says why there are so many workers; `sweep` are the plans for other numbers of workers.
    """

    plan: Plan
    config: Config
    workers: int
    found_there: Candidate | None = None
    choice: Choice | None = None
    sweep: tuple[Candidate, ...] = ()
    more_notes: tuple[str, ...] = ()

    # -- the plan

    @property
    def tasks(self) -> int:
        """Tasks of all stages."""
        return self.plan.task_count

    @cached_property
    def _total(self) -> tuple[float, int, int]:
        flops, read, written = (
            zip(*(totals(p) for p in self.plan.programs), strict=True) if self.plan.programs else ((),) * 3
        )
        return sum(flops), sum(read), sum(written)

    @property
    def flops(self) -> float:
        """Floating-point operations."""
        return self._total[0]

    @property
    def bytes_read(self) -> int:
        """Bytes that tasks read."""
        return int(self._total[1])

    @property
    def bytes_written(self) -> int:
        """Bytes that tasks write."""
        return int(self._total[2])

    @cached_property
    def least_bytes(self) -> float:
        """The fewest bytes that so many workers can move for it (see `algorithms.bounds`)."""
        from ..algorithms.bounds import least_bytes

        return least_bytes(self.plan, self.resources.memory_bytes, self.workers)

    @property
    def bytes_ratio(self) -> float:
        """Bytes read and written over the fewest that are possible."""
        return (self.bytes_read + self.bytes_written) / self.least_bytes if self.least_bytes else 1.0

    @property
    def resources(self) -> Resources:
        """What the plan was made for."""
        return resources(replace(self.config, workers=self.workers))

    @cached_property
    def requests(self) -> Requests:
        """GETs and PUTs if every tile goes through a store."""
        asked = [requests(p) for p in self.plan.programs]
        columns = [(r.gets, r.puts, r.gets_of_task, r.puts_of_task) for r in asked] or [(0, 0, 0, 0)]
        gets, puts, most_gets, most_puts = zip(*columns, strict=True)
        return Requests(sum(gets), sum(puts), max(most_gets), max(most_puts))

    @property
    def invocations(self) -> int:
        """Invocations of functions, about: small tasks share one."""
        return self.there.quote.invocations

    @property
    def peak_bytes(self) -> int:
        """The most that a task holds."""
        return max((e.peak_bytes for e in self.plan.estimates), default=0)

    # -- what it takes

    @cached_property
    def here(self) -> Quote | None:
        """On this machine, where the settings' executor is of this machine."""
        return quote_here(self.plan, self.config, self.workers) if self.config.local else None

    @cached_property
    def there(self) -> Candidate:
        """On functions: the plan that they would get, and what it would cost."""
        workers = LAMBDA_WORKERS if self.config.local else self.workers
        return self.found_there or Candidate(workers, self.plan, self.quote(workers=workers, results=True))

    def quote(
        self,
        machine: Machine | None = None,
        workers: int | None = None,
        memory_mib: int | None = None,
        *,
        results: bool = False,
    ) -> Quote:
        """What this plan would cost on other workers; by default on functions as the settings have them."""
        if machine is not None and not machine.remote:
            return quote_here(self.plan, self.config, workers)
        back = self.plan.outputs if results else ()
        workers, mib = workers or self.workers, memory_mib or None
        return quote_there(self.plan, self.config, workers, machine=machine, memory_mib=mib, results=back)

    @property
    def configured(self) -> Quote:
        """With the settings' executor and workers."""
        return self.here or self.there.quote

    @property
    def seconds(self) -> float:
        """Until all is computed and stored, with the settings' executor and workers: an estimate."""
        return self.configured.seconds_before_results

    @property
    def critical_s(self) -> float:
        """The longest chain of tasks that need one another's tiles: no number of workers is faster."""
        return self.configured.critical_s

    @property
    def dollars(self) -> float:
        """On Lambda: compute, requests, storage while it runs, reads from other regions."""
        return self.there.dollars

    @property
    def egress_dollars(self) -> float:
        """What results cost on their way out of AWS, where they come back to this process."""
        return self.there.quote.egress_dollars

    @cached_property
    def dollars_by_architecture(self) -> dict[str, float]:
        """On Lambda, by the functions' processor."""
        plan, config = self.there.plan, self._config_there
        found = {}
        for name in ARCHITECTURES:
            machine = of_architecture(name)
            if machine.key == self.there.quote.machine.key:
                found[name] = self.dollars
            else:
                found[name] = quote_there(plan, config, self.there.workers, machine=machine).dollars
        return found

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What the planner chose, each with the reason."""
        return choices(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to say."""
        return (*self.plan.notes, *self.more_notes)

    @property
    def _config_there(self) -> Config:
        return on_functions(self.config)

    # -- as text

    def lines(self) -> list[tuple[str, str]]:
        """The facts, each with its name."""
        q, t = self.there.quote, self.there.quote.traffic
        stages = len(self.plan.programs)
        moved = f"reads {bytes_text(self.bytes_read)}, writes {bytes_text(self.bytes_written)}"
        if self.bytes_read + self.bytes_written >= TELLING_BYTES:
            moved += f": {self.bytes_ratio:.2f} times the least possible, {bytes_text(self.least_bytes)}"
        asked = self.requests
        rows = [
            ("tasks", f"{self.tasks:,} in {stages} stage{'s' * (stages != 1)}"),
            ("flops", f"{self.flops / 1e9:,.2f} GFLOP"),
            ("bytes", moved),
            ("requests", f"{asked.gets:,} GET, {asked.puts:,} PUT, about {self.invocations:,} invocations"),
            (
                "peak",
                f"{bytes_text(self.peak_bytes)} in a worker, of {bytes_text(self.resources.memory_bytes)} for data",
            ),
            ("critical", f"{seconds_text(self.critical_s)}: the longest chain of tasks that need one another"),
        ]
        if self.here is not None:
            rows.append(("here", f"about {seconds_text(self.seconds)} on {self.workers} {self.config.executor}"))
        by_name = " or ".join(f"${dollars_text(d)} ({name})" for name, d in self.dollars_by_architecture.items())
        many = f"{q.memory_mib} MiB, up to {self.there.workers:,} workers"
        rows.append(("on Lambda", f"about {seconds_text(self.there.seconds)} and {by_name}, {many}"))
        parts = [
            (q.compute_dollars, f"compute ({seconds_text(q.worker_seconds)} of functions)"),
            (q.request_dollars, "requests"),
            (q.storage_dollars, "storage while it runs"),
            (q.cross_region_dollars, "reads from other regions"),
        ]
        rows.append(("dollars", ", ".join(f"${dollars_text(d)} {what}" for d, what in parts if d) or "none"))
        sent = f"sends {bytes_text(t.upload)} first, about {seconds_text(q.upload_s)} of these" if t.upload else ""
        back = f"{bytes_text(t.download)} of results"
        if t.download >= TELLING_BYTES:
            cost = f"${dollars_text(q.egress_dollars)} to come back from AWS"
            back += f" would take about {seconds_text(q.download_s)} more and {cost}"
        rows.append(("client", f"{sent or 'sends nothing first'}; {back}"))
        return [*rows, *self.choices, *(("note", n) for n in self.notes)]

    def stage_rows(self) -> list[tuple[str, ...]]:
        """A row for each stage; of very many one for each of those with the most work, and one for the others."""
        stages = list(zip(self.plan.programs, self.plan.estimates, strict=True))
        work = [p.task_count * e.seconds for p, e in stages]
        shown = sorted(sorted(range(len(stages)), key=lambda n: -work[n])[:MOST_STAGES])
        out = [_stage_row(*stages[n]) for n in shown]
        others = set(range(len(stages))) - set(shown)
        if others:
            tasks, seconds = sum(stages[n][0].task_count for n in others), sum(work[n] for n in others)
            what = f"{len(others):,} more stages, {seconds / max(sum(work), 1e-300):.0%} of the work"
            out.append(("...", f"{tasks:,}", "", "", "", "", what))
        return out

    def sweep_rows(self) -> list[tuple[str, ...]]:
        """A row for each number of workers."""
        return [
            (
                f"{c.workers:,}",
                seconds_text(c.seconds).removesuffix(" s"),
                dollars_text(c.dollars),
                f"{c.plan.task_count:,}",
                *(bytes_text(sum(column)) for column in list(zip(*map(totals, c.plan.programs), strict=True))[1:]),
            )
            for c in self.sweep
        ]

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.lines()) + 1
        text = [f"{name:<{width}} {value}" for name, value in self.lines()]
        text += _aligned([STAGE_HEAD, *self.stage_rows()])
        return "\n".join(text + (_aligned([SWEEP_HEAD, *self.sweep_rows()]) if self.sweep else []))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .explain_html import page

        return page(self)


def _stage_row(p: Program, e: Estimate) -> tuple[str, ...]:
    moved = bytes_text(e.bytes_read), bytes_text(e.bytes_written)
    return p.name, f"{p.task_count:,}", grid_text(p), *moved, f"{e.seconds:.2g}", p.op


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def on_functions(config: Config) -> Config:
    """The settings, with functions in place of workers of this machine."""
    if not config.local:
        return config
    return replace(config, executor="lambda", store="s3://bucket/scratch", workers=None, memory_mib=None)


def explanation(ops: Sequence[Op], config: Config, workers: Any = None) -> Explanation:
    """Explain ops under these settings; `workers` takes the place of theirs, or is several numbers to compare."""
    several = [] if workers is None or isinstance(workers, int) else list(workers)
    if several or isinstance(workers, int):
        config = replace(config, workers=several[0] if several else workers)
    elif workers is not None:
        raise ConfigError("workers=[] has no number of workers; give one, or several to compare")
    choice = choose(ops, config)
    config, notes = choice.config, [] if choice.problem is None else [str(choice.problem)]
    found = candidate(ops, config, worker_count(config))
    there = found
    if config.local:
        away = on_functions(config)
        try:
            there = candidate(ops, away, several[0] if several else LAMBDA_WORKERS)
        except MemoryLimitError as error:
            notes.append(f"on Lambda it would have to be cut otherwise: {error}")
            plan = found.plan
            there = Candidate(LAMBDA_WORKERS, plan, quote_there(plan, config, results=plan.outputs))
    else:
        notes += _over_budget(config, found)
    sweep = tuple(candidate(ops, on_functions(config), count) for count in several)
    return Explanation(found.plan, config, found.workers, there, choice, sweep, tuple(notes))


def _over_budget(config: Config, found: Candidate) -> list[str]:
    left = get_purse().left / UNITS_PER_DOLLAR
    if config.max_dollars is None or found.quote.dollars <= left:
        return []
    return [f"max_dollars={config.max_dollars:g}, of which ${dollars_text(left)} is left, would refuse this run"]


def price(plan: Plan, config: Config, workers: int) -> str:
    """What a plan would take, in half a line."""
    here = f"about {seconds_text(quote_here(plan, config, workers).seconds)} here, and " if config.local else ""
    dollars = quote_there(plan, config, None if config.local else workers).dollars
    tasks = f"{plan.task_count:,} task" + "s" * (plan.task_count != 1)
    read = sum(totals(p)[1] for p in plan.programs)
    return f"{tasks} that read {bytes_text(read)}: {here}${dollars_text(dollars)} on Lambda"


def grid_text(p: Program) -> str:
    """The grid of a program's tasks, and how often each loops."""
    loops = f", loop of {p.loop_count}" if p.loop_count > 1 else ""
    return " x ".join(map(str, p.grid)) + loops
