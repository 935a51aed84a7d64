"""What a plan is said to do and cost."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest

import lambdarray as la
from lambdarray.api.pricing import open_budget
from lambdarray.config import UNITS_PER_DOLLAR, get_config, get_purse
from lambdarray.errors import BudgetError, ConfigError

from ..algorithms.paper import TILE, WORKERS, matrix, moved, on_lambda

REMOTE = {"executor": "lambda", "store": "s3://bucket/scratch"}


def test_explain_names_tasks_bytes_seconds_and_dollars():
    text = str(la.explain(la.ones((4000, 4000), chunks=1000) @ la.ones((4000, 4000), chunks=1000)))
    for word in ("tasks", "reads", "writes", "on Lambda", "$", "matmul", "GET", "PUT", "invocations", "least possible"):
        assert word in text
    for choice in ("workers", "tile", "k split", "memory", "BLAS", "processor"):
        assert re.search(rf"^{choice} ", text, re.MULTILINE), choice


def test_totals_are_exact_where_blocks_are_ragged():
    x = la.ones((25, 25), chunks=10).persist()
    found = la.explain(x @ x)
    assert found.flops == 2 * 25**3
    assert found.bytes_read == 2 * 3 * 25 * 25 * 8
    assert found.bytes_written == 25 * 25 * 8
    assert (found.requests.gets, found.requests.puts) == (2 * 3 * 9, 9)


def test_html_shows_every_fact_and_every_stage():
    found = la.explain((la.ones((9, 9), chunks=3) @ la.ones((9, 9), chunks=3)).sum(), workers=[1, 2, 4])
    page = found._repr_html_()
    for program in found.plan.programs:
        assert f"<td style='text-align:left'>{program.name}</td>" in page
    assert page.count("<tr>") == len(str(found).splitlines())
    assert page.count("<circle") == 3
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("grid", [8, 32])
def test_bytes_stand_beside_the_lower_bound_that_papers_have(grid):
    paper = moved("GEMM", grid)
    with on_lambda(min(grid * grid, WORKERS)):
        found = la.explain(matrix("a", grid * TILE, grid * TILE) @ matrix("b", grid * TILE, grid * TILE))
    assert found.bytes_ratio == pytest.approx(paper.ratio)
    assert found.least_bytes == pytest.approx(8 * paper.bound.words)


def test_what_is_only_read_and_written_is_at_the_bound():
    x = la.ones((400, 400), chunks=100).persist()
    assert la.explain(x * 2 + 1).bytes_ratio == 1.0


def test_dollars_are_the_sum_of_their_parts_and_arm64_costs_less():
    with la.config(**REMOTE, workers=100):
        found = la.explain(la.ones((40_000, 40_000), chunks=4000) @ la.ones((40_000, 40_000), chunks=4000))
    quote = found.configured
    parts = quote.compute_dollars + quote.request_dollars + quote.storage_dollars + quote.cross_region_dollars
    assert found.dollars == pytest.approx(parts)
    assert quote.dollars == pytest.approx(found.dollars + found.egress_dollars)
    assert found.egress_dollars == pytest.approx(40_000**2 * 8e-9 * quote.machine.prices.dollars_per_gb_egress)
    assert quote.compute_dollars == pytest.approx(quote.worker_seconds * 1769 / 1024 * 0.0000166667)
    assert found.dollars_by_architecture["x86_64"] == found.dollars > found.dollars_by_architecture["arm64"]
    assert found.here is None


def test_what_this_process_sends_is_in_the_quote():
    x = la.from_array(np.ones((1000, 1000)), chunks=500)
    with la.config(**REMOTE):
        found = la.explain(x.sum())
    assert found.configured.traffic.upload == 8_000_000
    assert found.configured.upload_s == pytest.approx(8 / 12.5)
    assert found.seconds > found.configured.upload_s
    assert "sends 8.0 MB first" in str(found)


def test_several_numbers_of_workers_show_time_against_dollars():
    x = la.ones((20_000, 20_000), chunks=2000)
    found = la.explain(x @ x, workers=[10, 100])
    assert [c.workers for c in found.sweep] == [10, 100]
    slow, fast = found.sweep
    assert fast.seconds < slow.seconds / 3
    assert "workers  seconds" in str(found)
    with pytest.raises(ConfigError, match=r"workers=\[\]"):
        la.explain(x, workers=[])
    with pytest.raises(ConfigError, match="at least 1"):
        la.explain(x, workers=[0, 1])


def test_numbers_of_workers_are_of_functions_where_the_executor_is_of_this_machine():
    x = la.ones((40_000, 40_000), chunks=4000)
    found = la.explain(x @ x.T, workers=[100, 5000])  # a hundredth of this machine would hold no tile
    assert found.workers == la.explain(x).workers
    assert found.there.workers == 100
    assert la.explain(x, workers=7).there.workers == 7


@pytest.mark.parametrize(("n", "chunk", "workers"), [(40_000, 4000, 100), (40_000, 4000, 30), (10_000, 500, 50)])
def test_seconds_are_near_those_of_the_simulated_scheduler(n, chunk, workers):
    a, b = la.ones((n, n), chunks=chunk), la.ones((n, n), chunks=chunk)
    for x in (a @ b, (a + b).sum(), la.linalg.cholesky(a + b, tile=chunk)):
        with la.config(**REMOTE, workers=workers):
            found = la.explain(x)
            simulated = la.simulate(x)
        # Chance may have it that a straggler is last; nothing makes a run much shorter.
        assert 0.4 * simulated.seconds < found.seconds < 1.5 * simulated.seconds  # it takes every task for the largest
        assert found.configured.worker_seconds == pytest.approx(simulated.billed_s, rel=0.35)
        assert found.critical_s <= 1.1 * simulated.seconds


def test_a_plan_of_nothing_costs_nothing():
    x = la.ones((4, 4), chunks=2).persist()
    found = la.explain(x)
    assert (found.tasks, found.seconds, found.there.quote.compute_dollars) == (0, 0.0, 0.0)
    assert "tasks" in str(found)
    assert found._repr_html_()


def test_a_run_quoted_above_its_budget_is_refused_before_it_starts():
    x = la.ones((100_000, 100_000), chunks=2000)
    with la.config(**REMOTE, max_dollars=0.01, workers=100):
        plan = la.plan(x @ x)
        with pytest.raises(BudgetError, match=r"max_dollars=0\.01"):
            open_budget(plan, get_config())
        assert "would refuse this run" in str(la.explain(x @ x))


def test_what_other_runs_under_the_same_setting_have_spent_is_no_longer_there():
    x = la.ones((2000, 2000), chunks=500)
    with la.config(**REMOTE, max_dollars=1.0, workers=10):
        plan = la.plan(x @ x)
        assert open_budget(plan, get_config()) is not None
        assert get_purse().take(UNITS_PER_DOLLAR - UNITS_PER_DOLLAR // 10**6)
        with pytest.raises(BudgetError, match=r"above max_dollars=1, of which \$1"):
            open_budget(plan, get_config())


def test_a_run_is_quoted_at_what_is_left_to_do():
    x = la.ones((2000, 2000), chunks=500).persist()
    with la.config(**REMOTE, workers=10):
        plan = la.plan(x * 2)
        whole = la.explain(x * 2).dollars
    with la.config(**REMOTE, workers=10, max_dollars=whole / 2):
        with pytest.raises(BudgetError):
            open_budget(plan, get_config())
        assert open_budget(plan, get_config(), counts=[1]) is not None


def choice(found, name):
    return dict(found.choices)[name]


def test_each_choice_is_told_with_its_reason_in_text_and_html():
    with la.config(**REMOTE, workers=1000):
        x = la.ones((2**15, 2**15))
        found = la.explain((x @ x).sum(axis=0))
    told = dict(found.choices)
    assert list(told) == ["workers", "chunks", "tile", "k split", "fan-in", "bundles", "memory", "BLAS", "processor"]
    assert "as 'auto' has it" in told["chunks"]
    for name, text in told.items():
        assert re.search(rf"^{name} +{re.escape(text)}$", str(found), re.MULTILINE), name
        assert html.escape(text) in found._repr_html_(), name


def test_an_array_in_other_tiles_than_auto_has_is_told_what_these_would_take():
    with la.config(**REMOTE, workers=1000):
        told = choice(la.explain(la.ones((2**15, 2**15), chunks=4096) + 1), "chunks")
        auto = la.explain(la.ones((2**15, 2**15)) + 1)
    assert "134.2 MB; 'auto' has 16.8 MB" in told
    assert "tiles of 16.8 MB; as 'auto' has it" in choice(auto, "chunks")
    assert "here" in choice(la.explain(la.ones((2**13, 2**13)) + 1), "chunks")
    assert "chunks" not in dict(la.explain(la.ones(3) + 1).choices)


@pytest.mark.parametrize("name", ["cholesky", "lu_factor", "qr"])
def test_a_factorisation_says_in_what_tiles_and_why(name):
    with la.config(**REMOTE, workers=1000):
        a = matrix("a", 16_384, 16_384)
        made = getattr(la.linalg, name)(a)
        own, given = (
            la.explain(x[0] if name != "cholesky" else x) for x in (made, getattr(la.linalg, name)(a, tile=2048))
        )
    assert re.search(r"in tiles of [\d,]+; as the library has it: about .* s and \$", choice(own, "side"))
    assert re.search(r"in tiles of 2,048; the library has [\d,]+: about .*; in ", choice(given, "side"))


def test_the_memory_that_would_be_best_is_that_of_the_objective_within_the_limits():
    x = la.ones((40_000, 40_000), chunks=4000)

    def explained(**more):
        with la.config(**REMOTE, workers=50, **more):
            return la.explain(x @ x)

    cheap, fast = explained(objective="dollars"), explained()
    assert fast.memory_mib > 1769 >= cheap.memory_mib
    by_memory = {c.quote.memory_mib: c for c in fast.by_memory}
    assert set(by_memory) >= {1769, 3538, 10_240}
    between = (by_memory[1769].seconds + by_memory[3538].seconds) / 2
    in_time = explained(objective="dollars", deadline=between + fast.there.quote.download_s)
    assert in_time.memory_mib == 3538
    assert f"lambdarray deploy --memory {in_time.memory_mib}'" in choice(in_time, "memory")
    poor = explained(max_dollars=1e-6)
    assert poor.memory_mib is None
    assert "none is within max_dollars=1e-06" in choice(poor, "memory")


def test_sizes_of_functions_that_do_not_hold_the_tasks_are_not_told():
    with la.config(**REMOTE, workers=50):
        found = la.explain(la.linalg.svd(la.ones((2000, 2000), chunks=-1)).U)
    assert min(c.quote.memory_mib for c in found.by_memory) >= 500


def test_several_factorisations_in_one_plan_are_not_told_as_one():
    with la.config(**REMOTE, workers=100):
        a = [matrix(name, 8192, 8192, 2048) for name in "abcd"]
        found = la.explain(sum(la.linalg.cholesky(x, tile=2048) for x in a))
    assert "side" not in dict(found.choices)


def test_notes_of_choices_are_told_once_however_many_there_are():
    with la.config(**REMOTE, workers=1000):
        found = la.explain(*la.linalg.qr(matrix("a", 16_384, 16_384)))
    assert sum("k split" in note for note in found.notes) > 10
    text = str(found)
    assert text.count("k split in") == text.count("partial results are combined") == 1
    assert re.search(r"\(and \d+ more like it\)", choice(found, "k split"))
