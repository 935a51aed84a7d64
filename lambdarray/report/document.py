"""The page of a run: figures, charts over time, what workers did, stages beside their predictions, what failed."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from .numbers import bytes_text, count_text, dollars_text, gflops_text, seconds_text, share_text, times_text
from .over_time import phases_chart, rates_chart, transfers_chart
from .style import PAGE, SHEET
from .tables import repeated_table, stages_table, stragglers_table
from .workers import rows_chart

Data = dict[str, Any]
WORKERS = {
    "threads": ("thread", "threads"),
    "processes": ("process", "processes"),
    "lambda": ("Lambda function", "Lambda functions"),
    "simulated": ("simulated worker", "simulated workers"),
}
READING = """
The effective rate is floating-point operations over the seconds that the caller waited. {of_peak} A worker is at one
thing at a time: starting, from its launch to its first task; waiting for tiles; computing, in kernels; writing, with
nothing else left to do; at work that was lost, because the attempt failed or another was first; or idle. Tiles are
fetched and written by other threads too, while kernels run. The lower bound is the greater of all inputs and outputs
once, and what products of matrices take with a worker's memory. Predictions are those of a stage's largest task, times
its tasks: upper bounds of bytes, and estimates of seconds.
"""


def whole(run: Data) -> str:
    """A page that needs nothing but itself."""
    title = escape(f"{_where(run)}: {gflops_text(run['rate']['gflops'])} in {seconds_text(run['seconds'])}")
    head = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>" + title + "</title>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<style>{SHEET}{PAGE}</style></head>"
    )
    sections = (
        rates_chart(run), phases_chart(run), rows_chart(run), transfers_chart(run), stages_table(run),
        stragglers_table(run), repeated_table(run), _reading(run),
    )  # fmt: skip
    return f"{head}<body><main class='la'>{_header(run)}{_figures(run)}{''.join(sections)}</main></body></html>\n"


def part(run: Data) -> str:
    """What notebooks show of it."""
    body = _header(run) + _figures(run) + rates_chart(run) + phases_chart(run)
    return f"<style>{SHEET}</style><div class='la'>{body}</div>"


def _where(run: Data) -> str:
    asked = run["workers"]["asked"]
    one, many = WORKERS[run["executor"]]
    return f"lambdarray on {asked:,} {one if asked == 1 else many}"


def _header(run: Data) -> str:
    what = ", ".join(dict.fromkeys(stage["op"] or stage["name"] for stage in run["stages"]))
    what = what if len(what) < 200 else f"{what[:200]} ..."
    when = f"{run['started_at'].replace('T', ' ').removesuffix('Z')} UTC" if run["started_at"] else "in virtual time"
    line = f"{what or 'nothing to compute'} · {when} · plan {run['plan'][:12]} · lambdarray {run['library']}"
    error = f"<div class='error'><b>The run failed.</b> {escape(run['error'])}</div>" if run["error"] else ""
    return f"<h1>{escape(_where(run))}</h1><p class='dim'>{escape(line)}</p>{error}"


def _figures(run: Data) -> str:
    cells = "".join(
        f"<div><span>{escape(label)}</span><b>{escape(value)}</b><span>{escape(more)}</span></div>"
        for label, value, more in _cells(run)
    )
    return f"<div class='figures'>{cells}</div>"


def _cells(run: Data) -> Iterator[tuple[str, str, str]]:
    rate, workers, tasks, moved = run["rate"], run["workers"], run["tasks"], run["bytes"]
    share = f", {share_text(rate['share_of_peak'])} of peak" if rate["share_of_peak"] else ""
    yield "effective rate", gflops_text(rate["gflops"]), f"{gflops_text(rate['gflops_per_core'])} a core{share}"
    said = f"quoted {seconds_text(run['quote']['seconds'])}" if run["quote"] else ""
    yield "time", seconds_text(run["seconds"]), said
    spent = run["worker_seconds"]
    there = workers["counted"] * run["seconds"]
    busy = f"of the time of {count_text(workers['counted'], 'worker')}"
    yield "computing", share_text(spent["computing_s"] / there if there else 0.0), busy
    again = ", ".join(
        f"{tasks[name]:,} {what}"
        for name, what in (
            ("resumed", "resumed"), ("failed", "failed"), ("lost", "lost"), ("retries", "retried"),
            ("speculated", "started twice"), ("cold_starts", "cold starts"),
        )
        if tasks[name]
    )  # fmt: skip
    done = (
        f"{tasks['done']:,}"
        if tasks["done"] + tasks["resumed"] == tasks["planned"]
        else f"{tasks['done']:,} of {tasks['planned']:,}"
    )
    yield "tasks", done, again or "each at its first attempt"
    ratios = [f"{times_text(moved['read_over_input'])} the input"] if moved["read_over_input"] else []
    if moved["moved_over_lower_bound"]:
        ratios.append(f"with writes {times_text(moved['moved_over_lower_bound'])} the lower bound")
    yield "read", bytes_text(moved["read_bytes"]), ", ".join(ratios)
    yield "written", bytes_text(moved["written_bytes"]), f"results {bytes_text(moved['output_bytes'])}"
    if money := run["dollars"]:
        per = f"{dollars_text(money['dollars_per_pflop'])} per PFLOP; " if money["dollars_per_pflop"] else ""
        parts = f"requests {dollars_text(money['request_dollars'])}; billed {seconds_text(spent['billed_s'])}"
        yield "cost", dollars_text(money["total_dollars"]), f"{per}{parts} of {workers['memory_mib']:,} MiB"


def _reading(run: Data) -> str:
    peak, machine = run["workers"]["peak_gflops_per_core"], run["workers"]["machine"]
    of_peak = (
        f"Peak is {gflops_text(peak)} a core in double precision, as the profile {machine} has it." if peak else ""
    )
    return f"<h2>How to read this</h2><p class='dim'>{escape(READING.format(of_peak=of_peak))}</p>"
