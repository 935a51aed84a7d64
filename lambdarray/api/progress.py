"""What a run has done so far, while it runs: a bar in a terminal, in a notebook one that is drawn.

Tasks done, GFLOPS and dollars so far, and the seconds that are left, by the work that is left and not by its tasks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from shutil import get_terminal_size
from time import monotonic
from typing import Any, Protocol, TextIO

from ..config import Config
from ..runtime.summary import RunReport

WIDTH = 24
SHOWN_AFTER_S = 0.5
EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is; `left_s` is None before anything is known."""

    done: int
    total: int
    seconds: float
    share: float
    left_s: float | None
    gflops: float
    dollars: float

    @classmethod
    def of(cls, report: RunReport, done: int, total: int, seconds: float) -> State:
        """Of a run that has done so many tasks in so many seconds, those that need not run among them."""
        finished, left = predicted_work(report, done, total)
        share = finished / (finished + left) if finished + left else done / max(total, 1)
        left_s = seconds * left / finished if finished else None
        return cls(
            done, total, seconds, share, left_s, report.flops / seconds / 1e9 if seconds else 0.0, report.dollars
        )

    def text(self) -> str:
        """In half a line."""
        parts = [f"{self.done:,}/{self.total:,} tasks"]
        if self.gflops >= 0.05:
            parts.append(f"{self.gflops:,.1f} GFLOPS")
        if self.dollars:
            parts.append(f"${self.dollars:,.{2 if self.dollars >= 1 else 4}f}")
        parts.append(_time_text(self.seconds))
        if self.left_s is not None and self.done < self.total:
            parts.append(f"about {_time_text(self.left_s)} left")
        return ", ".join(parts)


def predicted_work(report: RunReport, done: int, total: int) -> tuple[float, float]:
    """Predicted worker seconds of what this run has finished, and of what is left.

    What had been finished before is neither: it is taken to be as the rest.
    """
    finished = sum(stage.done * stage.predicted.seconds for stage in report.stages)
    rest = sum((stage.tasks - stage.done) * stage.predicted.seconds for stage in report.stages)
    other = total - report.done
    return finished, rest * (total - done) / other if other else 0.0


class Display(Protocol):
    """Where progress is shown."""

    def show(self, state: State) -> None:
        """Show this in place of what was shown before."""

    def close(self) -> None:
        """Leave what is shown, and go on below it."""


class Terminal:
    """A line of text that is written again and again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._width = stream, 0

    def show(self, state: State) -> None:
        """A bar of signs and the text, as much as fits into a line."""
        full = int(WIDTH * state.share)
        line = f"[{'#' * full}{'-' * (WIDTH - full)}] {state.text()}"[: get_terminal_size((120, 24)).columns - 1]
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def close(self) -> None:
        """End the line."""
        self._stream.write("\n")
        self._stream.flush()


class Notebook:
    """An output of a notebook that is drawn again and again; `display` is IPython's."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display, self._handle = display, None

    def show(self, state: State) -> None:
        """A bar and the text below it."""
        shown = Markup(state)
        if self._handle is None:
            self._handle = self._display(shown, display_id=True)
        else:
            self._handle.update(shown)

    def close(self) -> None:
        """Leave it as it is."""


class Markup:
    """A state as notebooks show it, and as text where they show none."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __repr__(self) -> str:
        return self._state.text()

    def _repr_html_(self) -> str:
        full = f"width:{100 * self._state.share:.1f}%;height:8px;border-radius:4px;background:#1b74b3"
        bar = f"<div style='max-width:30em;border-radius:4px;background:#8884'><div style='{full}'></div></div>"
        return f"{bar}<div style='font-variant-numeric:tabular-nums'>{escape(self._state.text())}</div>"


class Progress:
    """Shows how far a run is once it has taken half a second; `done, total` are told as they change."""

    def __init__(self, report: RunReport, display: Display, clock: Callable[[], float] = monotonic) -> None:
        self._report, self._display, self._clock = report, display, clock
        self._begin, self._last, self._shown = clock(), 0.0, False

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if now - self._begin < SHOWN_AFTER_S or (now - self._last < EVERY_S and done < total):
            return
        self._last, self._shown = now, True
        self._display.show(State.of(self._report, done, total, now - self._begin))

    def close(self) -> None:
        """End what is shown."""
        if self._shown:
            self._display.close()


def progress_for(config: Config, report: RunReport) -> Progress | None:
    """Progress where the settings ask for it, or leave it open and there is a terminal or a notebook to see it."""
    display = _notebook()
    wanted = (display is not None or sys.stderr.isatty()) if config.progress is None else config.progress
    return Progress(report, display or Terminal(sys.stderr)) if wanted else None


def _notebook() -> Display | None:
    """The notebook that this process is the kernel of, if it is; IPython is not loaded to find out."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return Notebook(display)


def _time_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
