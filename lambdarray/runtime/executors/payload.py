"""Bundles as the events that a function takes: JSON of less than 6 MB, each program's text once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256

from ...errors import PlanError
from ...task import Program
from . import Attempt

# Lambda's limit is 6 MB; the answer has its own, and a task's report is longer than its event.
LIMIT_BYTES = 5 << 20
ATTEMPTS_LIMIT = 8192


class Encoder:
    """Writes the events of one run."""

    def __init__(self, version: str, store: str, run: str) -> None:
        head = {"version": version, "store": store, "run": run}
        self._head = json.dumps(head)[:-1]
        self._programs: dict[Program, tuple[str, str]] = {}

    def encode(self, bundle: Sequence[Attempt], known: set[str] | None = None) -> list[tuple[Sequence[Attempt], bytes]]:
        """The bundle's events: one, or several where that would be too long.

        Where one worker gets all events, `known` are the names of the programs that it has; they grow.
        """
        if len(bundle) <= ATTEMPTS_LIMIT:
            programs = dict(self._program(p) for p in {a.task.program: None for a in bundle})
            body = self._event(bundle, {name: text for name, text in programs.items() if name not in (known or ())})
            if len(body) <= LIMIT_BYTES:
                if known is not None:
                    known.update(programs)
                return [(bundle, body)]
            if len(bundle) == 1:
                raise PlanError(
                    f"task {bundle[0].task.name} is {len(body)} bytes as text and a request may have {LIMIT_BYTES}; "
                    "use larger chunks, so that arrays have fewer and regular ones"
                )
        half = len(bundle) // 2
        return self.encode(bundle[:half], known) + self.encode(bundle[half:], known)

    def _event(self, bundle: Sequence[Attempt], programs: Mapping[str, str]) -> bytes:
        texts = ",".join(f'"{name}":{text}' for name, text in programs.items())
        rows = [[self._program(a.task.program)[0], a.task.to_json(), a.id, a.number] for a in bundle]
        attempts = json.dumps(rows, separators=(",", ":"))
        deadlines = [a.deadline_s for a in bundle]
        times = f'"deadline_s":{json.dumps(min(deadlines))},"limit_s":{json.dumps(sum(deadlines))}'
        return f'{self._head},{times},"programs":{{{texts}}},"attempts":{attempts}}}'.encode()

    def _program(self, program: Program) -> tuple[str, str]:
        """The program's name, which is a hash of its text, and that text."""
        found = self._programs.get(program)
        if found is None:
            text = json.dumps(program.to_json(), separators=(",", ":"))
            found = self._programs[program] = (sha256(text.encode()).hexdigest()[:16], text)
        return found
