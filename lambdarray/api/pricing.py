"""What plans cost under given settings, and what a run may spend."""

from __future__ import annotations

from collections.abc import Sequence

from ..config import UNITS_PER_DOLLAR, Config, Purse, get_purse
from ..cost import Machine, machine_here, machine_of, machine_there
from ..cost.quote import Quote, quote
from ..errors import BudgetError
from ..planner import Resources
from ..planner.estimate import estimates
from ..planner.traffic import requests, traffic
from ..runtime.budget import Budget, Terms
from ..runtime.environment import cores
from ..runtime.launch import LAMBDA_WORKERS, OVERHEAD_MIB, worker_count
from ..runtime.summary import LAMBDA_MIB
from ..task import Plan

# Lambda bills a start of at most ten seconds before a function's own time; and a function whose time is over is ended
# up to two seconds before it, or, where a kernel goes on, up to a second after it.
BILLED_START_S, BILLED_END_S = 10.0, 3.0


def function_mib(config: Config) -> int:
    """The memory of the function that is there, or would be."""
    return LAMBDA_MIB if config.local or config.memory_mib is None else config.memory_mib


def quote_here(plan: Plan, config: Config, workers: int | None = None) -> Quote:
    """What a plan of a local executor takes on this machine: seconds, and no dollars."""
    seconds = [e.seconds for e in plan.estimates]
    at_once = min(workers or worker_count(config), cores())  # more share the cores that there are
    return quote(plan, seconds, machine_here(config), at_once, config.memory_mib or 0)


def quote_there(
    plan: Plan,
    config: Config,
    workers: int | None = None,
    *,
    machine: Machine | None = None,
    memory_mib: int | None = None,
    results: Sequence[str] = (),
    counts: Sequence[int] | None = None,
) -> Quote:
    """What a plan costs on functions, `counts` of the tasks of each stage; `results` come back to this process.

    They are the settings' functions, but where another machine or memory is given.
    """
    machine, memory_mib = machine or machine_there(config), memory_mib or function_mib(config)
    workers = workers or (LAMBDA_WORKERS if config.local else worker_count(config))
    if not config.local and machine.key == machine_of(config).key and memory_mib == function_mib(config):
        seconds = [e.seconds for e in plan.estimates]
    else:
        there = Resources(workers, (memory_mib - OVERHEAD_MIB) << 20, True, OVERHEAD_MIB, machine)
        seconds = [e.seconds for e in estimates(plan, there)]
    tasks = [p.task_count for p in plan.programs]
    counts = tasks if counts is None else counts
    moved = traffic(plan, [c / max(n, 1) for c, n in zip(counts, tasks, strict=True)], results, config.region)
    return quote(plan, seconds, machine, workers, memory_mib, moved, bundle_s=config.bundle_s, counts=counts)


def open_budget(
    plan: Plan,
    config: Config,
    *,
    results: Sequence[str] = (),
    counts: Sequence[int] | None = None,
    purse: Purse | None = None,
) -> Budget | None:
    """The account of a run in Lambda, out of the purse in force; None where a run costs nothing.

    Raises BudgetError, before any task runs, where it is quoted above what is left.
    """
    if config.local:
        return None
    purse = purse or get_purse()
    found = quote_there(plan, config, results=results, counts=counts)
    budget = Budget(_terms(plan, config, found.machine), purse)
    if found.dollars * UNITS_PER_DOLLAR > purse.left or not budget.pay(found.client_dollars):
        raise refusal(plan, config, found, purse)
    return budget


def refusal(plan: Plan, config: Config, found: Quote, purse: Purse) -> BudgetError:
    """The error of a run that is quoted above what is left."""
    spent = purse.used / UNITS_PER_DOLLAR
    before = f", of which ${dollars_text(spent)} is spent" if spent else ""
    tasks = f"{plan.task_count:,} task{'s' * (plan.task_count != 1)}"
    rest = found.dollars - found.compute_dollars
    return BudgetError(
        f"this run is quoted at ${dollars_text(found.dollars)}, above max_dollars={config.max_dollars or 0:g}{before}: "
        f"{tasks} on up to {found.workers:,} functions of {found.memory_mib} MiB, "
        f"${dollars_text(found.compute_dollars)} for {seconds_text(found.worker_seconds)} of them and "
        f"${dollars_text(rest)} for requests and traffic; raise max_dollars, or see la.explain() for its parts",
        spent_dollars=spent,
        left_dollars=purse.left_dollars,
        needed_dollars=found.dollars,
        total=plan.task_count,
    )


def _terms(plan: Plan, config: Config, machine: Machine) -> Terms:
    """What functions cost at worst."""
    memory_mib, asked = function_mib(config), [requests(p) for p in plan.programs]
    # An attempt that is not the first looks whether its outputs are there.
    each = [machine.request_dollars(0, r.gets_of_task + r.puts_of_task, r.puts_of_task) for r in asked]
    return Terms(
        dollars_per_s=machine.memory_dollars(memory_mib, 1.0),
        invocation=machine.request_dollars(1, 0, 0),
        requests=each,
        start_s=max(BILLED_START_S, machine.functions.cold_start_s) + BILLED_END_S,
        longest_s=machine.functions.limit_s,
        what=f"a function of {memory_mib} MiB",
        resume=f"workers={worker_count(config)} and ",
    )


def seconds_text(s: float) -> str:
    """Seconds for people.

    >>> seconds_text(0.123), seconds_text(12345.6)
    ('0.12 s', '12,346 s')
    """
    return f"{s:,.0f} s" if s >= 10 else f"{s:.2g} s"


def dollars_text(d: float) -> str:
    """Dollars for people, without the sign.

    >>> dollars_text(0.0123), dollars_text(1234.5)
    ('0.012', '1,234.50')
    """
    return f"{d:,.2f}" if d >= 1 else f"{d:.2g}"
