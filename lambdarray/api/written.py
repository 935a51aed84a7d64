"""Reports that the settings want written: where they go is looked at before a run, and they are written after it."""

from __future__ import annotations

import warnings
from pathlib import Path

from ..config import Config
from ..errors import StoreError
from ..runtime.summary import RunReport


def check_place(config: Config) -> None:
    """Raise StoreError, before any task runs, where there can be no file at the place for reports."""
    if config.report is None:
        return
    path = Path(config.report).expanduser()
    try:
        (path.parent if path.suffix in (".html", ".json") else path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"report={config.report!r} cannot be written: {error.strerror or error}") from None


def write(report: RunReport, config: Config) -> None:
    """Write the report where the settings say; a run that is over is not lost because its report cannot be."""
    if config.report is None:
        return
    try:
        report.save(config.report)
    except Exception as error:
        told = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
        warnings.warn(f"the run's report was not written: {told}", RuntimeWarning, stacklevel=3)
