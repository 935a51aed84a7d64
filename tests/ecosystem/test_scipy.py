"""SciPy computes on our arrays: its ufuncs as our tasks, and what follows the array API standard in its own code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import lambdarray as la
from lambdarray.ops import Map

from ..judge import assert_same
from .child import run_cases, tiled

UFUNCS = [
    "beta",
    "betaln",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "expit",
    "gamma",
    "gammainc",
    "gammaln",
    "hyp2f1",
    "i0",
    "i0e",
    "j0",
    "jv",
    "kl_div",
    "log_ndtr",
    "logit",
    "ndtr",
    "ndtri",
    "owens_t",
    "psi",
    "rel_entr",
    "voigt_profile",
    "xlog1py",
    "xlogy",
]


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("name", UFUNCS)
def test_ufuncs_of_scipy_stay_lazy_and_give_its_values(name: str, kind: Any, rng: np.random.Generator) -> None:
    ufunc = getattr(special, name)
    values = [(rng.random((5, 3)) * 0.8 + 0.1).astype(kind) for _ in range(ufunc.nin)]
    made = ufunc(*map(tiled, values))
    assert isinstance(made, la.Array)
    assert isinstance(made._op, Map)
    assert_same(made, ufunc(*values))


def test_a_ufunc_of_scipy_broadcasts_arrays_of_ours_numpys_and_numbers(rng: np.random.Generator) -> None:
    x, row = rng.random((5, 3)), rng.random(3)
    assert_same(special.xlogy(tiled(x), row), special.xlogy(x, row))
    assert_same(special.jv(0.5, tiled(x)), special.jv(0.5, x))


def test_scipys_own_functions_give_what_they_give_on_numpy() -> None:
    run_cases("scipy_cases.py")
