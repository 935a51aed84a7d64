"""The errors that lambdarray raises: each is a LambdarrayError and the builtin that fits.

LambdarrayError
├── ConfigError            (ValueError)        a setting that cannot be
├── PlanError              (ValueError)        a plan that breaks a rule: a defect of the planner
├── MemoryLimitError       (MemoryError)       a task that cannot fit its worker
├── BudgetError            (ValueError)        a run that would cost more than it may
├── UnpicklableError       (TypeError)         a user's function that cannot leave this process
├── EagerError             (RuntimeError)      a run that only a shape asks for, where la.config(eager=False)
├── AccessError            (PermissionError)   no credentials, no permission, outside the grant
├── DeploymentError        (RuntimeError)      no function, or not the one this client needs
│   └── VersionMismatchError
├── StoreError             (OSError)           a store that cannot be used
│   ├── MissingTileError   (FileNotFoundError) a tile that should be there is not
│   ├── CorruptTileError   (OSError)           a tile whose bytes are not what was written
│   └── TargetExistsError  (FileExistsError)   a save onto data that is not this plan's
├── TaskError              (RuntimeError)      a task that failed for good
│   ├── MatrixError        (LinAlgError)       a matrix that is singular, not positive definite, does not converge
│   ├── UserFunctionError                      a user's own function raised, or returned what does not fit
│   ├── VerificationError  (ArithmeticError)   a result that a check found to be wrong
│   ├── TaskTimeoutError   (TimeoutError)      every attempt ran out of time
│   ├── TaskMemoryError    (MemoryError)       every attempt ran out of memory
│   └── TaskCrashedError                       the worker's process ended
└── RunInterrupted         (KeyboardInterrupt) Ctrl-C; what is finished is kept
"""

from __future__ import annotations

from numpy import linalg


class LambdarrayError(Exception):
    """Base of every error that lambdarray itself raises."""


class ConfigError(LambdarrayError, ValueError):
    """A setting that cannot be."""


class PlanError(LambdarrayError, ValueError):
    """A plan that breaks a rule of plans; always a defect of the planner, never of the user."""


class MemoryLimitError(LambdarrayError, MemoryError):
    """A task that cannot fit its worker; says by how much and which setting would let it."""


class BudgetError(LambdarrayError, ValueError):
    """A run that would cost more than `max_dollars`, or a choice that no plan allows.

    Of a run that stopped, `spent_dollars` are billed or charged and `left_dollars` left, fewer than the
    `needed_dollars` that its next task may cost; `done` of `total` tasks are done.
    """

    def __init__(
        self,
        message: str,
        *,
        spent_dollars: float = 0.0,
        left_dollars: float = 0.0,
        needed_dollars: float = 0.0,
        done: int = 0,
        total: int = 0,
    ) -> None:
        super().__init__(message)
        self.spent_dollars, self.left_dollars, self.needed_dollars = spent_dollars, left_dollars, needed_dollars
        self.done, self.total = done, total


class UnpicklableError(LambdarrayError, TypeError):
    """A user's function that is to run elsewhere and cannot be pickled; says what of it."""


class EagerError(LambdarrayError, RuntimeError):
    """A run that a shape which depends on data asks for, under `la.config(eager=False)`; says what it would cost."""


class AccessError(LambdarrayError, PermissionError):
    """No credentials, no permission, or a place outside what the deployment was granted."""


class DeploymentError(LambdarrayError, RuntimeError):
    """The function is not deployed, or not as this client needs it; or a worker process cannot start."""


class VersionMismatchError(DeploymentError):
    """The deployed function was made from another version of lambdarray than this client's."""


class StoreError(LambdarrayError, OSError):
    """A store that cannot be used."""


class MissingTileError(StoreError, FileNotFoundError):
    """A tile that a task needs is not in its store; a missing tile is never read as zeros."""


class CorruptTileError(StoreError):
    """A tile whose bytes are not those that were written."""


class TargetExistsError(StoreError, FileExistsError):
    """A save onto data that this plan did not make."""


class TaskError(LambdarrayError, RuntimeError):
    """A task that failed for good, with all that is needed to find out why.

    `task` is the stage and index, `where` the user's own line that made the op, `attempts` how often it
    was tried, `remote_traceback` and `log` what the worker said.
    """

    def __init__(
        self,
        message: str,
        *,
        task: str = "",
        where: str = "",
        attempts: int = 0,
        remote_traceback: str = "",
        log: str = "",
    ) -> None:
        parts = [message]
        if where:
            parts.append(f"made at {where}")
        if remote_traceback:
            parts.append(f"the worker's traceback:\n{remote_traceback.rstrip()}")
        if log:
            parts.append(f"the worker's log:\n{log.rstrip()}")
        super().__init__("\n".join(parts))
        self.task, self.where, self.attempts = task, where, attempts
        self.remote_traceback, self.log = remote_traceback, log


class MatrixError(TaskError, linalg.LinAlgError):
    """A task found that what was asked does not exist for its matrix: it is numpy.linalg.LinAlgError too."""


class UserFunctionError(TaskError):
    """A function that the user passed raised an exception, or returned what does not fit."""


class VerificationError(TaskError, ArithmeticError):
    """A result that is not what it should be, as the check that `verify=True` asked for found; says by how much."""


class TaskTimeoutError(TaskError, TimeoutError):
    """Every attempt of a task ran out of time."""


class TaskMemoryError(TaskError, MemoryError):
    """Every attempt of a task ran out of memory."""


class TaskCrashedError(TaskError):
    """Every attempt of a task ended its worker's process."""


class RunInterrupted(LambdarrayError, KeyboardInterrupt):  # noqa: N818 - as KeyboardInterrupt
    """Ctrl-C: the run stopped, finished tiles are kept, and the same expression resumes from them."""
