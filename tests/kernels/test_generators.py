from __future__ import annotations

import inspect
import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.generators import SINGLES, logical_block
from numpy.testing import assert_array_equal

ARGS = {
    "random": [], "standard_normal": [], "standard_exponential": [], "standard_gamma": {"shape": 2.0},
    "integers": {"low": 3, "high": 9, "endpoint": True}, "uniform": [-1.0, 2.0], "normal": [5.0, 2.0],
    "exponential": [3.0], "gamma": {"shape": 2.0, "scale": 3.0}, "beta": [2.0, 3.0], "binomial": [10, 0.3],
    "negative_binomial": [5, 0.4], "poisson": [4.0], "chisquare": [3.0], "noncentral_chisquare": [3.0, 1.0],
    "f": [5.0, 9.0], "noncentral_f": [5.0, 9.0, 1.0], "standard_cauchy": [], "standard_t": [9.0],
    "vonmises": [0.0, 2.0], "pareto": [5.0], "weibull": [2.0], "power": [2.0], "laplace": [1.0, 2.0],
    "gumbel": [1.0, 2.0], "logistic": [1.0, 2.0], "lognormal": [0.0, 0.5], "rayleigh": [2.0], "wald": [2.0, 3.0],
    "triangular": [0.0, 1.0, 4.0], "geometric": [0.3], "zipf": [4.0], "hypergeometric": [10, 20, 5],
    "logseries": [0.5],
}  # fmt: skip
COUNTS = {"integers", "binomial", "negative_binomial", "poisson", "geometric", "zipf", "hypergeometric", "logseries"}
random = get("random").fn


def draw(shape, block=None, name="standard_normal", seed=7, call=0, args=None, dtype="<f8"):
    block = [(0, n) for n in shape] if block is None else block
    args = ARGS[name] if args is None else args
    return random(block=block, shape=shape, seed=seed, call=call, name=name, args=args, dtype=dtype)


def spans(n):
    return st.tuples(st.integers(0, n), st.integers(0, n)).map(lambda ends: (min(ends), max(ends)))


@st.composite
def shapes_and_blocks(draw_):
    shape = draw_(st.sampled_from([(), (0,), (1,), (200_000,), (300, 700), (3, 0, 2), (5, 300, 400), (100_000, 3)]))
    return shape, [draw_(spans(n)) for n in shape]


@given(shapes_and_blocks(), st.sampled_from(["random", "standard_normal", "integers", "gamma"]))
def test_a_block_holds_the_same_values_as_the_whole_array(shape_and_block, name):
    shape, block = shape_and_block
    dtype = "<i8" if name == "integers" else "<f8"
    part = draw(shape, block, name, dtype=dtype)
    assert_array_equal(part, draw(shape, name=name, dtype=dtype)[tuple(slice(*span) for span in block)])


def test_values_do_not_depend_on_chunks_or_order():
    shape, whole = (500, 600), draw((500, 600))
    for chunk in ((100, 600), (256, 256), (77, 191)):
        corners = [(i, j) for i in range(0, 500, chunk[0]) for j in range(0, 600, chunk[1])]
        for i, j in reversed(corners):
            block = [(i, min(i + chunk[0], 500)), (j, min(j + chunk[1], 600))]
            assert_array_equal(draw(shape, block), whole[slice(*block[0]), slice(*block[1])])


def test_other_seeds_calls_and_blocks_have_other_values():
    shape = (512, 512)
    made = [draw(shape), draw(shape, call=1), draw(shape, seed=8), draw(shape, seed=[7, 1]), draw(shape, seed=2**200)]
    blocks = [x[i : i + 256, j : j + 256] for x in made for i in (0, 256) for j in (0, 256)]
    assert len({block.tobytes() for block in blocks}) == len(blocks)
    together = np.corrcoef([block.ravel() for block in blocks])
    assert abs(together - np.eye(len(blocks))).max() < 0.03


def test_every_method_with_one_value_per_element_is_tested():
    assert {*ARGS, "choice"} == SINGLES


@pytest.mark.parametrize("name", sorted(ARGS))
def test_the_distribution_is_that_of_numpys_method(name):
    dtype = "<i8" if name in COUNTS else "<f8"
    mine = draw((400, 500), name=name, dtype=dtype)
    args = ARGS[name]
    method = getattr(np.random.default_rng(1), name)
    numpys = method(**args, size=200_000) if isinstance(args, dict) else method(*args, size=200_000)
    assert mine.dtype == numpys.dtype
    quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]
    spread = np.ptp(np.quantile(numpys, quantiles))
    difference = np.quantile(mine, quantiles) - np.quantile(numpys, quantiles)
    # Counts move in whole steps: one step at a quantile that lies on its edge.
    assert abs(difference).max() <= (1.0 if name in COUNTS else 0.02 * spread)


@pytest.mark.parametrize("name", ["random", "standard_normal", "standard_exponential", "standard_gamma"])
def test_single_precision_is_drawn_in_single_precision(name):
    x = draw((300, 300), name=name, dtype="<f4")
    assert x.dtype == np.float32
    assert not np.array_equal(x, draw((300, 300), name=name).astype("f4"))


