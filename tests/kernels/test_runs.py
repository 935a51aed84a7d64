from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.runs import sample_places

from .samples import ORDERED, bounds, same, spans, values

sort_run, windows, splits, select, merge_runs = (
    get(name).fn for name in ("sort_run", "windows", "splits", "select", "merge_runs")
)


class Line:
    """A line cut in tiles that were made runs, and what a plan does with them."""

    def __init__(self, x, ends, count, axis=0):
        self.x, self.tiles, self.count = x, spans(ends), count
        self.lengths = [hi - lo for lo, hi in self.tiles]
        lead = (1,) * axis
        made = [
            sort_run(
                x[lo:hi].reshape(*lead, -1), block=[(0, 1)] * axis + [(lo, hi)], shape=[*lead, x.size], count=count,
                axis=axis, positions=True,
            )
            for lo, hi in self.tiles
        ]  # fmt: skip
        self.runs, self.positions, samples = ([m[i].reshape(-1) for m in made] for i in range(3))
        self.samples = np.concatenate(samples)

    def windows(self, ranks):
        return windows(self.samples, lengths=self.lengths, ranks=ranks)

    def candidates(self, found):
        parts = [run[lo:hi] for window in found for run, (lo, hi) in zip(self.runs, window, strict=True)]
        return np.concatenate([self.x[:0], *parts], dtype=self.x.dtype)

    def splits(self, ranks):
        found = self.windows(ranks)
        return splits(self.candidates(found), found, ranks=ranks)

    def select(self, ranks):
        found = self.windows(ranks)
        return select(self.candidates(found), found, ranks=ranks)

    def sorted(self, ends):
        """The whole way: tiles of the result with these boundaries, and where their elements came from."""
        cuts = self.splits(ends)
        made = [
            merge_runs(self._between(self.runs, lo, hi), self._between(self.positions, lo, hi))
            for lo, hi in pairwise(cuts)
        ]
        assert [len(v) for v, _ in made] == [hi - lo for lo, hi in spans(ends)]
        return (np.concatenate(side, dtype=side[0].dtype) for side in zip(*made, strict=True))

    def _between(self, runs, lo, hi):
        return np.concatenate([run[a:b] for run, a, b in zip(runs, lo, hi, strict=True)], dtype=runs[0].dtype)


@st.composite
def lines(draw):
    size = draw(st.sampled_from([0, 1, 2, 7, 40, 90]))
    x = values(size, draw(st.sampled_from(ORDERED)), draw(st.integers(0, 99)))
    if x.dtype.kind in "if" and draw(st.booleans()):  # hardly any ties
        x = np.random.default_rng(size).permutation(size).astype(x.dtype)
    return Line(x, draw(bounds(size, 6)), draw(st.integers(1, 9)), draw(st.integers(0, 2)))


@settings(max_examples=50)
@given(st.data(), lines())
def test_a_line_in_tiles_is_sorted_as_numpy_sorts_it_whole(data, line):
    ends = data.draw(bounds(line.x.size, 5))
    found, places = line.sorted(ends)
    expected = np.argsort(line.x, kind="stable")
    same(found, line.x[expected])
    same(places, expected.astype(np.int64))


@settings(max_examples=50)
@given(lines())
def test_every_rank_lies_in_its_windows_and_splits_the_runs_there(line):
    ranks = list(range(line.x.size + 1))
    found, cuts = line.windows(ranks), line.splits(ranks)
    same(cuts.sum(axis=1), np.array(ranks))
    # The definition: how many of the first elements, in the stable order, come from each tile.
    order = np.argsort(line.x, kind="stable")
    tile = np.repeat(np.arange(len(line.tiles)), line.lengths)[order]
    for rank in ranks:
        np.testing.assert_array_equal(cuts[rank], np.bincount(tile[:rank], minlength=len(line.tiles)))
    assert (found[..., 0] <= cuts).all()
    assert (cuts <= found[..., 1]).all()
    np.testing.assert_array_equal(line.select(ranks[:-1]), line.x[order])


@pytest.mark.parametrize("dtype", ["f8", "?"])
@pytest.mark.parametrize("made", ["random", "ascending", "descending", "equal"])
def test_windows_stay_narrow_whatever_the_values_are(made, dtype):
    size, tiles, count = 20_000, 20, 51
    x = {
        "random": np.random.default_rng(0).random(size),
        "ascending": np.arange(size) / size,
        "descending": -np.arange(size) / size,
        "equal": np.zeros(size),
    }[made]
    line = Line((x > 0.5) if dtype == "?" else x, list(range(0, size + 1, size // tiles)), count)
    ranks = list(range(0, size + 1, 777))
    found = line.windows(ranks)
    gap = int(np.diff(sample_places(size // tiles, count)).max())
    assert gap <= size // tiles / (count - 1) + 1
    assert (found[..., 1] - found[..., 0]).sum(axis=1).max() < 2 * (tiles + 1) * gap
    assert found.min() >= 0
    assert found.max() <= size // tiles


def test_equal_elements_are_split_in_the_order_of_tiles():
    line = Line(np.zeros(12), [0, 5, 8, 12], 3)
    assert line.splits([0, 4, 6, 9, 12]).tolist() == [[0, 0, 0], [4, 0, 0], [5, 1, 0], [5, 3, 1], [5, 3, 4]]


def test_nan_is_split_last():
    line = Line(np.array([np.nan, 1, np.nan, -np.inf, np.inf, 0]), [0, 2, 4, 6], 2)
    found, places = line.sorted([0, 4, 6])
    same(found, np.array([-np.inf, 0, 1, np.inf, np.nan, np.nan]))
    assert places.tolist() == [3, 5, 1, 4, 0, 2]


def test_a_run_without_places_has_the_same_values():
    x = values((3, 8), "i8")
    block = [(0, 3), (16, 24)]
    run, samples = sort_run(x, block=block, shape=[3, 40], count=4, axis=1)
    same(run, np.sort(x, axis=1))
    same(samples, run[:, [0, 2, 4, 7]])
    same(merge_runs(np.concatenate([run, run], axis=1), axis=1), np.sort(np.concatenate([x, x], axis=1), axis=1))


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i2", "u1", "c16", "M8[s]"])
def test_many_elements_are_merged_whatever_is_faster_here(dtype):
    """So many that it is tried which sort is: both give the same."""
    x = np.arange(1 << 16)[::-1].reshape(64, -1).astype(dtype)
    if x.dtype.kind in "fc":
        x[::5, ::7] = np.nan
    runs = np.sort(x, axis=1).reshape(-1)
    same(merge_runs(runs), np.sort(x, axis=None, kind="stable"))
    out = np.empty_like(runs)
    assert merge_runs(runs, out=out) is out
    same(out, np.sort(x, axis=None, kind="stable"))


def test_the_samples_are_the_first_the_last_and_regular_ones_between():
    assert sample_places(101, 5).tolist() == [0, 25, 50, 75, 100]
    assert sample_places([0, 1, 3], 3).tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 2]]


def test_other_candidates_than_those_of_the_windows_are_an_error():
    with pytest.raises(ValueError, match="3 candidates for windows of 4 elements"):
        splits(np.arange(3), np.array([[[0, 2], [0, 2]]]), ranks=[1])
