"""The report of a run: plain data that keeps to its schema, and a page that needs nothing but itself."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import lambdarray as la
from lambdarray.config import Config, _from_environment
from lambdarray.errors import StoreError, TaskError
from lambdarray.report.document import whole
from lambdarray.runtime.executors.faults import Faults
from lambdarray.runtime.record import PHASES
from lambdarray.runtime.summary import RunReport
from lambdarray.task import TaskReport

from ..runtime.plans import chain, elementwise_and_tree
from .runs import simulated, with_faults

ROOT = Path(__file__).resolve().parents[2]
VOID = {"meta", "br", "hr"}


class Page(HTMLParser):
    """Holds the elements that are open, and the texts; fails where a page loads anything, or is not well formed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "img", "iframe", "link", "object", "embed", "base")
        for name, value in attrs:
            assert name not in ("src", "href", "xlink:href", "srcset", "action")
            assert not name.startswith("on")
            assert "url(" not in (value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def schema() -> Any:
    page = (ROOT / "docs/report.md").read_text()
    return json.loads(re.search(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1])


def check(report: RunReport) -> dict[str, Any]:
    """Assert that data and page are sound, and give the data."""
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    jsonschema.validate(found, schema())
    html = report.to_html()
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    page = Page(html)
    assert "nan" not in re.findall(r"[a-z]+", page.text)
    for drawing in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        assert not re.search(r"(?:nan|inf)\b", drawing)
    Page(report._repr_html_())
    return found


def run_of(x: la.Array) -> RunReport:
    x.compute()
    report = la.last_report()
    assert report is not None
    return report


def test_a_run_on_threads_is_told_in_full(rng: np.random.Generator) -> None:
    x = la.from_array(rng.standard_normal((300, 300)), chunks=100)
    found = check(report := run_of((x @ x.T) + 1))
    assert found["tasks"]["done"] == found["tasks"]["planned"] == report.tasks
    assert found["bytes"]["input_bytes"] == 300 * 300 * 8
    assert found["bytes"]["read_over_input"] == pytest.approx(report.bytes_read / (300 * 300 * 8))
    assert found["bytes"]["moved_over_lower_bound"] >= 1
    assert found["dollars"] is None
    assert found["rate"]["gflops"] == pytest.approx(report.flops / report.seconds / 1e9)
    spent = found["worker_seconds"]
    assert spent["computing_s"] == pytest.approx(report.compute_s, rel=1e-3)
    assert sum(spent[f"{name}_s"] for name in PHASES) == pytest.approx(report.total_s, rel=0.2)
    for stage, told in zip(report.stages, found["stages"], strict=True):
        assert (told["name"], told["done"]) == (stage.name, stage.tasks)
        assert told["measured"]["worker_s"] == stage.total_s
        assert told["predicted"]["bytes_read"] == stage.predicted.bytes_read * stage.tasks
        assert told["where"].startswith("test_report.py") or "test_report.py" in told["where"]


def test_the_series_over_time_sum_up_to_the_whole() -> None:
    report = simulated(elementwise_and_tree((40, 30), fan=4), 25)
    found = check(report)
    timeline, spent = found["timeline"], found["worker_seconds"]
    flops = sum(timeline["gflops"]) * timeline["bin_s"] * 1e9
    assert flops == pytest.approx(report.flops, rel=1e-3, abs=1)
    assert sum(timeline["tasks_done"]) == report.tasks
    assert sum(spent[f"{name}_s"] for name in (*PHASES, "idle")) == pytest.approx(25 * timeline["end_s"], rel=1e-2)
    assert spent["starting_s"] > 0
    assert found["virtual"]
    assert found["started_at"] is None


def test_functions_have_a_price_and_a_quote() -> None:
    with la.config(workers=10):
        report = la.simulate(la.ones((4000, 4000), chunks=500) @ la.ones((4000, 4000), chunks=500))
    found = check(report)
    money = found["dollars"]
    assert money["total_dollars"] == pytest.approx(money["compute_dollars"] + money["request_dollars"])
    assert money["compute_dollars"] == pytest.approx(report.billed_s * 1769 / 1024 * 0.0000166667)
    assert found["quote"]["total_dollars"] > 0
    assert money["dollars_per_pflop"] == pytest.approx(money["total_dollars"] / report.flops * 1e15)
    assert "$" in Page(report.to_html()).text


def test_requests_are_those_of_the_plan_where_nobody_counts_them() -> None:
    report = simulated(chain(2, 10), 5)
    assert report.requests == (20, 20)
    report.more_counts = {"gets": 7, "puts": 3}
    found = check(report)
    assert (found["dollars"]["gets"], found["dollars"]["puts"], found["tasks"]["gets"]) == (7, 3, 7)
    assert found["dollars"]["request_dollars"] == pytest.approx(report.counts.bundles * 0.2e-6 + 7 * 0.4e-6 + 3 * 5e-6)


def test_what_went_wrong_is_listed() -> None:
    faults = Faults(fail=0.2, lost=0.02, twice=0.1, straggle=0.02, straggle_s=50.0)
    report = with_faults(elementwise_and_tree((20, 15), fan=4, seconds=3.0), 20, faults)
    found = check(report)
    assert found["error"] is None
    attempts = found["repeated"]["attempts"]
    assert {"crashed", "timeout", "memory", "error"} & {a["status"] for a in attempts}
    retried = [a for a in attempts if a["why"] == "retry"]
    assert retried
    failed = {a["task"] for a in attempts if a["status"] not in ("done", "late")}
    assert {a["task"] for a in retried} <= failed
    text = Page(report.to_html()).text
    assert "injected: " in text
    assert attempts[0]["task"] in text


def test_a_report_that_comes_twice_is_told_once() -> None:
    report = RunReport.of(chain(1, 2), "lambda", 1, Config(executor="lambda", store="s3://bucket/scratch"))
    first = TaskReport(0, 1, total_s=2.0, compute_s=2.0, started_s=1.0, worker="w", billed_ms=2000)
    assert [report.add(r) for r in (first, first, replace(first, attempt=0))] == [0, None, None]
    found = check(report)
    assert report.billed_s == 4.0
    assert found["worker_seconds"]["lost_s"] == 2.0
    assert [(a["attempt"], a["status"]) for a in found["repeated"]["attempts"]] == [(0, "late"), (1, "done")]


def test_tasks_that_lagged_are_named() -> None:
    report = simulated(chain(1, 300, seconds=10.0), 30, seed=5)
    found = check(report)["stragglers"]
    assert found["lagging_tasks"] > 0
    longest = found["longest"][0]
    assert longest["seconds"] > 2 * longest["median_of_stage_s"]
    assert re.fullmatch(r"stage0\[\d+\]", longest["task"])
    assert longest["task"] in Page(report.to_html()).text


def test_a_run_that_failed_says_why(tmp_path: Path) -> None:
    def fail(block: np.ndarray) -> np.ndarray:
        raise ValueError("no <b>such</b> band")

    x = la.ones(12, chunks=4).map_blocks(fail, dtype=float)
    place = tmp_path / "run.html"
    with la.config(report=str(place)), pytest.raises(TaskError):
        x.compute()
    report = la.last_report()
    found = check(report)
    assert "no <b>such</b> band" in found["error"]
    assert "<b>such</b>" not in place.read_text()
    assert "no <b>such</b> band" in Page(place.read_text()).text
    assert "failed: " in str(report)
    assert found["repeated"]["by_status"]["user_error"] >= 1


@pytest.mark.parametrize(("executor", "count", "told"), [
    ("threads", 1, "1 thread"), ("processes", 2, "2 processes"), ("lambda", 1000, "1,000 Lambda functions"),
    ("simulated", 2, "2 simulated workers"),
])  # fmt: skip
def test_the_title_says_on_what_it_ran(executor: str, count: int, told: str) -> None:
    settings = Config(executor=executor, store="s3://bucket/scratch" if executor == "lambda" else "memory://")
    report = RunReport.of(chain(1, 3), executor, count, settings)
    assert f"lambdarray on {told}" in Page(report.to_html()).text


def test_a_run_with_nothing_to_do_has_a_report(tmp_path: Path) -> None:
    check(run_of(la.from_array(np.arange(3.0), chunks=3)))
    check(simulated(chain(1, 1), 1))


# -- where it is written


def test_every_run_writes_its_report_where_the_settings_say(tmp_path: Path) -> None:
    with la.config(report=str(tmp_path / "runs")):
        for _ in range(2):
            (la.ones(8, chunks=4) + 1).compute()
    pages = sorted((tmp_path / "runs").glob("*.html"))
    assert len(pages) == 2
    for page in pages:
        found = json.loads(page.with_suffix(".json").read_text())
        jsonschema.validate(found, schema())
        assert whole(found) == page.read_text()


def test_the_environment_may_say_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDARRAY_REPORT", "somewhere/run.json")
    assert _from_environment().report == "somewhere/run.json"


def test_a_place_that_cannot_be_is_refused_before_the_run_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    before = la.last_report()
    with la.config(report=str(tmp_path / "file" / "run.html")), pytest.raises(StoreError, match="report="):
        la.ones(4).compute()
    assert la.last_report() is before


def test_a_run_is_not_lost_because_its_report_cannot_be_written(tmp_path: Path) -> None:
    place = tmp_path / "run.html"
    place.mkdir()
    with la.config(report=str(place)), pytest.warns(RuntimeWarning, match=r"run\.html"):
        assert la.ones(4).sum().compute() == 4


def test_saving_goes_by_the_name(tmp_path: Path) -> None:
    report = run_of(la.ones(8, chunks=4) + 1)
    assert json.loads(report.save(tmp_path / "a.json").read_text())["plan"] == report.plan
    assert report.save(tmp_path / "a.html").read_text().startswith("<!doctype html>")
    assert report.to_html(tmp_path / "b.html") == (tmp_path / "b.html").read_text()
    assert report.to_json(tmp_path / "b.json") == json.loads((tmp_path / "b.json").read_text())


# -- size


def test_a_run_of_2800_workers_is_a_page_that_opens_at_once() -> None:
    report = simulated(chain(1, 28_000, seconds=20.0), 2800)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = check(report)
    assert found["rows"]["of_workers"] == 2800
    assert len(found["rows"]["workers"]) == 64
    assert len(report.to_html()) < 1_500_000
    assert "64 of 2,800 workers" in Page(report.to_html()).text
