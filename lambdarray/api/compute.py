"""Running expressions: compute, persist, and what they would do: plan, explain."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import Config, Purse, get_config
from ..cost import machine_of
from ..errors import ConfigError, EagerError, VerificationError
from ..ops import ObjectSource, Op, Stored, in_order
from ..planner import Resources, make_plan
from ..runtime.functions import Function
from ..runtime.launch import OVERHEAD_MIB, Launch, worker_count, worker_memory_bytes
from ..runtime.summary import RunReport
from ..store import ResultArray
from ..task import Plan
from .array import Array
from .progress import progress_for
from .remote import check_grants, settled
from .written import check_place, write

if TYPE_CHECKING:
    from ..runtime.budget import Budget
    from .explain import Explanation

__all__ = ["Plan", "RunReport", "compute", "explain", "last_report", "persist", "plan", "simulate"]

_last: RunReport | None = None


def last_report() -> RunReport | None:
    """The report of the run that ended last in this process; None before the first."""
    return _last


def ops_of(arrays: Sequence[Any]) -> list[Op]:
    """The ops of arrays; TypeError for anything else."""
    wrong = next((a for a in arrays if not isinstance(a, Array)), None)
    if wrong is not None:
        raise TypeError(f"expected lambdarray arrays, not {type(wrong).__name__}; use lambdarray.asarray first")
    return [a._op for a in arrays]


def resources(config: Config) -> Resources:
    """What the planner has to do with under these settings."""
    remote = not config.local or not config.store.startswith("memory")
    overhead_mib = 0 if config.local else OVERHEAD_MIB
    return Resources(worker_count(config), worker_memory_bytes(config), remote, overhead_mib, machine_of(config))


# What tells plans apart whose tiles lie in memory: no run may meet those of another, which may read what has changed
# since, and keeps or drops them as it likes.
_runs = count()


def make(
    ops: Sequence[Op], config: Config, targets: Mapping[int, Any] | None = None, purpose: str = ""
) -> tuple[Plan, dict[str, Any]]:
    """A plan for what is to be stored, and its in-memory sources; `targets` says where an op goes if not to scratch."""
    durable = not config.store.startswith("memory")
    tokens = _content(ops) if durable else None
    # A save is known again by its key, so that it resumes; not where it reads what may change from call to call.
    again = targets and not any(map(_is_data, in_order(ops)))
    purpose = purpose if durable or again else f"run {next(_runs)}"
    return make_plan(ops, resources(config), targets=targets, tokens=tokens, purpose=purpose)


def _content(ops: Sequence[Op]) -> dict[str, str]:
    """The content hash of each in-memory source: a durable store must know it again in another process."""
    from ..runtime.upload import content_hash

    sources = (op for op in in_order(ops) if isinstance(op, ObjectSource) and _is_data(op))
    return {op.token: content_hash(op.obj, op.tiling) for op in sources}


def _is_data(op: Op) -> bool:
    """Whether the op is an array in memory; a function is one too, but what it is its token says."""
    return isinstance(op, ObjectSource) and not isinstance(op.obj, Function)


def plan(*arrays: Array) -> Plan:
    """The plan that `compute` would run: `task_count`, programs, arrays and estimates. Nothing runs.

    >>> import lambdarray as la
    >>> la.plan(la.ones((8, 8), chunks=4) + 1).task_count
    4
    """
    ops = ops_of(arrays)
    return make(ops, chosen(ops, get_config()))[0]


def explain(*arrays: Array, workers: int | Sequence[int] | None = None) -> Explanation:
    """What computing would do and cost, before anything runs: tasks, bytes, requests, seconds, and dollars on Lambda.

    It prints as text, shows as tables in notebooks, and has each figure as an attribute: `seconds` with the settings'
    executor, `dollars` on Lambda. `workers` is the number of functions, or several: then it shows the time against the
    dollars of each.

    >>> import lambdarray as la
    >>> la.explain(la.ones((8, 8), chunks=4) @ la.ones((8, 8), chunks=4)).tasks
    8
    """
    from .explain import explanation

    return explanation(ops_of(arrays), get_config(), workers)


def chosen(ops: Sequence[Op], config: Config, results: bool = True) -> Config:
    """The settings with what they leave to the planner; raises where no plan is within the deadline."""
    if config.local and config.deadline is None:
        return config
    from .objective import choose

    choice = choose(ops, config, results)
    if choice.problem is not None:
        raise choice.problem
    return choice.config


def simulate(*arrays: Array) -> RunReport:
    """Run in virtual time, by the cost model: the real scheduler, and no work, no store and no values.

    The workers are Lambda functions of `memory_mib`, `workers` of them (default 1,000); the report's seconds, cold
    starts and billed seconds are virtual. One expression and one setting give one report.

    >>> import lambdarray as la
    >>> la.simulate(la.ones((8, 8), chunks=4) + 1).tasks
    4
    """
    from ..runtime.simulation import simulate as run_simulation
    from .pricing import open_budget

    ops = ops_of(arrays)
    config = chosen(ops, replace(get_config(), executor="simulated"))
    made = make_plan(ops, resources(config))[0]
    check_place(config)
    budget = open_budget(made, config, results=made.outputs, purse=Purse(config.max_dollars))
    report = run_simulation(made, config, worker_count(config), budget=budget, machine=machine_of(config))
    write(report, config)
    return report


def with_values(config: Config) -> Config:
    """The settings, settled, of a run that is to make values."""
    if config.executor == "simulated":
        raise ConfigError(
            "executor='simulated' runs in virtual time and makes no values; la.simulate(x) gives its report, "
            "and executor='threads', 'processes' or 'lambda' the values"
        )
    return settled(config)


def compute(*arrays: Any) -> Any:
    """Run, and return NumPy arrays: one for one argument, else a tuple. What they share is computed once.

    Raises the errors of `lambdarray.errors`; what is finished when an error ends the run is kept on durable stores.
    """
    ops = ops_of(arrays)
    config = chosen(ops, with_values(get_config()))
    made, objects = make(ops, config)
    direct = _direct(made, config)
    made = made.moved(_filled(made, direct))
    launch = Launch(made, {**objects, **direct}, config)
    results = _Results(launch, direct)
    run(launch, results.take, made.outputs)
    out = results.all(made.outputs)
    launch.forget()
    return out[0] if len(out) == 1 else out


def run(launch: Launch, on_tile: Any = None, results: Sequence[str] = ()) -> None:
    """Run a plan within its grants and budget, with a progress bar; its report becomes the last one, if any task began.

    `results` are the arrays that come back to this process.
    """
    global _last
    check_grants(launch.plan, launch.config)
    check_place(launch.config)
    launch.budget = open_account(launch, results)
    progress = progress_for(launch.config, launch.report)
    try:
        launch.execute(on_tile, progress)
    except BaseException as error:
        if not launch.scratch.durable or isinstance(error, VerificationError):
            launch.forget()  # nobody could, or should, resume from it
        raise
    finally:
        if launch.report.record.heard or not launch.report.error:  # else it was refused, and there was no run
            _last = launch.report
        if progress is not None:
            progress.close()
        write(launch.report, launch.config)


def open_account(launch: Launch, results: Sequence[str]) -> Budget | None:
    """What the run may spend, for what is not there yet; raises BudgetError where it is quoted above that."""
    config = launch.config
    if config.local:
        return None
    from .pricing import open_budget

    counts = None if config.max_dollars is None else launch.unfinished()
    return open_budget(launch.plan, config, results=results, counts=counts)


def _direct(plan: Plan, config: Config) -> dict[str, ResultArray]:
    """Outputs that workers of this process can fill: of several tiles, which nothing else reads."""
    if config.executor != "threads" or not config.store.startswith("memory"):
        return {}
    wholes = {whole for whole, _ in plan.parts.values()}  # of which tasks read the parts
    names = frozenset(plan.outputs) & plan.written - (plan.read - wholes)
    return {n: ResultArray(plan.arrays[n]) for n in names if plan.arrays[n].tiling.count > 1}


def _filled(plan: Plan, direct: Mapping[str, ResultArray]) -> dict[str, dict[str, Any]]:
    """Where such outputs and their parts are."""
    found: dict[str, dict[str, Any]] = {name: {"kind": "result", "token": name} for name in direct}
    parts = {name: (whole, at) for name, (whole, at) in plan.parts.items() if whole in direct}
    return found | {name: {**found[whole], "whole": whole, "at": at} for name, (whole, at) in parts.items()}


class _Results:
    """Collects output tiles into NumPy arrays as they are finished, where workers do not fill these by themselves.

    A tile that is a whole output is handed over; others are copied into place while later tasks still run. What
    later tasks read as well stays in the store for them.
    """

    def __init__(self, launch: Launch, direct: Mapping[str, ResultArray]) -> None:
        self.launch, self.direct, self.values = launch, direct, dict[str, np.ndarray]()
        self.read = launch.plan.read

    def take(self, name: str, index: tuple[int, ...]) -> None:
        """Bring an output tile here, and let the store forget it where nothing else will read it."""
        if name in self.direct:
            return
        if name in self.read and self.launch.plan.arrays[name].tiling.count == 1:
            return
        spec, tile = self.launch.plan.arrays[name], self.launch.tile(name, index)
        if spec.tiling.count == 1:
            self.launch.drop(name, index)
            self.values[name] = _owned(tile)
            return
        if name not in self.values:
            self.values[name] = np.empty(spec.tiling.shape, spec.dtype)
        self.values[name][spec.tiling.slices(index)] = tile
        del tile
        if name not in self.read:
            self.launch.drop(name, index)

    def all(self, names: Sequence[str]) -> tuple[np.ndarray, ...]:
        """The outputs in order; one that was asked for twice is two arrays."""
        firsts = (name not in names[:n] for n, name in enumerate(names))
        return tuple(
            self.value(name) if first else self.value(name).copy() for name, first in zip(names, firsts, strict=True)
        )

    def value(self, name: str) -> np.ndarray:
        """The whole output; read now where the plan did not have to compute it."""
        if name in self.direct:
            return self.direct[name].value()
        if name not in self.values:
            self.values[name] = _read(self.launch, name)
        return self.values[name]


def _read(launch: Launch, name: str) -> np.ndarray:
    """A whole array of the plan."""
    return np.array(launch.array(name).read([(0, n) for n in launch.plan.arrays[name].tiling.shape]), order="C")


def _owned(tile: np.ndarray) -> np.ndarray:
    """The tile as an array of the caller's own: itself where nobody else holds its memory."""
    if tile.base is None and tile.flags.c_contiguous:
        tile.setflags(write=True)
        return tile
    return np.array(tile, order="C")


