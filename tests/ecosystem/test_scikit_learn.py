"""scikit-learn computes on our arrays where it takes arrays of the array API standard."""

from __future__ import annotations

from .child import run_cases


def test_estimators_distances_and_metrics_give_what_they_give_on_numpy():
    run_cases("scikit_learn_cases.py")
