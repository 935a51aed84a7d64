"""Permutations by a bijection: that they are such, and that they look as if drawn evenly from all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambdarray_kernels.permutations import BLOCK, SHUFFLED, Permutation
from scipy import stats

# One more than a power of two leaves half of the network's domain outside; a power of two nothing.
SIZES = (SHUFFLED + 1, 2**17, 10**5 + 3, 2**18 + 1)
FAIR = 1e-4


def permutation(n, seed=0):
    out = np.arange(n)
    Permutation(n, np.random.default_rng(seed))(out)
    return out


def part(n, places, seed=0):
    out = np.array(places, np.int64)
    Permutation(n, np.random.default_rng(seed))(out)
    return out


@given(st.integers(0, 300) | st.integers(SHUFFLED - 2, SHUFFLED + 2) | st.integers(SHUFFLED, 2**18))
def test_every_number_comes_once(n):
    assert np.array_equal(np.bincount(permutation(n), minlength=n), np.ones(n))


@given(st.integers(1, 2**62 - 1), st.data())
def test_any_part_is_known_without_the_rest(n, data):
    places = data.draw(st.lists(st.integers(0, n - 1), max_size=20))
    together = part(n, places)
    assert together.tolist() == [part(n, [i])[0] for i in places]
    assert all(0 <= x < n for x in together.tolist())
    assert len(set(together.tolist())) == len(set(places))


def test_blocks_of_work_do_not_show():
    n = 3 * BLOCK + 5
    assert np.array_equal(permutation(n)[BLOCK - 3 : 2 * BLOCK + 3], part(n, range(BLOCK - 3, 2 * BLOCK + 3)))


def test_places_keep_their_shape():
    assert np.array_equal(part(10**6, [[1, 2], [3, 4]]).ravel(), part(10**6, [1, 2, 3, 4]))


@pytest.mark.parametrize("n", SIZES)
def test_each_place_gets_every_number_as_often(n):
    places = np.linspace(0, n - 1, 8).astype(int)
    drawn = np.array([part(n, places, seed) for seed in range(1500)])
    for values in drawn.T:
        assert stats.kstest(values / n, "uniform").pvalue > FAIR


@pytest.mark.parametrize("n", SIZES)
def test_neighbouring_places_are_independent(n):
    """Pairs of neighbours fall into the cells of a grid as often as pairs drawn evenly."""
    cells = permutation(n) * 64 // n
    for step in (1, 2, 255, 256, 257, 1024):
        table = np.bincount(cells[:-step] * 64 + cells[step:], minlength=64**2)
        assert stats.chisquare(table).pvalue > FAIR


@pytest.mark.parametrize("n", SIZES)
def test_numbers_do_not_follow_their_places(n):
    values, places = permutation(n), np.arange(n)
    table = np.bincount((places * 64 // n) * 64 + values * 64 // n, minlength=64**2)
    assert stats.chisquare(table, np.outer(counts(n, 64), counts(n, 64)).ravel() / n).pvalue > FAIR
    assert abs(stats.pearsonr(places, values).statistic) < 4 / math.sqrt(n)
    for bit in range((n - 1).bit_length() - 1):
        for other in (0, 1, 7, 8, 9, 15):
            agree = np.mean((places >> bit & 1) == (values >> other & 1))
            # Where n is no power of two neither bit is 0 exactly as often as 1.
            assert abs(agree - 0.5) < 5 / math.sqrt(n) + 2 ** (bit + other + 1) / n**2


def counts(n, cells):
    return np.bincount(np.arange(n) * cells // n, minlength=cells)


@pytest.mark.parametrize("n", SIZES)
def test_descents_and_fixed_points_are_as_many_as_in_an_even_draw(n):
    """Descents are normal, their mean (n - 1) / 2 and variance (n + 1) / 12; fixed points are Poisson of mean 1."""
    made = [permutation(n, seed) for seed in range(60)]
    descents = np.array([np.sum(np.diff(x) < 0) for x in made])
    assert stats.kstest((descents - (n - 1) / 2) / math.sqrt((n + 1) / 12), "norm").pvalue > FAIR
    fixed = sum(np.sum(x == np.arange(n)) for x in made)
    assert FAIR < stats.poisson.cdf(fixed, 60) < 1 - FAIR


@pytest.mark.parametrize("n", SIZES[:3])
def test_cycles_are_as_many_as_in_an_even_draw(n):
    """Their number has the mean H(n) and nearly the variance H(n) - pi^2 / 6."""
    found = [cycles(permutation(n, seed)) for seed in range(20)]
    harmonic = math.log(n) + np.euler_gamma
    score = (np.mean(found) - harmonic) / math.sqrt((harmonic - math.pi**2 / 6) / len(found))
    assert abs(score) < 4


def cycles(values):
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(values)
    return connected_components(coo_array((np.ones(n), (np.arange(n), values)), (n, n)), directed=False)[0]


def test_other_streams_make_unrelated_permutations():
    n = 10**5
    first, second = permutation(n, 1), permutation(n, 2)
    assert abs(stats.pearsonr(first, second).statistic) < 4 / math.sqrt(n)
    assert np.sum(first == second) < 10


def test_a_permutation_is_the_same_ever_after():
    # Another rule would change every result that is computed again.
    assert part(10**9, [0, 1, 2, 10**9 - 1], 7).tolist() == [83528538, 535520427, 200824552, 946506713]
    assert part(2**40, [0, 1, 2, 2**40 - 1], 7).tolist() == [838952737205, 745206075624, 510495609511, 1070196366621]
    assert permutation(10, 7).tolist() == np.random.default_rng(7).permutation(10).tolist()
