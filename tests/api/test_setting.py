"""`x[key] = value` and what else changes an array in place, against NumPy; and what is not touched by it."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, assert_same, check_raises, cuts, numbers
from .keys import keys

few = settings(max_examples=40)
PLAIN = ("i8", "f4", "c16", "?", "i1")


def check(change, ours, theirs):
    """A function that changes its first argument in place makes of ours what it makes of NumPy's, or raises as that.

    What was made of ours before keeps its value, and its chunks stay.
    """
    x, n = ours[0], theirs[0].copy()
    view, before, chunks = x.copy(), theirs[0].copy(), x.chunks
    with np.errstate(all="ignore"):
        try:
            change(n, *theirs[1:])
        except Exception as error:
            check_raises(lambda *given: change(*given) or x, ours, error)
            return
        assert change(*ours) is None
    assert_same(x, n, exact=True)
    assert x.chunks == chunks
    assert_same(view, before, exact=True)


def put(x, key, value):
    x[key] = value


@st.composite
def values(draw, shape, dtypes=PLAIN):
    """A value for a selection of `shape`, or nearly: with axes of length 1, fewer or more axes; ours and NumPy's."""
    kind = draw(st.sampled_from(["same", "same", "fewer", "ones", "more", "scalar", "wrong"]))
    shape = tuple(shape)
    if kind == "fewer":
        shape = shape[draw(st.integers(0, len(shape))) :]
    if kind == "ones":
        shape = tuple(1 if draw(st.booleans()) else n for n in shape)
    if kind == "more":
        shape = (1, *shape)
    if kind == "wrong" and shape:
        shape = (*shape[:-1], shape[-1] + draw(st.sampled_from([1, 2])))
    if kind == "scalar":
        number = draw(st.sampled_from([3, -1, 2.5, True, 1e9, float("nan"), 2j, "1", np.float32(7.5), None]))
        return number, number
    value = numbers(
        np.random.default_rng(draw(st.integers(0, 99))), shape, np.dtype(draw(st.sampled_from(dtypes))), False
    )
    if draw(st.booleans()):
        return la.from_array(value, chunks=tuple(cuts(draw, n) for n in shape)), value
    return value, value


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning", "ignore:invalid value:RuntimeWarning")
@settings(max_examples=150)
@given(st.data())
def test_setting_by_any_key_is_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=6))
    ours, theirs = data.draw(keys(n.shape))
    try:
        shape = n[theirs].shape
    except IndexError:  # which of two errors comes first is nobody's business
        value = same = 7
    else:
        value, same = data.draw(values(shape))
    check(put, (x, ours, value), (n, theirs, same))


@few
@given(st.data())
def test_setting_by_a_key_that_numpy_refuses_is_refused(data):
    x, n = data.draw(arrays(dtypes=("i8",), max_side=4))
    ours, theirs = data.draw(keys(n.shape, valid=False))
    check(put, (x, ours, 7), (n, theirs, 7))


# -- functions in place


def index_of(draw, size, ndim=1, far=0):
    """An index of some axes into one of `size`, as ours or NumPy's or a list; with `far` it may be out of range."""
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=ndim, max_size=ndim))) if size else (0,) * ndim
    low, high = -size - far, size + far
    index = np.random.default_rng(draw(st.integers(0, 99))).integers(low, high, shape) if size else np.zeros(shape, int)
    how = draw(st.sampled_from(["ours", "itself", "list"]))
    return (la.from_array(index, chunks=2) if how == "ours" else index.tolist() if how == "list" else index), index


@few
@given(st.data())
def test_put_is_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=4))
    index, same = index_of(data.draw, n.size, data.draw(st.integers(0, 2)), far=1)
    mode = data.draw(st.sampled_from(["raise", "wrap", "clip", "clip", "no"]))
    value, equal = data.draw(values(data.draw(st.sampled_from([(0,), (1,), (3,), (2, 2)])), dtypes=("i8",)))
    if not isinstance(equal, np.ndarray):
        value = equal = 5
    check(lambda a, i, v: np.put(a, i, v, mode=mode), (x, index, value), (n, same, equal))


@few
@given(st.data())
def test_put_along_axis_is_numpys(data):
    x, n = data.draw(arrays(dtypes=("i8", "f4"), min_dims=1, max_side=5))
    axis = data.draw(st.integers(-n.ndim, n.ndim - 1))
    shape = list(n.shape)
    shape[axis] = data.draw(st.integers(0, 4)) if n.shape[axis] else 0
    other = data.draw(st.integers(0, n.ndim - 1))
    if data.draw(st.booleans()) and other != axis % n.ndim:
        shape[other] = 1
    size = max(n.shape[axis], 1)
    index = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-size, size, shape)
    ours = la.from_array(index, chunks=2) if data.draw(st.booleans()) else index
    whole = [m if d == axis % n.ndim else k for d, (k, m) in enumerate(zip(n.shape, shape, strict=True))]
    value, same = data.draw(values(whole, dtypes=("i4",)))
    if not isinstance(same, np.ndarray):
        value = same = 5
    check(lambda a, i, v: np.put_along_axis(a, i, v, axis), (x, ours, value), (n, index, same))


