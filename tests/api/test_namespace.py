"""What the array API standard asks of a namespace and its arrays: dtypes, devices, inspection, exchange."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import lambdarray as la

from ..judge import assert_same, check_raises, judge

VALUE = np.arange(6.0).reshape(2, 3)
X = la.from_array(VALUE, chunks=2)
INFO = la.__array_namespace_info__()

DTYPE_QUESTIONS = [
    lambda m, x: m.isdtype(m.float32, "real floating"),
    lambda m, x: m.isdtype(x.dtype, ("bool", "integral")),
    lambda m, x: m.issubdtype(x.dtype, m.floating),
    lambda m, x: m.can_cast(x, m.float32),
    lambda m, x: m.can_cast(m.int8, m.int16),
    lambda m, x: m.can_cast(x.dtype, m.float32, "same_kind"),
    lambda m, x: m.result_type(x, m.float32, 1),
    lambda m, x: m.result_type(m.int8, 1.5, x.astype("f4")),
    lambda m, x: m.promote_types(m.int8, m.uint8),
    lambda m, x: (m.iinfo(m.int8).max, m.iinfo(m.int8).bits, m.iinfo(m.uint16).dtype),
    lambda m, x: (m.finfo(x.dtype).eps, m.finfo(m.complex64).bits, m.finfo(m.float32).smallest_normal),
    lambda m, x: x.dtype == m.float64 and m.dtype("i4") == m.int32,
    lambda m, x: m.float32(1.5),
]
MISTAKES = [
    lambda m, x: m.finfo(m.int8),
    lambda m, x: m.iinfo(m.float32),
    lambda m, x: m.isdtype("f4", "numeric"),
    lambda m, x: m.isdtype(m.float32, "number"),
    lambda m, x: m.can_cast(1, m.int8),
    lambda m, x: m.zeros(3, device="gpu"),
    lambda m, x: m.asarray([1], device="gpu"),
    lambda m, x: m.asarray([1, 2], copy=False),
    lambda m, x: m.asarray(x, dtype="i4", copy=False),
    lambda m, x: m.asarray([300], dtype="i1"),
    lambda m, x: x.to_device("gpu"),
    lambda m, x: x.to_device("cpu", stream=1),
    lambda m, x: x.__array_namespace__(api_version="1999.12"),
    lambda m, x: m.__array_namespace_info__().default_dtypes(device="gpu"),
    lambda m, x: m.__array_namespace_info__().dtypes(kind="number"),
    lambda m, x: float(x),
    lambda m, x: int(x[:1, :1]),
    lambda m, x: complex(x[0]),
    lambda m, x: operator.index(x[0, 0]),
    lambda m, x: float(x[0, 0].astype(complex)),
]


@pytest.mark.parametrize("question", DTYPE_QUESTIONS)
def test_questions_about_dtypes_have_numpys_answers(question):
    assert question(la, X) == question(np, VALUE)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_raise_numpys_kind_of_error(mistake):
    with pytest.raises(Exception) as found:
        mistake(np, VALUE)
    check_raises(lambda x: mistake(la, x), (X,), found.value)


def test_limits_of_floats_are_pythons_numbers_and_of_arrays_too():
    for kind in (la.float16, la.float32, la.float64, la.complex64, la.complex128):
        info = la.finfo(la.ones(2, dtype=kind))
        assert type(info.eps) is type(info.max) is type(info.smallest_normal) is float
        assert info.eps == np.finfo(kind).eps
    assert type(la.finfo(la.longdouble).eps) is la.longdouble
    assert la.iinfo(la.ones(2, dtype="u1")).max == 255
    assert repr(la.finfo("f4")) == repr(np.finfo("f4"))


def test_every_name_of_a_dtype_is_numpys():
    for name in ("bool", "int64", "uint8", "float32", "complex128", "datetime64", "number", "intp"):
        assert getattr(la, name) is getattr(np, name)


def test_an_array_leads_to_its_namespace():
    assert X.__array_namespace__() is X.__array_namespace__(api_version="2025.12") is la
    assert la.__array_api_version__ == "2025.12"


def test_the_namespace_tells_what_it_can_and_where_arrays_are():
    theirs = np.__array_namespace_info__()
    assert INFO.capabilities() == theirs.capabilities()
    assert INFO.devices() == (INFO.default_device(),) == ("cpu",)
    assert X.device == "cpu"
    assert X.to_device("cpu") is X


@pytest.mark.parametrize("kind", [None, "bool", "integral", "numeric", ("real floating", "unsigned integer"), ()])
def test_dtypes_by_kind_are_numpys(kind):
    theirs = np.__array_namespace_info__()
    assert INFO.dtypes(kind=kind) == theirs.dtypes(kind=kind)
    assert INFO.default_dtypes(device="cpu") == theirs.default_dtypes(device="cpu")


def test_other_libraries_take_arrays_through_dlpack():
    class Foreign:
        """An array of another library."""

        def __dlpack__(self, **options):
            return VALUE.__dlpack__(**options)

        def __dlpack_device__(self):
            return VALUE.__dlpack_device__()

    np.testing.assert_array_equal(np.from_dlpack(X + 1), VALUE + 1)
    assert X.__dlpack_device__() == VALUE.__dlpack_device__()
    assert_same(la.from_dlpack(Foreign()), VALUE, exact=True)
    assert_same(la.from_dlpack(X, device="cpu", copy=True), VALUE, exact=True)


def test_asarray_copies_where_it_is_told_to():
    source = VALUE.copy()
    shared, copied = la.asarray(source), la.asarray(source, copy=True)
    source[0, 0] = 99
    assert shared[0, 0].item() == 99
    assert copied[0, 0].item() == 0
    assert la.asarray(X) is la.asarray(X, copy=False) is X
    assert la.asarray(X, copy=True) is not X


@pytest.mark.parametrize("dtype", [None, "f4", "c16"])
def test_a_list_with_arrays_in_it_is_stacked(dtype):
    judge(lambda a, like=X: _nested(a, dtype), (X[0], VALUE[0]), exact=True)


def _nested(row, dtype):
    module = la if isinstance(row, la.Array) else np
    return module.asarray([[row, [1, 2, 3]], [row * 2, row]], dtype=dtype)


def test_creation_takes_a_dtype_and_a_device():
    for name in ("ones", "zeros"):
        for dtype in (None, "i2", la.bool, la.complex64):
            assert_same(getattr(la, name)(3, dtype=dtype, device="cpu"), getattr(np, name)(3, dtype=dtype), exact=True)
    assert la.empty((2, 3), dtype=None).dtype == np.float64
    assert la.empty_like(X, dtype="i4", device="cpu").dtype == np.int32
    assert_same(la.full_like(X, 2, device="cpu"), np.full_like(VALUE, 2), exact=True)


IN_PLACE = [
    lambda x, y: operator.iadd(x, y),
    lambda x, y: operator.isub(x, y[0]),
    lambda x, y: operator.imul(x, 2),
    lambda x, y: operator.ifloordiv(x, 3),
    lambda x, y: operator.imod(x, 4),
    lambda x, y: operator.ipow(x, 2),
    lambda x, y: operator.itruediv(x, 2),
    lambda x, y: operator.iadd(x, 1.5),
    lambda x, y: operator.iadd(x, 1j),
    lambda x, y: operator.iand(x, y),
    lambda x, y: operator.ilshift(x, 1),
    lambda x, y: operator.iadd(x, y[:, None]),
    lambda x, y: operator.iadd(x, "a"),
    lambda x, y: operator.imatmul(x, y.T),
]


@pytest.mark.parametrize("change", IN_PLACE)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "u1", "?"])
def test_in_place_operators_keep_shape_and_dtype_or_raise_numpys_error(change, dtype):
    y = (la.from_array(VALUE, chunks=2), VALUE)
    judge(lambda a, b: change(a.astype(dtype), b.astype(dtype)), y, y)
    judge(lambda a, b: change(a.astype(dtype), b), y, y)


def test_in_place_operators_change_the_array_under_all_its_names_and_nothing_made_of_it():
    x = other = la.ones(3, dtype="f4")
    made, copy = x * 2, x.copy()
    x += np.float64(2)
    assert x.dtype == np.float32
    for array, value in ((x, 3), (other, 3), (made, 2), (copy, 1)):
        np.testing.assert_array_equal(array.compute(), [value] * 3)
    with pytest.raises(TypeError):
        x += None
