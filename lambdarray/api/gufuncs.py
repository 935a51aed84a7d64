"""Functions of a few axes over all others: `apply_gufunc` and what is built on it, with Dask's names and meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..runtime.functions import name_of
from ..tiling import Cuts
from .array import Array
from .axes import axis_of
from .calling import Caller, Label, Operand, Result, align
from .creation import asarray
from .manipulation import expand_dims, moveaxis, permute_dims
from .stages import single

Core = tuple[str, ...]
_LIST = r"\((?:\w+(?:,\w+)*,?)?\)"
_SIGNATURE = re.compile(rf"(?:{_LIST}(?:,{_LIST})*,?)?->{_LIST}(?:,{_LIST})*,?")


@dataclass(frozen=True, slots=True)
class Signature:
    """The core axes of each input and output of a function; `one` where it returns an array, not a tuple.

    >>> Signature.parse("(i,j),(j)->(i),()")
    Signature(ins=[('i', 'j'), ('j',)], outs=[('i',), ()], one=False)
    """

    ins: list[Core]
    outs: list[Core]
    one: bool

    @classmethod
    def parse(cls, text: Any) -> Signature:
        """From the text; ValueError where it is none."""
        if not isinstance(text, str):
            raise TypeError(f"a signature is a text such as '(i),(i)->()', not {text!r}")
        text = re.sub(r"\s+", "", text)
        if not _SIGNATURE.fullmatch(text):
            raise ValueError(f"Not a valid gufunc signature: {text}")
        ins, outs = ([tuple(re.findall(r"\w+", core)) for core in re.findall(_LIST, side)] for side in text.split("->"))
        return cls(ins, outs, len(outs) == 1 and not text.endswith(","))

    def axes(self, axes: Any, axis: Any, keepdims: bool) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """Where the core axes of inputs and outputs are: at the end, where `axes` says, or at the one `axis`."""
        if axes is not None and axis is not None:
            raise ValueError("only one of axis= and axes= may be given")
        if keepdims and (any(self.outs) or len(set(self.ins)) != 1):
            raise ValueError("keepdims= is for scalar outputs of inputs that all have the same core axes")
        cores = [*self.ins, *([self.ins[0]] * len(self.outs) if keepdims else self.outs)]
        if axis is not None:
            if not isinstance(axis, int | np.integer) or {c for c in cores if c} != {next((c for c in cores if c), ())}:
                raise ValueError(f"axis={axis!r} must be an integer, for a function of a single, shared core axis")
            if max(map(len, cores)) != 1:
                raise ValueError(f"axis={axis!r} is for a function of a single, shared core axis")
            axes = [(axis,) * len(c) for c in cores]
        if axes is None:
            axes = [tuple(range(-len(c), 0)) for c in cores]
        return self._checked(axes, cores, keepdims)

    def _checked(
        self, axes: Any, cores: Sequence[Core], keepdims: bool
    ) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        if not isinstance(axes, list):
            raise ValueError(f"axes={axes!r} must be a list with an entry for each input and output")
        found = [tuple(a) if isinstance(a, tuple | list) else (a,) for a in axes]
        if len(found) == len(self.ins) and not any(self.outs):
            found += [found[0] if keepdims else ()] * len(self.outs)
        if len(found) != len(cores) or any(len(a) != len(c) for a, c in zip(found, cores, strict=True)):
            raise ValueError(f"axes={axes!r} must have as many entries, and of axes each, as the signature has")
        return found[: len(self.ins)], found[len(self.ins) :]


def apply_gufunc(
    func: Callable[..., Any],
    signature: str,
    *args: Any,
    axes: Any = None,
    axis: Any = None,
    keepdims: bool = False,
    output_dtypes: Any = None,
    output_sizes: Mapping[str, int] | None = None,
    vectorize: bool | None = None,
    allow_rechunk: bool = False,
    meta: Any = None,
    token: str | None = None,
    extra_bytes: int = 0,
    **kwargs: Any,
) -> Any:
    """A function of the core axes that a signature names, over all others, along which arrays broadcast.

    It gets blocks with the core axes last and whole, and returns an array, or a tuple where the signature has several
    outputs. `output_sizes` are the lengths of core axes that outputs alone have. A function of one element of the
    other axes is looped over with `vectorize`. `axes`, `axis` and `keepdims` are those of NumPy's generalized
    ufuncs. Core axes in several chunks are refused, since blocks that have them whole may be large, unless
    `allow_rechunk` is set. The rest is as in `map_blocks`.

    >>> import numpy as np, lambdarray as la
    >>> x = la.arange(6.0, chunks=6).reshape(2, 3)
    >>> low, high = la.apply_gufunc(lambda b: (b.min(-1), b.max(-1)), "(i)->(),()", x)
    >>> high.compute()
    array([2., 5.])
    """
    parsed = Signature.parse(signature)
    if len(parsed.ins) != len(args):
        raise ValueError(f"the signature {signature!r} has {len(parsed.ins)} inputs, and {len(args)} are given")
    ins, outs = parsed.axes(axes, axis, keepdims)
    arrays = [_core_last(asarray(a), places) for a, places in zip(args, ins, strict=True)]
    if vectorize:
        func = np.vectorize(func, signature=re.sub(r"\s+", "", signature))
    caller = Caller(
        "apply_gufunc", func, [None] * len(args), kwargs, range(len(args)), token, extra_bytes, says="output_dtypes"
    )
    made = over_loops(caller, parsed, arrays, _dtypes(output_dtypes, meta, parsed), output_sizes or {}, allow_rechunk)
    turned = [_core_back(m, places, keepdims) for m, places in zip(made, outs, strict=True)]
    return turned[0] if parsed.one else tuple(turned)


def _dtypes(given: Any, meta: Any, signature: Signature) -> list[Any]:
    """One dtype for each output, None where none was given."""
    if given is None and meta is not None:
        given = [m.dtype for m in meta] if isinstance(meta, tuple | list) else meta.dtype
    if given is None:
        return [None] * len(signature.outs)
    each = list(given) if isinstance(given, tuple | list) else [given]
    if len(each) != len(signature.outs):
        raise ValueError(f"output_dtypes={given!r} has {len(each)} entries for {len(signature.outs)} outputs")
    return each


def _core_last(x: Array, places: tuple[int, ...]) -> Array:
    core = [axis_of(a, x.ndim) for a in places]
    return permute_dims(x, [d for d in range(x.ndim) if d not in core] + core)


def _core_back(x: Array, places: tuple[int, ...], keepdims: bool) -> Array:
    if keepdims:
        x = expand_dims(x, tuple(range(x.ndim, x.ndim + len(places))))
    return moveaxis(x, tuple(range(-len(places), 0)), places) if places else x


def over_loops(
    caller: Caller,
    signature: Signature,
    arrays: Sequence[Array],
    dtypes: Sequence[Any],
    sizes: Mapping[str, int],
    allow_rechunk: bool,
) -> tuple[Array, ...]:
    """The outputs of a function of arrays whose core axes are last; theirs are last too."""
    if any(a.ndim < len(core) for a, core in zip(arrays, signature.ins, strict=True)):
        raise ValueError(f"{caller.what}: arrays of {[a.ndim for a in arrays]} axes have no core axes {signature.ins}")
    operands = [Operand(a, _labels(a.ndim, core)) for a, core in zip(arrays, signature.ins, strict=True)]
    cuts = {**align(caller.what, operands), **_core_cuts(caller.what, signature, operands, sizes, allow_rechunk)}
    loops = [o.labels[: len(o.labels) - len(core)] for o, core in zip(operands, signature.ins, strict=True)]
    longest = max(loops, key=len, default=())
    cores = [tuple((name, core[:d].count(name)) for d, name in enumerate(core)) for core in signature.outs]
    cuts.update({label: cuts[label[0]] for core in cores for label in core})
    results = [Result((*longest, *core), d) for core, d in zip(cores, dtypes, strict=True)]
    if isinstance(caller.func, np.vectorize):
        dtypes = caller.dtypes(operands, results)
        results = [replace(r, dtype=d) for r, d in zip(results, dtypes, strict=True)]
        caller = replace(caller, func=_with_otypes(caller.func, dtypes))
    return caller.over(operands, cuts, results)


def _with_otypes(func: np.vectorize, dtypes: Sequence[np.dtype[Any]]) -> np.vectorize:
    """The same, told its dtypes: of a block without an element it could not find them out."""
    if func.otypes is not None or any(d.kind not in "biufc" for d in dtypes):
        return func
    chars = "".join(d.char for d in dtypes)
    return np.vectorize(func.pyfunc, chars, func.__doc__, func.excluded, func.cache, func.signature)


def _labels(ndim: int, core: Core) -> tuple[Label, ...]:
    """Core axes by their names, the others by their place from the last of them."""
    return (*range(len(core) - ndim, 0), *core)


def _core_cuts(
    what: str, signature: Signature, operands: Sequence[Operand], sizes: Mapping[str, int], allow_rechunk: bool
) -> dict[Label, Cuts]:
    """Each core axis in one block."""
    found: dict[Label, Cuts] = {name: single(size) for name, size in sizes.items()}
    for operand, core in zip(operands, signature.ins, strict=True):
        for label, cuts in zip(operand.labels, operand.cuts(), strict=True):
            if label not in core:
                continue
            if cuts.count > 1 and not allow_rechunk:
                raise ValueError(
                    f"{what}: the core axis {label!r} consists of {cuts.count} chunks; rechunk it to one, or say "
                    "allow_rechunk=True where a block that has it whole fits in memory"
                )
            if found.setdefault(label, single(cuts.size)).size != cuts.size:
                raise ValueError(f"{what}: the core axis {label!r} is {found[label].size} long, and {cuts.size}")
    unknown = [label for core in signature.outs for label in core if label not in found]
    if unknown:
        raise ValueError(
            f"{what}: the core axis {unknown[0]!r} is on no input; say output_sizes={{{unknown[0]!r}: ...}}"
        )
    return found


class gufunc:  # noqa: N801 - Dask's name
    """A function with its signature, called on arrays as `apply_gufunc` calls it.

    >>> import numpy as np, lambdarray as la
    >>> la.gufunc(lambda b: b.sum(-1), signature="(i)->()")(la.ones((2, 3))).compute()
    array([3., 3.])
    """

    def __init__(self, pyfunc: Callable[..., Any], *, signature: str, **settings: Any) -> None:
        Signature.parse(signature)
        self.pyfunc, self.signature, self.settings = pyfunc, signature, settings
        self.__doc__ = f"{name_of(pyfunc)} over blocks, with the signature {signature!r}."

    def __call__(self, *args: Any, allow_rechunk: bool = False, **kwargs: Any) -> Any:
        settings = {**self.settings, "allow_rechunk": allow_rechunk or self.settings.get("allow_rechunk", False)}
        return apply_gufunc(self.pyfunc, self.signature, *args, **settings, **kwargs)


def as_gufunc(signature: str, **settings: Any) -> Callable[[Callable[..., Any]], gufunc]:
    """A decorator that makes a function a `gufunc`.

    >>> import lambdarray as la
    >>> @la.as_gufunc("(i)->()", output_dtypes=float)
    ... def total(b):
    ...     return b.sum(-1)
    >>> total(la.ones((2, 3))).compute()
    array([3., 3.])
    """
    return lambda pyfunc: gufunc(pyfunc, signature=signature, **settings)


class vectorize:  # noqa: N801 - NumPy's name
    """A function of scalars (with a signature: of small arrays) as one of arrays that broadcast, as `numpy.vectorize`.

    Arguments that are to be looped over are given by position, all but those at the places in `excluded`.

    >>> import lambdarray as la
    >>> la.vectorize(lambda a, b: a if a > b else b)(la.arange(4), 2).compute()
    array([2, 2, 2, 3])
    """

    def __init__(
        self,
        pyfunc: Callable[..., Any],
        otypes: Any = None,
        doc: str | None = None,
        excluded: Any = None,
        cache: bool = False,
        signature: str | None = None,
    ) -> None:
        self._loop = np.vectorize(pyfunc, otypes, doc, excluded, cache, signature)
        self.pyfunc, self.signature, self.excluded = pyfunc, signature, set(excluded or ())
        self.__doc__ = self._loop.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        wrong = next((name for name, v in kwargs.items() if np.ndim(v) and name not in self.excluded), None)
        if wrong is not None:
            raise TypeError(f"vectorize: {wrong}= is an array, which only an argument by position may be")
        at = [n for n in range(len(args)) if n not in self.excluded]
        arrays = [asarray(args[n]) for n in at]
        constants = [None if n in at else a for n, a in enumerate(args)]
        caller = Caller("vectorize", self._loop, constants, kwargs, at, says="otypes")
        signature, dtypes = self._outputs(caller, arrays)
        made = over_loops(caller, signature, arrays, dtypes, {}, True)
        return made[0] if len(made) == 1 else made

    def _outputs(self, caller: Caller, arrays: Sequence[Array]) -> tuple[Signature, list[Any]]:
        """The signature, and the dtypes that are known; without either the function is called once to count outputs."""
        otypes: Any = self._loop.otypes
        if self.signature is not None:
            parsed = Signature.parse(self.signature)
            return parsed, list(otypes or [None] * len(parsed.outs))
        if otypes is None:
            made = caller.sample([Operand(a, _labels(a.ndim, ())) for a in arrays], [Result(())])
            otypes = [np.asarray(m).dtype for m in (made if isinstance(made, tuple) else (made,))]
        return Signature([()] * len(arrays), [()] * len(otypes), True), list(otypes)
