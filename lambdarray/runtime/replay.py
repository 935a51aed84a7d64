"""A task as text, and running it again here, under a debugger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..store import open_array, open_store
from ..task import Program, Task, TaskReport
from ..tiling import Index
from .execution import Execution, load_now
from .prepared import Prepared
from .reading import Array


def task_text(task: Task) -> str:
    """All that is needed to run a task again, but for the tiles that it reads."""
    return json.dumps({"program": task.program.to_json(), "task": task.to_json()})


def replay(text: str, store_url: str, objects: Mapping[str, Any] | None = None) -> dict[tuple[str, Index], Array]:
    """Run a task from its text on the tiles at `store_url`: the tiles that it makes, by array and index.

    Nothing is written, and what a kernel raises is raised here. `objects` are the in-memory sources by token.
    """
    data = json.loads(text)
    task = Task.from_json(Program.from_json(data["program"]), data["task"])
    scratch = open_store(store_url)
    prepared = Prepared(task.program, lambda spec: open_array(spec, scratch, objects or {}))
    execution = Execution(prepared, task, load_now, lambda: None, TaskReport(0, 0))
    return {(write.name, index): tile for write, index, tile in execution.run()}