@pytest.mark.parametrize("dtype", ["?", "|i1", "|u1", "<i2", "<u4", "<u8", ">i4"])
def test_integers_have_the_dtype_asked_for(dtype):
    x = draw((300, 300), name="integers", args=[0, 2], dtype=dtype)
    assert x.dtype == np.dtype(dtype)
    assert set(np.unique(x.astype(int))) == {0, 1}


@given(st.lists(st.integers(0, 10**7), max_size=5).map(tuple))
def test_logical_blocks_are_powers_of_two_of_bounded_size(shape):
    block = logical_block(shape)
    assert all(size & (size - 1) == 0 for size in block)
    assert math.prod(block) <= 2**16
    assert all(size < 2 * max(n, 1) for size, n in zip(block, shape, strict=True))
    full = all(size >= n for size, n in zip(block, shape, strict=True))
    assert full or math.prod(block) == 2**16


@given(st.lists(st.integers(1, 10**5), min_size=1, max_size=3).map(tuple), st.data())
def test_logical_blocks_of_values_drawn_together_have_their_axes_whole(shape, data):
    together = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    block = logical_block(shape, together)
    line = math.prod(shape[d] for d in together)
    assert all(block[d] == shape[d] for d in together)
    assert math.prod(block) <= max(2**16, line)


@pytest.mark.parametrize("name", sorted(n for n, args in ARGS.items() if args))
def test_arrays_of_one_parameter_draw_what_the_scalar_draws(name):
    # Of the same values NumPy draws the same: so arrays of parameters have the streams that scalars have.
    args = dict(zip("abc", ARGS[name], strict=False)) if isinstance(ARGS[name], list) else dict(ARGS[name])
    names = {"integers": ["low", "high"]}.get(name) or parameters_of(name)
    args = args if isinstance(ARGS[name], dict) else dict(zip(names, args.values(), strict=True))
    dtype = "<i8" if name in COUNTS else "<f8"
    arrays = {k: np.full((300, 1) if n % 2 else (300, 400), v) for n, (k, v) in enumerate(args.items()) if k in names}
    rest = {k: v for k, v in args.items() if k not in arrays}
    common = {"block": [(0, 300), (0, 400)], "shape": (300, 400), "seed": 7, "call": 0, "name": name, "dtype": dtype}
    whole = random(*arrays.values(), **common, args=rest, given=list(arrays))
    assert_array_equal(whole, draw((300, 400), name=name, args=args, dtype=dtype))


def parameters_of(name):
    kinds = inspect.signature(getattr(np.random.Generator, name)).parameters
    return [k for k in kinds if k not in ("self", "size", "dtype", "out", "method")]


def test_each_logical_block_is_drawn_with_its_own_parameters():
    shape, lam = (300, 700), np.random.default_rng(0).uniform(0, 50, (300, 700))
    common = {"shape": shape, "seed": 7, "call": 0, "name": "poisson", "given": ["lam"], "dtype": "<i8"}
    whole = random(lam, block=[(0, 300), (0, 700)], **common)
    for i, j in ((0, 0), (0, 2), (1, 1)):
        rows, columns = slice(256 * i, min(256 * i + 256, 300)), slice(256 * j, min(256 * j + 256, 700))
        stream = np.random.SFC64(np.random.SeedSequence(7, spawn_key=(0, i, j)))
        assert_array_equal(whole[rows, columns], np.random.Generator(stream).poisson(lam[rows, columns]))
    part = random(lam[256:, 256:512], block=[(256, 300), (256, 512)], **common)
    assert_array_equal(part, whole[256:, 256:512])


def test_parameters_of_a_part_of_a_logical_block_are_refused():
    common = {"shape": (300,), "seed": 7, "call": 0, "name": "poisson", "given": ["lam"], "dtype": "<i8"}
    with pytest.raises(ValueError, match="whole logical blocks"):
        random(np.ones(4), block=[(3, 7)], **common)


def test_threads_draw_the_same_values_at_once():
    shape, made = (700, 900), {}
    threads = [threading.Thread(target=lambda i=i: made.update({i: draw(shape)})) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for x in made.values():
        assert_array_equal(x, draw(shape))


def test_an_unknown_method_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match=r"no random method 'shuffle'.*standard_normal"):
        draw((2,), name="shuffle", args=[])


@pytest.mark.parametrize("name", ["standard_normal", "normal"])
def test_a_logical_block_is_the_stream_of_its_number(name):
    # Another rule would change every result that is computed again.
    x = draw((600, 600), name=name, args=[], call=3)
    for i, j in [(0, 0), (1, 2), (2, 2)]:
        expected = x[256 * i : 256 * (i + 1), 256 * j : 256 * (j + 1)]
        stream = np.random.SFC64(np.random.SeedSequence(7, spawn_key=(3, i, j)))
        assert_array_equal(np.random.Generator(stream).standard_normal(expected.shape), expected)