@few
@given(st.data())
def test_putmask_and_place_are_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=5))
    name = data.draw(st.sampled_from(["putmask", "place"]))
    mask = np.random.default_rng(data.draw(st.integers(0, 99))).random(n.shape) < 0.5
    mask = data.draw(st.sampled_from([mask, mask, mask, mask.ravel(), mask.ravel()[:-1], ~mask & mask]))
    ours = la.from_array(mask, chunks=2) if data.draw(st.booleans()) else mask
    size = data.draw(st.sampled_from([0, 1, 2, n.size]))
    value = np.arange(size)
    given_value = la.from_array(value, chunks=2) if data.draw(st.booleans()) else value
    check(lambda a, m, v: getattr(np, name)(a, m, v), (x, ours, given_value), (n, mask, value))


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@few
@given(st.data())
def test_copyto_is_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=5))
    value, same = data.draw(values(n.shape))
    casting = data.draw(st.sampled_from(["same_kind", "unsafe", "safe"]))
    if not isinstance(same, np.ndarray):
        casting = "same_kind"  # a scalar that cannot be is another matter
        value = same = data.draw(st.sampled_from([1, 2.5, 1j, True, np.float32(1)]))
    wheres = [True, False, np.ones(n.shape, bool), np.zeros(n.shape[-1:], bool), np.ones((2, *n.shape), bool), [1]]
    where = data.draw(st.sampled_from([*wheres, np.ones(n.shape, int)]))
    ours = la.from_array(where, chunks=2) if isinstance(where, np.ndarray) and data.draw(st.booleans()) else where
    check(lambda a, v, w: np.copyto(a, v, casting=casting, where=w), (x, value, ours), (n, same, where))


@few
@given(
    st.sampled_from([(3,), (4, 4), (5, 2), (2, 5), (0, 3), (3, 3, 3), (2, 3, 2)]),
    st.sampled_from([7, [1, 2], [], [[1], [2.5]]]),
    st.booleans(),
    st.integers(1, 4),
)
def test_fill_diagonal_is_numpys(shape, value, wrap, chunk):
    n = np.arange(np.prod(shape)).reshape(shape)
    check(lambda a: np.fill_diagonal(a, value, wrap), (la.from_array(n, chunks=chunk),), (n,))


@settings(max_examples=80)
@given(st.data())
def test_a_ufuncs_at_is_numpys(data):
    x, n = data.draw(arrays(dtypes=("i8", "f4", "i1"), max_side=5))
    ours, theirs = data.draw(keys(n.shape))
    name = data.draw(st.sampled_from(["add", "subtract", "maximum", "multiply", "power", "negative", "square", "sqrt"]))
    ufunc = getattr(np, name)
    try:
        shape = n[theirs].shape
    except IndexError:  # of a key for no elements `at` looks at less than indexing does
        return
    operands = [data.draw(values(shape, dtypes=("i8", "f8", "i1")))] if ufunc.nin == 2 else []
    operands = [(2, 2) if not isinstance(v, np.ndarray) or name == "power" else (o, v) for o, v in operands]
    us, them = [o for o, _ in operands], [v for _, v in operands]
    check(lambda a, k, *v: ufunc.at(a, k, *v), (x, ours, *us), (n, theirs, *them))


def test_what_ufuncs_have_no_at_for_is_refused_as_by_numpy():
    x = la.ones((3, 3), chunks=2)
    for ufunc, values_ in ((np.matmul, [1]), (np.divmod, [1]), (np.add, [])):
        with pytest.raises((TypeError, ValueError)):
            ufunc.at(x, [0], *values_)


OPERATORS = ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor", "ilshift"]


@settings(max_examples=100)
@given(st.data())
def test_operators_in_place_are_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_dims=2, max_side=4))
    other = [data.draw(arrays(dtypes=PLAIN, shape=s)) for s in (n.shape, n.shape[1:], (2, *n.shape))]
    value = data.draw(st.sampled_from([*other, (3, 3), (2.5, 2.5)]))
    name = data.draw(st.sampled_from(OPERATORS))

    def change(a, v):
        before = a
        a = getattr(operator, name)(a, v)
        assert a is before

    check(change, (x, value[0]), (n, value[1]))


