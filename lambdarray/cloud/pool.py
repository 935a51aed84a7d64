"""All environments: which one runs an invocation, how many there may be, and when they end."""

from __future__ import annotations

import asyncio
import time
from itertools import count

from lambdarray.cloud.environments import Environment, Launch
from lambdarray.cloud.faults import throttled
from lambdarray.cloud.functions import Function, FunctionRegistry

WATCH_SECONDS = 0.02
# Every so many looks at memory, children count too, which takes longer, and the idle grow old.
FULL_LOOK_EVERY = 10


class EnvironmentPool:
    """Hands out idle environments, makes new ones within the limits, watches the busy ones' memory.

    There is one thread, the event loop's, so that a limit is checked and taken in one step.
    """

    def __init__(
        self,
        functions: FunctionRegistry,
        launch: Launch,
        memory_budget_mib: int,
        idle_seconds: float,
    ) -> None:
        self._functions, self._launch = functions, launch
        self._budget_mib, self._idle_seconds = memory_budget_mib, idle_seconds
        self._live: dict[str, list[Environment]] = {}
        functions.on_change = self.retire

    def acquire(self, function: Function) -> Environment:
        """An environment for one invocation; raises the fault that says which limit is reached."""
        self._require_concurrency(function)
        revision = function.revision
        idle = [e for e in self._live.get(function.name, []) if not e.busy and e.version.revision == revision]
        # The one that was used last: the others may then end, as idle ones do.
        chosen = max(idle, key=lambda e: e.idle_since) if idle else self._make(function)
        chosen.busy = True
        return chosen

    def _require_concurrency(self, function: Function) -> None:
        busy = self._busy(function.name)
        if function.reserved_concurrency is not None:
            if busy >= function.reserved_concurrency:
                raise throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
            return
        reserved = self._functions.reserved_functions()
        unreserved = sum(self._busy(name) for name in self._live if name not in reserved)
        if unreserved >= self._functions.account_concurrency - self._functions.reserved_total():
            raise throttled("ConcurrentInvocationLimitExceeded")

    def _busy(self, name: str) -> int:
        return sum(environment.busy for environment in self._live.get(name, []))

    def _make(self, function: Function) -> Environment:
        self._make_room(function.settings["MemorySize"])
        environment = Environment(function.version(), self._launch)
        self._live.setdefault(function.name, []).append(environment)
        return environment

    def _make_room(self, memory_mib: int) -> None:
        """End idle environments, the longest idle first; one environment is always allowed."""
        everyone = [e for environments in self._live.values() for e in environments]
        used = sum(e.version.memory_mib for e in everyone)
        for environment in sorted((e for e in everyone if not e.busy), key=lambda e: e.idle_since):
            if used + memory_mib <= self._budget_mib:
                return
            used -= environment.version.memory_mib
            self._end(environment)
        if used and used + memory_mib > self._budget_mib:
            raise throttled("ConcurrentInvocationLimitExceeded")

    def release(self, environment: Environment) -> None:
        """The invocation is over."""
        environment.busy, environment.idle_since = False, time.monotonic()
        if environment.dead or environment.retired:
            self._end(environment)

    def retire(self, name: str) -> None:
        """The function was changed or deleted: idle environments end now, busy ones after their invocation."""
        for environment in list(self._live.get(name, [])):
            if environment.busy:
                environment.retired = True
            else:
                self._end(environment)

    def _end(self, environment: Environment) -> None:
        environment.close()
        live = self._live[environment.version.name]
        if environment in live:
            live.remove(environment)

    async def watch(self) -> None:
        """Run until cancelled: memory of the busy, age of the idle."""
        for look in count():
            await asyncio.sleep(WATCH_SECONDS)
            for environments in self._live.values():
                for environment in environments:
                    environment.check_memory(family=look % FULL_LOOK_EVERY == 0)
            if look % FULL_LOOK_EVERY == 0:
                self._end_idle(time.monotonic() - self._idle_seconds)

    def _end_idle(self, before: float) -> None:
        everyone = [e for environments in self._live.values() for e in environments]
        for environment in everyone:
            if not environment.busy and environment.idle_since < before:
                self._end(environment)

    def close(self) -> None:
        """End all environments."""
        for environments in self._live.values():
            for environment in list(environments):
                self._end(environment)
