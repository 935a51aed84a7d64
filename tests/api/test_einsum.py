"""Einstein summation against NumPy: every kind of subscript, and what is no subscript."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

LENGTHS = {"i": 3, "j": 2, "k": 4, "m": 3, "n": 1}


@st.composite
def summations(draw: Any) -> Any:
    """Subscripts, and operands that fit them: repeated letters, axes of length 1, ellipses, any output."""
    texts = draw(st.lists(st.text("ijkmn", max_size=3), min_size=1, max_size=4))
    dots = draw(st.booleans())
    operands, inputs = [], []
    for text in texts:
        lead = draw(st.sampled_from([(), (2,), (1, 2), (2, 1)])) if dots and draw(st.booleans()) else None
        shape = [1 if text.count(c) == 1 and draw(st.integers(0, 5)) == 0 else LENGTHS[c] for c in text]
        where = draw(st.integers(0, len(text)))
        inputs.append(text if lead is None else text[:where] + "..." + text[where:])
        operands.append(draw(arrays(shape=(*shape[:where], *(lead or ()), *shape[where:]), finite=True)))
    letters = sorted(set("".join(texts)))
    output = "".join(draw(st.permutations([c for c in letters if draw(st.booleans())])))
    tail = draw(st.sampled_from(["", "->" + output, "->..." + output, "->" + output + "..."]))
    return ",".join(inputs) + tail, operands


@settings(max_examples=100)
@given(case=summations())
def test_einsum_is_numpys(case: Any) -> None:
    subscripts, operands = case
    judge(lambda *a: np.einsum(subscripts, *a), *operands)


@pytest.mark.parametrize(
    "subscripts",
    ["ij,jk->ik", "ij,jk,kl->il", "bij,bjk->bik", "ijk,kj->i", "ijkl,lm->ijkm", "ij,ij->", "iij->j", "ij,kl->ikjl"],
)
def test_larger_summations_are_numpys(subscripts: str) -> None:
    rng = np.random.default_rng(0)
    lengths = dict(zip("bijklm", (2, 9, 11, 7, 5, 6), strict=True))
    values = [
        rng.integers(-3, 4, [lengths[c] for c in term]).astype(float) for term in subscripts.split("->")[0].split(",")
    ]
    judge(lambda *a: np.einsum(subscripts, *a), *((la.from_array(v, chunks=4), v) for v in values), exact=True)


X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ii", X), ("i1", X), ("i", X), ("ijk", X), ("ij,jk", X), ("ij..", X), ("...ij...", X), ("ij->k", X),
        ("ij->ii", X), ("ij->i->j", X), ("i j -> ji", X), ("ij-> ...i", X), ("...i->i", X), ("iI->Ii", X), ("ba", X),
        ("ij,jk", X, X), ("...ij,...jk", np.ones((5, 2, 3)), np.ones((6, 3, 4))), ("ij,", X, 2.0),
        (X, [0, 1], X, [0, 2]), (X, [0, 1], X, [0, 2], [2, 1]), (X, [Ellipsis, 1], [1, Ellipsis]), (X, [30, 0]),
        (X, [0, 99]), (X, [0, "a"]), (X, [0]), ("ij",), (),
    ],
)  # fmt: skip
def test_subscripts_mean_what_they_mean_to_numpy(arguments: Any) -> None:
    places = [n for n, a in enumerate(arguments) if isinstance(a, np.ndarray)]

    def function(m: Any, *given: Any) -> Any:
        new = list(arguments)
        for n, x in zip(places, given, strict=True):
            new[n] = x
        return m(*new)

    pairs = [(la.from_array(arguments[n], chunks=2), arguments[n]) for n in places]
    judge(lambda *a: function(np.einsum if (a and isinstance(a[0], np.ndarray)) or not a else la.einsum, *a), *pairs)


@pytest.mark.parametrize(
    "how", [{"dtype": "f4"}, {"dtype": "c16"}, {"dtype": "f4", "casting": "unsafe"}, {"dtype": "i4"}]
)
def test_the_dtype_of_a_summation_is_checked_as_by_numpy(how: Any) -> None:
    judge(lambda a: np.einsum("ij->j", a, **how), (la.from_array(X, chunks=2), X))


@pytest.mark.parametrize("optimize", [True, False, "greedy", "optimal", ["einsum_path", (1, 2), (0, 1)]])
def test_operands_are_contracted_in_the_order_that_is_asked_for(optimize: Any) -> None:
    pairs = [(la.from_array(v, chunks=2), v) for v in (X, X.T.copy(), X)]
    judge(lambda *a: np.einsum("ij,jk,kl->il", *a, optimize=optimize), *pairs)


def test_einsum_path_looks_at_shapes_alone() -> None:
    x = la.ones((10**6, 10**5))
    assert np.einsum_path("ij,jk,kl->il", x, x.T, x) == np.einsum_path(
        "ij,jk,kl->il", *(np.broadcast_to(0.0, a.shape) for a in (x, x.T, x))
    )


def test_a_summation_over_a_diagonal_reads_the_tiles_that_it_crosses() -> None:
    x = la.from_array(np.ones((40, 40)), chunks=10)
    assert float(la.einsum("ii", x)) == 40
    assert la.plan(la.einsum("ii->i", x)).task_count == 4


def test_out_is_refused() -> None:
    with pytest.raises(TypeError, match="immutable"):
        la.einsum("ij->j", X, out=np.empty(3))