def test_many_points_for_few_tiles_are_taken_part_by_part():
    index = np.random.default_rng(0).integers(0, 5, 3 << 20)
    x, n = la.zeros((5,), dtype=int, chunks=3), np.zeros(5, int)
    for i in (index, la.from_array(index, chunks=-1)):
        np.add.at(x, i, 1)
        np.add.at(n, index, 1)
        last = [e.peak_bytes for p, e in zip(la.plan(x).programs, la.plan(x).estimates, strict=True) if p.op == "put"]
        assert max(last) < index.nbytes / 2  # of 25 MB
    np.testing.assert_array_equal(x.compute(), n)


def test_a_product_in_place_is_numpys():
    n, m = np.arange(9.0).reshape(3, 3), np.eye(3) * 2
    x = name = la.from_array(n, chunks=2)
    x @= la.from_array(m, chunks=2)
    assert x is name
    np.testing.assert_array_equal(x.compute(), n @ m)


def test_other_names_of_an_array_see_an_assignment_and_arrays_made_of_it_do_not():
    x = la.zeros(3, chunks=2)
    name, whole, copied, cut = x, x[:], x.copy(), x.rechunk(x.chunks)
    broadcast = la.broadcast_arrays(x, x)[0]
    x[1] = 5
    x += 1
    assert name is x
    np.testing.assert_array_equal(name.compute(), [1, 6, 1])
    for other in (whole, copied, cut, broadcast):
        np.testing.assert_array_equal(other.compute(), [0, 0, 0])


def test_what_is_given_may_change_afterwards():
    x, value, index, mask = la.zeros(4, chunks=2), np.ones(2), np.array([1, 3]), np.array([True, False] * 2)
    y, z = x[mask], x.copy()
    x[index], z[mask] = value, value
    value[:], index[:], mask[:] = 9, 0, False
    np.testing.assert_array_equal(x.compute(), [0, 1, 0, 1])
    np.testing.assert_array_equal(z.compute(), [1, 0, 1, 0])
    np.testing.assert_array_equal(y.compute(), [0, 0])


def test_numpys_own_arrays_are_changed_by_values_of_ours():
    n, x = np.zeros(4), la.arange(4, chunks=2)
    np.copyto(n, x)
    np.put(n, la.asarray([0]), x[3:])
    np.add.at(n, la.asarray([1, 1]), 1)
    np.testing.assert_array_equal(n, [3, 3, 2, 3])


# -- what is not touched


class Counting:
    """An array that counts which elements are read of it."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.read = np.zeros(array.shape, int)

    def __getitem__(self, key):
        self.read[key] += 1
        return self.array[key]


def test_a_box_reads_no_more_of_the_array_than_it_leaves_there():
    source = Counting(np.arange(64.0).reshape(8, 8))
    x = la.from_array(source, chunks=4)
    x[2:4, 4:8] = 1
    x[4:, :4] = la.ones((4, 4), chunks=2)
    x.compute()
    assert source.read.max() == 1
    assert not source.read[4:, :4].any()  # all of that tile is new
    source.read[:] = 0
    x[:4, :4].compute()
    assert source.read[:4, :4].all()
    assert source.read.sum() == 16


def test_tiles_beside_a_box_are_handed_on_as_they_are():
    x = la.ones((6, 6), chunks=2).persist()
    before = la.plan(x + 0).task_count
    x[0, 0] = 5
    x[::2, 4] = 5
    assert la.plan(x + 0).task_count <= before + 1 + 1 + 3 + 3
    (program,) = [p for p in la.plan(x).programs if p.writes[0].array in la.plan(x).outputs]
    assert not program.steps  # nothing is computed: a tile is a part of the read


def test_many_boxes_lie_over_one_another_in_one_stage():
    x = la.zeros((40, 4), chunks=4)
    n = np.zeros((40, 4))
    for i in range(0, 38, 3):
        x[i : i + 4] = i
        n[i : i + 4] = i
    plan = la.plan(x * 2)
    assert len(plan.programs) == 13 + 1  # a stage for each value, and one that reads them all
    np.testing.assert_array_equal((x * 2).compute(), n * 2)


def test_indices_touch_only_the_tiles_between_the_first_and_the_last():
    n = np.zeros((1000, 300))
    source = Counting(n)
    x = la.from_array(source, chunks=(100, 300))
    x[[310, 305, 420]] = 1
    n[[310, 305, 420]] = 1
    put_stage = next(p for p in la.plan(x).programs if p.op == "put")
    assert [c.size for c in put_stage.axes] == [200, 300, 1]
    np.testing.assert_array_equal(x.compute(), n)


def test_of_several_values_for_one_element_the_last_stays_in_whatever_tiles_the_index_is():
    index = np.random.default_rng(0).integers(0, 9, 50)
    n = np.zeros(9)
    n[index] = np.arange(50)
    for given_index in (index, la.from_array(index, chunks=3)):
        x = la.zeros(9, chunks=2)
        x[given_index] = la.arange(50, chunks=7)
        with la.config(workers=2):
            np.testing.assert_array_equal(x.compute(), n)
