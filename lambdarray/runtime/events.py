"""Bundles as they arrive at a worker: the events that `executors.payload` writes, read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..task import Program, Task
from .executors import Attempt


class Decoder:
    """Reads the events of one run, and keeps its programs: the text of one that came before is not looked at."""

    def __init__(self) -> None:
        self.programs: dict[str, Program] = {}

    def meet(self, program: Program) -> None:
        """A program that comes for the first time."""

    def attempts(self, event: Mapping[str, Any]) -> list[Attempt]:
        """The event's attempts."""
        for name, data in event["programs"].items():
            if name not in self.programs:
                self.programs[name] = Program.from_json(data)
                self.meet(self.programs[name])
        deadline_s = event["deadline_s"]
        return [
            Attempt(Task.from_json(self.programs[program], task), id_, number, deadline_s)
            for program, task, id_, number in event["attempts"]
        ]
