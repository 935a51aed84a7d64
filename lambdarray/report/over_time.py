"""Charts over time: the rate, what workers were at, and what they moved."""

from __future__ import annotations

from html import escape
from typing import Any

from .charts import binned, curve, frame, level, stacked, tips
from .numbers import gflops_text, seconds_text, share_text

Data = dict[str, Any]
HEIGHT = 190.0
TIPS = 120
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
    return max(run["seconds"], run["timeline"]["end_s"], 1e-6)


def share_of(run: Data, count: int, each: int) -> float:
    """The share of the axis that so many values take, each of `each` bins."""
    return float(count * each * run["timeline"]["bin_s"] / end_of(run))


def section(title: str, told: str, body: str) -> str:
    """A heading, what there is to know, and what is shown."""
    return f"<section><h2>{escape(title)}</h2><p class='dim'>{escape(told)}</p>{body}</section>"


def legend(entries: list[tuple[str, str, str]]) -> str:
    """Colours (CSS), marks ("", "line" or "line dash") and names."""
    out = "".join(
        f"<span><i class='{mark}' style='background:{colour};border-color:{colour}'></i>{escape(name)}</span>"
        for colour, mark, name in entries
    )
    return f"<div class='legend'>{out}</div>"


def rates_chart(run: Data) -> str:
    """Effective GFLOPS over time, with the mean and the peak."""
    values, each = binned(run["timeline"]["gflops"])
    if not any(values):
        return ""
    workers, mean = run["workers"], run["rate"]["gflops"]
    cores = workers["counted"] * workers["cores_each"]
    peak = (workers["peak_gflops_per_core"] or 0.0) * cores
    top = 1.08 * max(*values, peak, mean)
    scale, unit = (1e-3, "TFLOPS") if top >= 2000 else (1.0, "GFLOPS") if top >= 1 else (1e3, "MFLOPS")
    share = share_of(run, len(values), each)
    drawn = curve([v * scale for v in values], HEIGHT, top * scale, "var(--computing)", share)
    drawn += level(mean * scale, HEIGHT, top * scale)
    shown = [("var(--computing)", "line", "at the time"), ("currentColor", "line dash", f"effective: {gflops_text(mean)}")]
    if peak:
        drawn += level(peak * scale, HEIGHT, top * scale)
        shown.append(("currentColor", "line dash", f"peak: {gflops_text(peak)}"))
    few, every = binned(run["timeline"]["gflops"], TIPS)
    step = every * run["timeline"]["bin_s"]
    said = [
        f"{seconds_text(n * step)}: {gflops_text(v)}" + (f", {share_text(v / peak)} of peak" if peak else "")
        for n, v in enumerate(few)
    ]
    drawn += tips(said, HEIGHT, share_of(run, len(few), every))
    told = "Floating-point operations a second, spread evenly over the time of each task."
    return section(
        "Rate", told, legend(shown) + frame(drawn, HEIGHT, end_of(run), top * scale, unit, "the rate over time")
    )


def phases_chart(run: Data) -> str:
    """How many workers were at what, over time."""
    timeline, spent, top = run["timeline"], run["worker_seconds"], float(run["workers"]["counted"])
    layers = {name: [v / timeline["bin_s"] for v in timeline[f"{name}_s"]] for name in PHASES}
    means = {name: binned(values) for name, values in layers.items()}
    each = means["idle"][1]
    drawn = stacked(
        {name: values for name, (values, _) in means.items()}, HEIGHT, top, share_of(run, len(means["idle"][0]), each)
    )
    few = {name: binned(values, TIPS) for name, values in layers.items()}
    every = few["idle"][1]
    said = [
        f"{seconds_text(n * every * timeline['bin_s'])}: "
        + ", ".join(f"{PHASES[name]} {values[n]:.3g}" for name, (values, _) in few.items() if values[n] >= 0.005)
        for n in range(len(few["idle"][0]))
    ]
    drawn += tips(said, HEIGHT, share_of(run, len(said), every))
    total = sum(spent[f"{name}_s"] for name in PHASES) or 1.0
    shown = [
        (f"var(--{name})", "", f"{what} {seconds_text(spent[f'{name}_s'])} ({share_text(spent[f'{name}_s'] / total)})")
        for name, what in PHASES.items()
        if spent[f"{name}_s"]
    ]
    told = "How many workers were at what; in the legend, worker seconds of the whole run."
    if starts := run["launches"]["longest"]:
        median, longest = seconds_text(run["launches"]["median_s"]), seconds_text(starts[0]["seconds"])
        told += f" From a launch to its first task it took {median} at the median, and {longest} at most."
    return section(
        "Workers",
        told,
        legend(shown) + frame(drawn, HEIGHT, end_of(run), top, "workers", "what workers were at, over time"),
    )


def transfers_chart(run: Data) -> str:
    """Bytes read and written a second."""
    timeline, spent = run["timeline"], run["worker_seconds"]
    (read, each), (written, _) = binned(timeline["read_mbps"]), binned(timeline["written_mbps"])
    top = 1.08 * max(*read, *written)
    if not top:
        return ""
    scale, unit = (1e-3, "GB/s") if top >= 2000 else (1.0, "MB/s")
    share = share_of(run, len(read), each)
    drawn = "".join(
        curve([v * scale for v in values], HEIGHT, top * scale, f"var(--{colour})", share)
        for values, colour in ((read, "waiting"), (written, "writing"))
    )
    shown = [("var(--waiting)", "line", "read"), ("var(--writing)", "line", "written")]
    told = (
        f"Fetching took {seconds_text(spent['fetching_io_s'])} of all threads, of which workers waited "
        f"{seconds_text(spent['waiting_s'])}; writing {seconds_text(spent['writing_io_s'])}, of which they waited "
        f"{seconds_text(spent['writing_s'])}. What a task reads and writes is spread evenly over its time."
    )
    return section(
        "Transfers",
        told,
        legend(shown) + frame(drawn, HEIGHT, end_of(run), top * scale, unit, "bytes read and written, over time"),
    )


