"""Tables: stages beside their predictions, tasks that lagged, attempts that failed or were made again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from .numbers import bytes_text, count_text, seconds_text, times_text
from .over_time import section

Data = dict[str, Any]
MOST_STAGES = 60
GROUPS = ((2, ""), (3, "worker seconds"), (2, "read"), (2, "written"), (2, "peak of a task"), (1, ""))
MOST_ATTEMPTS = 100
WHY = {"first": "first attempt", "retry": "retry", "beside": "beside one that had not reported"}


Column = tuple[str, str]


def table(head: Sequence[Column], rows: Iterable[Sequence[str]], groups: str = "") -> str:
    """A table of cells that are HTML; `head` has the class of each column, and its name; `groups` is a row above it."""
    top = "".join(f"<th class='{kind}'>{escape(name)}</th>" for kind, name in head)
    body = "".join(
        "<tr>" + "".join(f"<td class='{kind}'>{cell}</td>" for (kind, _), cell in zip(head, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<div class='wide'><table><thead>{groups}<tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def stages_table(run: Data) -> str:
    """Predicted and measured, by stage: those that took most, in the plan's order."""
    stages = run["stages"]
    if not stages:
        return ""
    order = sorted(range(len(stages)), key=lambda n: -stages[n]["measured"]["worker_s"])[:MOST_STAGES]
    shown = [stages[n] for n in sorted(order)]
    most = max(max(s["measured"]["worker_s"], s["predicted"]["worker_s"]) for s in shown) or 1.0
    both = [("more", "predicted"), ("more", "measured")]
    head = [("text", "stage"), ("", "tasks"), ("more", ""), *both, *both, *both, *both, ("long", "what")]
    groups = "".join(f"<th colspan='{n}'>{name}</th>" for n, name in GROUPS)
    told = "Predicted bytes are upper bounds; a measured peak counts tiles that are fetched ahead too. "
    if len(stages) > len(shown):
        told += f"The {len(shown)} of {len(stages):,} stages that took most; the JSON has all."
    return section(
        "Stages, predicted beside measured",
        told,
        table(head, (_stage_row(s, most) for s in shown), f"<tr>{groups}</tr>"),
    )


def _stage_row(stage: Data, most: float) -> list[str]:
    p, m = stage["predicted"], stage["measured"]
    bars = "".join(
        f"<i class='{kind}' style='width:{100 * of['worker_s'] / most:.1f}%'></i>" for kind, of in (("p", p), ("m", m))
    )
    done = f"{stage['done']:,}" if stage["done"] == stage["tasks"] else f"{stage['done']:,}/{stage['tasks']:,}"
    figures = [done, f"<span class='bars'>{bars}</span>", seconds_text(p["worker_s"]), seconds_text(m["worker_s"])]
    for name in ("bytes_read", "bytes_written", "peak_bytes"):
        figures += [bytes_text(p[name]), bytes_text(m[name])]
    where = f" <span class='dim'>{escape(stage['where'])}</span>" if stage["where"] else ""
    return [escape(stage["name"]), *figures, escape(stage["op"]) + where]


def stragglers_table(run: Data) -> str:
    """The tasks that were furthest behind their stage's median."""
    found = run["stragglers"]
    if not found["longest"]:
        return ""
    head = [
        ("text", "task"),
        ("", "attempt"),
        ("", "took"),
        ("", "median of its stage, about"),
        ("", "ratio"),
        ("text", "worker"),
    ]
    rows = (
        [
            escape(t["task"]), f"{t['attempt'] + 1}", seconds_text(t["seconds"]), seconds_text(t["median_of_stage_s"]),
            times_text(t["seconds"] / t["median_of_stage_s"]), escape(t["worker"]),
        ]
        for t in found["longest"]
    )  # fmt: skip
    told = (
        f"{count_text(found['lagging_tasks'], 'task')} took more than twice the median of their stage; these were the "
        "furthest behind, by at least a hundredth of the run."
    )
    return section("Stragglers", told, table(head, rows))


def repeated_table(run: Data) -> str:
    """Attempts that failed, came second, or were not the first."""
    found = run["repeated"]
    if not found["attempts"]:
        return ""
    head = [
        ("text", "task"), ("", "attempt"), ("text", "why"), ("text", "came to"), ("", "took"), ("text", "worker"),
        ("text long", "error"),
    ]  # fmt: skip
    rows = (
        [
            escape(t["task"]), f"{t['attempt'] + 1}", WHY[t["why"]], escape(t["status"]), seconds_text(t["seconds"]),
            escape(t["worker"]), escape(t["error"]),
        ]
        for t in found["attempts"][:MOST_ATTEMPTS]
    )  # fmt: skip
    tasks, by_status = run["tasks"], found["by_status"]
    counts = ", ".join(f"{n:,} {status}" for status, n in sorted(by_status.items(), key=lambda item: -item[1]))
    told = (
        f"{count_text(tasks['attempts'], 'attempt')}: {tasks['retries']:,} after one that failed or was lost, "
        f"{tasks['speculated']:,} beside a slow one, {tasks['lost']:,} never heard of. Those of tasks with several, or "
        f"that failed: {counts}."
    )
    return section("Retries and second attempts", told, table(head, rows))
