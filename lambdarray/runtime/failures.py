"""The final error of a task: what failed, where the user made it, what the worker said, what to do."""

from __future__ import annotations

from ..errors import (
    MatrixError,
    TaskCrashedError,
    TaskError,
    TaskMemoryError,
    TaskTimeoutError,
    UserFunctionError,
    VerificationError,
)
from ..task import Task, TaskReport
from .decisions import Policy

KINDS: dict[str, tuple[type[TaskError], str]] = {
    "user_error": (UserFunctionError, "the function that was passed to it failed"),
    "matrix_error": (MatrixError, "its matrix does not allow it"),
    "timeout": (
        TaskTimeoutError,
        "no attempt ended within task_timeout_s={timeout:g} s; use smaller chunks, or more memory_mib for more CPU",
    ),
    "silent": (
        TaskTimeoutError,
        "no attempt was heard of within task_timeout_s={timeout:g} s and its outputs do not exist; "
        "see the workers' logs, or use smaller chunks",
    ),
    "memory": (TaskMemoryError, "every attempt ran out of memory; use smaller chunks or a larger memory_mib"),
    "wrong": (VerificationError, "what was to be verified is not as it should be"),
    "crashed": (TaskCrashedError, "every attempt ended its worker's process"),
    "unknown": (TaskError, "the connection to every attempt was lost and its outputs do not exist"),
    "error": (TaskError, "every attempt failed"),
}


def final_error(task: Task, attempts: int, report: TaskReport, policy: Policy) -> TaskError:
    """The error for a task that will not be tried again, after its last report."""
    kind, meaning = KINDS.get(report.status, KINDS["error"])
    tiles = ", ".join(f"{array}{list(index)}" for array, index in task.outputs()[:3])
    tried = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    message = f"{task.program.op}: task {task.name}, which makes {tiles or 'nothing'}, failed after {tried}"
    message += f"; {meaning.format(timeout=policy.task_timeout_s)}"
    if report.error:
        message += f": {report.error.removeprefix(kind.__name__ + ': ').removeprefix('Disagreement: ')}"
    return kind(
        message,
        task=task.name,
        where=task.program.where,
        attempts=attempts,
        remote_traceback=report.traceback,
        log=report.log,
    )


def refused_error(seconds: float, refusals: int, waiting: int) -> TaskError:
    """The error for a run that its executor kept refusing."""
    return TaskError(
        f"nothing finished for {seconds:.0f} s while the executor refused to start tasks ({refusals} refusals so far, "
        f"{waiting} tasks not done); other work holds the concurrency: lower workers=, raise the function's or the "
        "account's concurrency, or try again later; what is finished is kept"
    )
