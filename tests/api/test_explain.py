"""What a plan is said to do and cost."""

from __future__ import annotations

import pytest

import lambdarray as la
from lambdarray.api.explain import check_budget
from lambdarray.config import get_config
from lambdarray.errors import BudgetError


def test_explain_names_tasks_bytes_seconds_and_dollars():
    text = str(la.explain(la.ones((4000, 4000), chunks=1000) @ la.ones((4000, 4000), chunks=1000)))
    for word in ("tasks", "reads", "writes", "on Lambda", "$", "matmul"):
        assert word in text


def test_totals_are_exact_where_blocks_are_ragged():
    x = la.ones((25, 25), chunks=10).persist()
    found = la.explain(x @ x)
    assert found.flops == 2 * 25**3
    assert found.bytes_read == 2 * 3 * 25 * 25 * 8
    assert found.bytes_written == 25 * 25 * 8


def test_html_shows_every_fact_and_every_stage():
    found = la.explain((la.ones((9, 9), chunks=3) @ la.ones((9, 9), chunks=3)).sum())
    html = found._repr_html_()
    for program in found.plan.programs:
        assert f"<td style='text-align:left'>{program.name}</td>" in html
    assert html.count("<tr>") == len(str(found).splitlines())


def test_a_run_quoted_above_its_budget_is_refused_before_it_starts():
    x = la.ones((100_000, 100_000), chunks=2000)
    with la.config(executor="lambda", store="s3://bucket/scratch", max_dollars=0.01, workers=100):
        config = get_config()
        plan = la.plan(x @ x)
        with pytest.raises(BudgetError, match=r"max_dollars=0\.01"):
            check_budget(plan, config)
