"""Charts over time: the rate, what workers were at, and what they moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from .charts import binned, curve, frame, level, stacked, tips
from .numbers import gflops_text, seconds_text, share_text

Data = dict[str, Any]
HEIGHT = 190.0
TIPS = 120
HEADROOM = 1.08
PHASES = {
    "computing": "computing",
    "waiting": "waiting for tiles",
    "writing": "writing",
    "starting": "starting",
    "lost": "lost",
    "idle": "idle",
}


def end_of(run: Data) -> float:
    """Where the axis of time ends."""
    return float(max(run["seconds"], run["timeline"]["end_s"], 1e-6))


def section(title: str, told: str, body: str) -> str:
    """A heading, what there is to know, and what is shown."""
    return f"<section><h2>{escape(title)}</h2><p class='dim'>{escape(told)}</p>{body}</section>"


class Chart:
    """Series of a run over time, drawn to one scale up to `top`, and their legend."""

    def __init__(self, run: Data, top: float) -> None:
        self._end, self._bin, self._top = end_of(run), run["timeline"]["bin_s"], top
        self._drawn: list[str] = []
        self._shown: list[str] = []

    def curve(self, values: Sequence[float], colour: str, name: str) -> None:
        """A line of values, one for each bin."""
        found, each = binned(values)
        self._drawn.append(curve(found, HEIGHT, self._top, colour, self._share(len(found), each)))
        self._name(colour, "line", name)

    def level(self, value: float, name: str) -> None:
        """A dashed line at a value."""
        self._drawn.append(level(value, HEIGHT, self._top))
        self._name("currentColor", "line dash", name)

    def stack(self, layers: Mapping[str, Sequence[float]], names: Mapping[str, str]) -> None:
        """Areas on top of one another, coloured by phase; those without a name are not in the legend."""
        found = {layer: binned(values) for layer, values in layers.items()}
        count, each = max((len(values), each) for values, each in found.values())
        means = {layer: values for layer, (values, _) in found.items()}
        self._drawn.append(stacked(means, HEIGHT, self._top, self._share(count, each)))
        for layer, name in names.items():
            self._name(f"var(--{layer})", "", name)

    def tips(self, layers: Mapping[str, Sequence[float]], tell: Callable[[Mapping[str, float]], str]) -> None:
        """What to show where the pointer is: the time, and what `tell` says of the values there."""
        found = {layer: binned(values, TIPS) for layer, values in layers.items()}
        count, each = max((len(values), each) for values, each in found.values())
        said = [
            f"{seconds_text(n * each * self._bin)}: {tell({layer: values[n] for layer, (values, _) in found.items()})}"
            for n in range(count)
        ]
        self._drawn.append(tips(said, HEIGHT, self._share(count, each)))

    def html(self, unit: str, label: str, least_step: float = 0.0) -> str:
        """The legend and the drawing; marks on the axis of values are `least_step` apart or more."""
        legend = f"<div class='legend'>{''.join(self._shown)}</div>"
        return legend + frame("".join(self._drawn), HEIGHT, self._end, self._top, unit, label, least_step)

    def _share(self, count: int, each: int) -> float:
        """The share of the axis that so many values take, each of `each` bins."""
        return float(count * each * self._bin / self._end)

    def _name(self, colour: str, mark: str, name: str) -> None:
        style = f"background:{colour};border-color:{colour}"
        self._shown.append(f"<span><i class='{mark}' style='{style}'></i>{escape(name)}</span>")


def _scaled(values: Sequence[float], scale: float) -> list[float]:
    return [v * scale for v in values]


def rates_chart(run: Data) -> str:
    """GFLOPS over time, with the effective rate and the peak."""
    values, workers, mean = run["timeline"]["gflops"], run["workers"], run["rate"]["gflops"]
    if not any(values):
        return ""
    cores = workers["counted"] * workers["cores_each"]
    peak = (workers["peak_gflops_per_core"] or 0.0) * cores
    top = HEADROOM * max(*binned(values)[0], peak, mean)
    scale, unit = (1e-3, "TFLOPS") if top >= 2000 else (1.0, "GFLOPS") if top >= 1 else (1e3, "MFLOPS")
    chart = Chart(run, top * scale)
    chart.curve(_scaled(values, scale), "var(--computing)", "at the time")
    chart.level(mean * scale, f"effective: {gflops_text(mean)}, {gflops_text(mean / cores)} a core")
    if peak:
        chart.level(peak * scale, f"peak: {gflops_text(peak)}, {gflops_text(peak / cores)} a core")
    chart.tips({"gflops": values}, lambda at: _rate_text(at["gflops"], cores, peak))
    told = "Floating-point operations a second, spread evenly over the time of each task."
    return section("Rate", told, chart.html(unit, "the rate over time"))


def _rate_text(gflops: float, cores: float, peak: float) -> str:
    share = f", {share_text(gflops / peak)} of peak" if peak else ""
    return f"{gflops_text(gflops)}, {gflops_text(gflops / cores)} a core{share}"


def phases_chart(run: Data) -> str:
    """How many workers were at what, over time."""
    timeline, spent = run["timeline"], run["worker_seconds"]
    layers = {name: _scaled(timeline[f"{name}_s"], 1 / timeline["bin_s"]) for name in PHASES}
    total = sum(spent[f"{name}_s"] for name in PHASES) or 1.0
    names = {
        name: f"{what} {seconds_text(spent[f'{name}_s'])} ({share_text(spent[f'{name}_s'] / total)})"
        for name, what in PHASES.items()
        if spent[f"{name}_s"]
    }
    chart = Chart(run, float(run["workers"]["counted"]))
    chart.stack(layers, names)
    chart.tips(layers, lambda at: ", ".join(f"{PHASES[name]} {n:.3g}" for name, n in at.items() if n >= 0.005))
    told = "How many workers were at what; in the legend, worker seconds of the whole run."
    if starts := run["launches"]["longest"]:
        median, longest = seconds_text(run["launches"]["median_s"]), seconds_text(starts[0]["seconds"])
        told += f" From a launch to its first task it took about {median} at the median, and {longest} at most."
    return section("Workers", told, chart.html("workers", "what workers were at, over time", 1.0))


def transfers_chart(run: Data) -> str:
    """Bytes read and written a second."""
    spent = run["worker_seconds"]
    layers = {"read": run["timeline"]["read_mbps"], "written": run["timeline"]["written_mbps"]}
    top = HEADROOM * max(max(binned(values)[0]) for values in layers.values())
    if not top:
        return ""
    scale, unit = (1e-3, "GB/s") if top >= 2000 else (1.0, "MB/s")
    chart = Chart(run, top * scale)
    for name, colour in (("read", "waiting"), ("written", "writing")):
        chart.curve(_scaled(layers[name], scale), f"var(--{colour})", name)
    chart.tips(layers, lambda at: f"read {at['read']:,.3g} MB/s, written {at['written']:,.3g} MB/s")
    told = (
        f"Fetching took {seconds_text(spent['fetching_io_s'])} of all threads, of which workers waited "
        f"{seconds_text(spent['waiting_s'])}; writing {seconds_text(spent['writing_io_s'])}, of which they waited "
        f"{seconds_text(spent['writing_s'])}. What a task reads and writes is spread evenly over its time."
    )
    return section("Transfers", told, chart.html(unit, "bytes read and written, over time"))