def persist(*arrays: Any) -> Any:
    """Run, keep the tiles in the configured store, and return arrays that read them.

    An array of this process is put into a durable store too, and so sent to functions once, not by each run. Tiles in
    memory go with the last array that reads them; on a durable store they stay until `lambdarray clean` or the
    lifecycle rule removes them.
    """
    out = tuple(_keep(arrays, (), "")[0])
    return out[0] if len(out) == 1 else out


def run_now(kept: Sequence[Array], small: Sequence[Array], what: str) -> tuple[list[Array], list[np.ndarray]]:
    """Run now, since the shape of `what` depends on data: `kept` as `persist` returns them, and the values of `small`.

    Raises EagerError, with the price, under `la.config(eager=False)`.
    """
    return _keep(kept, small, what)


def _keep(kept: Sequence[Any], small: Sequence[Any], what: str) -> tuple[list[Array], list[np.ndarray]]:
    ops = ops_of([*kept, *small])
    config = chosen(ops, with_values(get_config()), results=False)
    made, objects = make(ops, config, purpose="persist")  # `compute` drops its tiles, and these are to stay
    if what and not config.eager:
        from .explain import price

        raise EagerError(
            f"the shape of {what} depends on values, and to find it would take a run of "
            f"{price(made, config, worker_count(config))}; allow it with la.config(eager=True)"
        )
    names, results = made.outputs[: len(kept)], made.outputs[len(kept) :]
    launch = Launch(made, objects, config, keep=names)
    run(launch, results=results)
    values = [_read(launch, name) for name in results]
    launch.forget()
    return [Array(_stored(op, launch, name)) for op, name in zip(ops, names, strict=False)], values


class _Holder:
    """Keeps the tiles of a persisted array in memory for as long as some expression reads them."""

    __slots__ = ("__weakref__",)


def _stored(op: Op, launch: Launch, name: str) -> Op:
    if not launch.stores(name):
        return op
    spec = launch.plan.arrays[name]
    # Memory that processes share has a place of its own; a durable store is known by the name that it was given.
    location = {k: v for k, v in spec.location.items() if k != "upload"}
    location["store"] = launch.config.store if launch.scratch.durable else launch.scratch.url
    holder = None
    if not launch.scratch.durable:
        holder = _Holder()
        weakref.finalize(holder, launch.scratch.delete_prefix, spec.location["prefix"])
    return Stored((), op.tiling, op.dtype, location=location, token=f"{launch.plan.key}/{name}", holder=holder)
