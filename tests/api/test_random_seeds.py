"""Seeds, children, and the functions of numpy.random over one generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lambdarray as la

from .draws import SEED, ours, same

# -- seeds


def test_children_draw_what_neither_their_parent_nor_others_draw() -> None:
    parent = ours()
    first, second = parent.spawn(2)
    (third,) = parent.spawn(1)
    (grandchild,) = first.spawn(1)
    everyone = [ours(), first, second, third, grandchild]
    drawn = np.array([rng.random((300, 300)).compute() for rng in everyone])
    assert len(np.unique(drawn)) == drawn.size
    assert abs(np.corrcoef(drawn.reshape(len(everyone), -1)) - np.eye(len(everyone))).max() < 0.02


def test_children_are_those_of_the_seed_sequence() -> None:
    sequence, parent = np.random.SeedSequence(SEED), ours()
    for theirs, mine in zip(sequence.spawn(3), parent.spawn(3), strict=True):
        assert mine.bit_generator.seed_seq.spawn_key == theirs.spawn_key
        np.testing.assert_array_equal(mine.random(9).compute(), la.random.default_rng(theirs).random(9).compute())
    assert parent.bit_generator.seed_seq.n_children_spawned == 3


@pytest.mark.parametrize("seed", [0, 2**100, [1, 2], np.array([3, 4]), np.int64(5), np.random.SeedSequence(6)])
def test_a_seed_may_be_whatever_numpys_is_and_repeats(seed: Any) -> None:
    one, two = la.random.default_rng(seed), la.random.default_rng(seed)
    np.testing.assert_array_equal(one.random(9).compute(), two.random(9).compute())
    sequence = np.random.SeedSequence(seed) if not isinstance(seed, np.random.SeedSequence) else seed
    np.testing.assert_array_equal(la.random.default_rng(sequence).random(9).compute(), ours(seed).random(9).compute())


def test_no_seed_is_a_fresh_one() -> None:
    assert not np.array_equal(ours(None).random(9).compute(), ours(None).random(9).compute())


def test_numpys_generators_give_entropy_and_go_on() -> None:
    for make in (np.random.default_rng, np.random.PCG64):
        theirs = make(1)
        one, two, again = ours(theirs), ours(theirs), ours(make(1))
        first = one.random(9).compute()
        np.testing.assert_array_equal(first, again.random(9).compute())
        assert not np.array_equal(first, two.random(9).compute())


@pytest.mark.parametrize("seed", [-1, 1.5, "text"])
def test_what_is_no_seed_is_refused_as_numpy_refuses_it(seed: Any) -> None:
    with pytest.raises(Exception) as refused:
        np.random.default_rng(seed)
    with pytest.raises(type(refused.value)):
        la.random.default_rng(seed)


def test_our_generators_are_handed_on() -> None:
    rng = ours()
    assert la.random.default_rng(rng) is rng
    assert la.random.Generator(rng.bit_generator).bit_generator is rng.bit_generator


# -- the functions of the module


def test_functions_of_the_module_are_numpys_names_over_one_generator() -> None:
    functions = {n for n in np.random.__all__ if n[0].islower()} - {"get_state", "set_state", "random_integers"}
    assert functions <= set(la.random.__all__)
    la.random.seed(SEED)
    rng = ours()
    pairs = (
        (la.random.rand(2, 3), rng.random((2, 3))),
        (la.random.randn(4), rng.standard_normal(4)),
        (la.random.randint(3, 9, 5), rng.integers(3, 9, 5)),
        (la.random.random_sample(4), rng.random(4)),
        (la.random.normal(5, [1, 2], size=(3, 2)), rng.normal(5, [1, 2], size=(3, 2))),
        (la.random.choice(9, 4, replace=False), rng.choice(9, 4, replace=False)),
    )
    for function, method in pairs:
        same(function, method.compute())
    assert la.random.rand().shape == ()
    la.random.seed()
    assert not np.array_equal(la.random.rand(4).compute(), pairs[3][0].compute())
