"""Einstein summation: what the subscripts say, and in which order the operands are contracted."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from .array import Array
from .contractions import Label, Labelled, contract
from .creation import asarray
from .diagonals import diagonal
from .manipulation import permute_dims

# Labels of axes are letters, and for those that an ellipsis stands for -1 (the last), -2, ...
Term = tuple[Label, ...]
SYMBOLS = ascii_uppercase + ascii_lowercase


def einsum(
    *operands: Any, out: None = None, dtype: Any = None, order: str = "K", casting: Any = "safe", optimize: Any = True
) -> Array:
    """The sum of products that subscripts describe, as numpy.einsum.

    Operands are contracted two at a time in the order that `numpy.einsum_path` advises, as matrix products of tiles
    where that can be. ValueError where the subscripts do not fit one another or the operands.

    >>> import lambdarray as la
    >>> la.einsum("ij,j->i", la.arange(6).reshape(2, 3), la.arange(3)).compute()
    array([ 5, 14])
    """
    if out is not None:
        raise TypeError("einsum: an Array is immutable, so out= cannot be filled; use the value returned")
    subscripts, arrays = _given(operands)
    terms, output = _parse(subscripts, [x.ndim for x in arrays])
    kind = np.result_type(*(x.dtype for x in arrays)) if dtype is None else np.dtype(dtype)
    for n, x in enumerate(arrays):
        if not np.can_cast(x.dtype, kind, casting):
            raise TypeError(
                f"einsum operand {n} could not be cast from {x.dtype!r} to {kind!r} according to the rule {casting!r}"
            )
    parts = [_once_each(n, x.astype(kind), term) for n, (x, term) in enumerate(zip(arrays, terms, strict=True))]
    parts = _without_ones(parts)
    for group in _path(parts, output, optimize):
        chosen = [parts.pop(n) for n in sorted(group, reverse=True)][::-1]
        parts.append(_contracted(chosen, {*output, *(label for p in parts for label in p.labels)}))
    (last,) = parts
    return permute_dims(last.array, [last.labels.index(label) for label in output])


# -- the subscripts


def _given(operands: Sequence[Any]) -> tuple[str, list[Array]]:
    """The subscripts as text, and the arrays; subscripts may also be lists of numbers, one after each array."""
    if not operands:
        raise ValueError("must specify the einstein sum subscripts string and at least one operand")
    if isinstance(operands[0], str):
        subscripts, arrays = operands[0], operands[1:]
    else:
        pairs, rest = operands[: len(operands) // 2 * 2], operands[len(operands) // 2 * 2 :]
        arrays = pairs[::2]
        subscripts = ",".join(map(_text, pairs[1::2])) + "".join("->" + _text(r) for r in rest)
    if not arrays:
        raise ValueError("must specify the einstein sum subscripts string and at least one operand")
    return subscripts, [asarray(x) for x in arrays]


def _text(numbers: Any) -> str:
    """A list of numbers of subscripts as letters."""
    return "".join("..." if n is Ellipsis else _letter(n) for n in numbers)


def _letter(n: Any) -> str:
    try:
        place = n.__index__()
    except AttributeError:
        raise TypeError(f"each subscript must be either an integer or an ellipsis, not {n!r}") from None
    if not 0 <= place < len(SYMBOLS):
        raise ValueError(f"subscript {n} is not within the valid range [0, {len(SYMBOLS)})")
    return SYMBOLS[place]


def _parse(subscripts: str, ndims: Sequence[int]) -> tuple[list[Term], Term]:
    """The labels of each operand's axes, and of the result's."""
    inputs, arrow, result = subscripts.partition("->")
    texts = inputs.split(",")
    if len(texts) != len(ndims):
        raise ValueError(f"{subscripts!r} has subscripts for {len(texts)} operands, and {len(ndims)} were given")
    terms = [_term(text, ndim, f"operand {n}") for n, (text, ndim) in enumerate(zip(texts, ndims, strict=True))]
    seen = [label for term in terms for label in term]
    dots = tuple(sorted({label for label in seen if isinstance(label, int)}))
    if not arrow:
        once = (label for label in seen if isinstance(label, str) and seen.count(label) == 1)
        return terms, (*dots, *sorted(once))
    output = _term(result, None, "the output", dots)
    for label in output:
        if label not in seen or output.count(label) > 1:
            raise ValueError(f"{subscripts!r} has the output subscript {label!r} twice, or in no operand")
    if not set(dots) <= set(output):
        raise ValueError(f"{subscripts!r} has no '...' in its output for the axes that '...' stands for")
    return terms, output


def _term(text: str, ndim: int | None, what: str, dots: Term = ()) -> Term:
    """The labels of one operand of `ndim` axes, or of the output where an ellipsis stands for `dots`."""
    before, ellipsis, after = text.partition("...")
    head, tail = before.replace(" ", ""), after.replace(" ", "")
    if any(c not in ascii_letters for c in head + tail):
        raise ValueError(f"invalid subscripts {text!r} of {what}: they must be letters, and '...' at most once")
    if ndim is not None:
        extra = ndim - len(head) - len(tail)
        if extra < 0 or (extra and not ellipsis):
            raise ValueError(f"subscripts {text!r} of {what} do not name its {ndim} axes; '...' stands for any others")
        dots = tuple(range(-extra, 0))
    return (*head, *(dots if ellipsis else ()), *tail)


# -- the operands


def _once_each(n: int, x: Array, term: Term) -> Labelled:
    """An operand with each label once: of axes with one label the diagonal."""
    labels = list(term)
    for label in dict.fromkeys(term):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ValueError(
                    f"dimensions in operand {n} for collapsing index {label!r} don't match: "
                    f"{x.shape[first]} != {x.shape[second]}"
                )
            x = diagonal(x, 0, first, second)
            del labels[second], labels[first]
            labels.append(label)
    return Labelled(x, tuple(labels))


def _without_ones(parts: Sequence[Labelled]) -> list[Labelled]:
    """The operands without axes of length 1 that are longer in another; ValueError where lengths differ."""
    lengths: dict[Label, int] = {}
    for part in parts:
        for label, n in zip(part.labels, part.array.shape, strict=True):
            if lengths.get(label, 1) == 1:
                lengths[label] = n
            elif n not in (1, lengths[label]):
                raise ValueError(
                    f"operands could not be broadcast together: {label!r} has {lengths[label]} and {n} elements"
                )
    return [p.without([label for label in p.labels if p.length(label) != lengths[label]]) for p in parts]


# -- the order


def _path(parts: Sequence[Labelled], output: Term, optimize: Any) -> list[tuple[int, ...]]:
    """Which operands are contracted together, by their places among those that are left."""
    if len(parts) < 3:
        return [tuple(range(len(parts)))]
    if isinstance(optimize, Sequence) and not isinstance(optimize, str) and optimize[:1] == ["einsum_path"]:
        return [tuple(group) for group in optimize[1:]]
    labels = dict.fromkeys(label for part in parts for label in part.labels)
    letters = dict(zip(labels, SYMBOLS, strict=False))
    texts = ["".join(letters[label] for label in term) for term in (*(p.labels for p in parts), output)]
    shapes = [np.broadcast_to(np.zeros(()), part.array.shape) for part in parts]
    way = optimize if isinstance(optimize, str) else "greedy"
    found: list[tuple[int, ...]] = np.einsum_path(f"{','.join(texts[:-1])}->{texts[-1]}", *shapes, optimize=way)[0][1:]
    return found


def _contracted(parts: Sequence[Labelled], kept: set[Label]) -> Labelled:
    """Operands made one, from the first to the last."""
    first, *rest = parts
    for n, part in enumerate(rest):
        later = {label for p in rest[n + 1 :] for label in p.labels}
        first = contract(first, part, kept | later)
    return first.without(set(first.labels) - kept)
