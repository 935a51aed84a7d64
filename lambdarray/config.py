"""Settings: a frozen value, changed by `la.config(...)` (a call or a block) or by LAMBDARRAY_* variables."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields, replace
from numbers import Integral, Real
from threading import Lock
from typing import Any

from .errors import ConfigError

EXECUTORS = ("threads", "processes", "lambda", "simulated")
LOCAL = ("threads", "processes")
OBJECTIVES = ("time", "dollars")


@dataclass(frozen=True, slots=True)
class Config:
    """How and where expressions run.

    executor        "threads" or "processes" (this machine), "lambda" (AWS) or "simulated" (virtual time, no results)
    store           where tiles live: "memory://", a directory, or "s3://bucket/prefix"
    workers         tasks at once; None: the machine's cores, or the account's concurrency (at most 1,000)
    memory_mib      memory of a worker in MiB; None: a share of this machine, or the function's own size
    function        the deployed function's name
    region          the AWS region; None: as boto3 finds it
    retries         attempts after the first before a task fails for good
    task_timeout_s  seconds that an attempt may take
    bundle_s        predicted seconds of work that one invocation is given at most
    speculate       whether stragglers are started a second time
    max_dollars     what all runs under this setting may cost together, in US dollars; None: no limit
    objective       what the planner makes least within max_dollars and deadline: "time" or "dollars"
    deadline        seconds that a run may be predicted to take; None: any
    implicit_mib    the most MiB that np.asarray(x), x.item() and the like compute without being asked by compute();
                    None: no limit
    eager           whether a run may be made to count what a shape that depends on data needs
    verify          whether products and factorisations check themselves, where they are not told by verify=
    progress        whether a progress bar is shown; None: where standard error is a terminal, and in notebooks
    report          where each run's report is written: a file .html or .json, or a directory; None: nowhere
    profile         what a worker is in numbers: the name of a shipped profile, or a file; None: the executor's own
    """

    executor: str = "threads"
    store: str = "memory://"
    workers: int | None = None
    memory_mib: int | None = None
    function: str = "lambdarray"
    region: str | None = None
    retries: int = 4
    task_timeout_s: float = 870.0
    bundle_s: float = 300.0
    speculate: bool = True
    max_dollars: float | None = None
    objective: str = "time"
    deadline: float | None = None
    implicit_mib: int | None = 1024
    eager: bool = True
    verify: bool = False
    progress: bool | None = None
    report: str | None = None
    profile: str | None = None

    @property
    def local(self) -> bool:
        """Whether the workers share this machine."""
        return self.executor in LOCAL

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise ConfigError(f"executor={self.executor!r} is not one of {', '.join(map(repr, EXECUTORS))}")
        if self.objective not in OBJECTIVES:
            raise ConfigError(f"objective={self.objective!r} is not one of {', '.join(map(repr, OBJECTIVES))}")
        for name, (least, most) in LIMITS.items():
            _check_number(name, getattr(self, name), least, most)
        for name, why in (("deadline", "it is no time to end by"), ("task_timeout_s", "nothing is done in it")):
            if getattr(self, name) == 0:
                raise ConfigError(f"{name}={getattr(self, name)!r} must be above 0 seconds: {why}")
        if not isinstance(self.verify, bool):
            raise ConfigError(f"verify={self.verify!r} is neither True nor False")
        if self.executor == "lambda" and "://" in self.store and not self.store.startswith("s3://"):
            raise ConfigError(f"executor='lambda' needs a store that functions reach, not {self.store!r}")


# The least and the most that a number may be; what has whole ones is in `KINDS` as such.
LIMITS: dict[str, tuple[float, float]] = {
    "workers": (1, math.inf), "memory_mib": (128, math.inf), "retries": (0, math.inf), "implicit_mib": (0, math.inf),
    "task_timeout_s": (0, 900), "bundle_s": (0, math.inf), "max_dollars": (0, math.inf), "deadline": (0, math.inf),
}  # fmt: skip
OPTIONAL = ("workers", "memory_mib", "implicit_mib", "max_dollars", "deadline")


def _check_number(name: str, value: Any, least: float, most: float) -> None:
    """ConfigError for what is no number, no whole one where it has to be one, or out of range."""
    if value is None and name in OPTIONAL:
        return
    kind: Any = Integral if KINDS[name] is int else Real
    is_number = isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number:
        what = "a whole number" if kind is Integral else "a finite number"
        raise ConfigError(f"{name}={value!r} is not {what}{' or None' if name in OPTIONAL else ''}")
    if value < least:
        raise ConfigError(f"{name}={value!r} is too small; it must be at least {least:g}")
    if value > most:
        raise ConfigError(f"{name}={value!r} is too large; it must be at most {most:g}")


KINDS: dict[str, Any] = dict.fromkeys(("workers", "memory_mib", "retries", "implicit_mib"), int)
KINDS |= dict.fromkeys(("speculate", "progress", "eager", "verify"), bool)
KINDS |= dict.fromkeys(("task_timeout_s", "bundle_s", "max_dollars", "deadline"), float)
TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _from_text(name: str, text: str) -> Any:
    kind = KINDS.get(name, str)
    try:
        return TRUTH[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise ConfigError(
            f"LAMBDARRAY_{name.upper()}={text!r} is not a valid {kind.__name__}; "
            f"unset it or give {'true or false' if kind is bool else 'a number'}"
        ) from None


def _from_environment() -> Config:
    names = (f.name for f in fields(Config))
    found = {name: os.environ.get(f"LAMBDARRAY_{name.upper()}", "") for name in names}
    return Config(**{name: _from_text(name, text) for name, text in found.items() if text})


# Money is counted in whole numbers of this, so that what is taken and given back leaves no rest.
UNITS_PER_DOLLAR = 10**12
_counting = Lock()


class Purse:
    """What is left of one `max_dollars`: all runs under the setting share it, also those of blocks inside its block.

    >>> purse = Purse(2.0)
    >>> purse.take(15 * 10**11), purse.take(6 * 10**11), purse.left_dollars
    (True, False, 0.5)
    """

    def __init__(self, max_dollars: float | None = None, outer: Purse | None = None) -> None:
        self.most = math.inf if max_dollars is None else math.floor(max_dollars * UNITS_PER_DOLLAR)
        self.used, self.outer = 0, outer

    @property
    def left(self) -> float:
        """What may yet be spent; infinity without a limit."""
        own = self.most - self.used
        return own if self.outer is None else min(own, self.outer.left)

    @property
    def left_dollars(self) -> float:
        """The same in dollars."""
        return self.left / UNITS_PER_DOLLAR

    def take(self, units: int) -> bool:
        """Spend this, or nothing and say False where it is more than is left."""
        with _counting:
            if units > self.left:
                return False
            self._add(units)
            return True

    def give_back(self, units: int) -> None:
        """What was taken and not spent; a negative number was spent beyond it."""
        with _counting:
            self._add(-units)

    def _add(self, units: int) -> None:
        self.used += units
        if self.outer is not None:
            self.outer._add(units)


_current: Config | None = None
_purse: Purse | None = None


def get_purse() -> Purse:
    """What is left of the `max_dollars` in force."""
    global _purse
    if _purse is None:
        _purse = Purse(get_config().max_dollars)
    return _purse


def get_config() -> Config:
    """The settings in force; the environment is read at the first call."""
    global _current
    if _current is None:
        _current = _from_environment()
    return _current


class config:  # noqa: N801 - used as a function
    """Change settings: for the process when called, for a block when used with `with`.

    Raises ConfigError (a ValueError) for an unknown or impossible setting.

    >>> with config(workers=2) as c:
    ...     c.workers
    2
    """

    def __init__(self, **settings: Any) -> None:
        global _current, _purse
        self._before, self._purse_before = get_config(), get_purse()
        unknown = sorted(set(settings) - {f.name for f in fields(Config)})
        if unknown:
            known = ", ".join(f.name for f in fields(Config))
            raise ConfigError(f"no setting named {', '.join(unknown)}; there are: {known}")
        self._after = _current = replace(self._before, **settings)
        if "max_dollars" in settings:
            _purse = Purse(self._after.max_dollars)

    def __enter__(self) -> Config:
        if _purse is not None and _purse is not self._purse_before and _purse.most < math.inf:
            _purse.outer = self._purse_before
        return self._after

    def __exit__(self, *exc: object) -> None:
        global _current, _purse
        _current, _purse = self._before, self._purse_before
