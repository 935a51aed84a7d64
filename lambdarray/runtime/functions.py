"""Users' own functions: how one travels to where its tasks run, and how it is found again there."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from itertools import count
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from ..errors import UnpicklableError, UserFunctionError

Call = tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]

# What was loaded from pickles is kept for the next tasks: the last one, and others within this many bytes of pickles.
LOADED_BYTES = 64 << 20
# An element of an array is no larger.
LARGEST_BYTES = 2**31 - 1

_process = os.urandom(16).hex()
_numbers = count()


class Function:
    """A function with its constant arguments, as the array of one element that its pickle is.

    As an input of its tasks it goes wherever arrays go; in this process what they read of it leads back to it, so that
    the function itself is called. Its `key` is the user's token or, in this process only, the hash of the
    pickle. What cannot be pickled is called in this process alone; `problem` says what stands in the way.
    """

    __slots__ = ("__weakref__", "_pickle", "call", "digest", "dtype", "key", "name", "problem")

    shape, ndim = (1,), 1

    def __init__(self, call: Call, token: str | None) -> None:
        self.call, self.name = call, name_of(call[0])
        self._pickle, self.problem = _pickled(call)
        self.digest = sha256(self._pickle).hexdigest()
        self.key = f"{_process} {self.digest}" if token is None else f"token {token}"
        self.dtype = np.dtype(f"V{len(self._pickle)}")
        _here[id(self._pickle)] = self

    def __getitem__(self, key: Any) -> np.ndarray:
        found: np.ndarray = np.frombuffer(self._pickle, self.dtype)[key]
        return found

    def holds(self, memory: Any) -> bool:
        """Whether its array lies in this memory."""
        return memory is self._pickle

    def check_pickled(self) -> None:
        """Raise UnpicklableError where it cannot leave this process."""
        if self.problem:
            raise UnpicklableError(
                f"{self.name} cannot be sent to workers elsewhere: {self.problem}; make it inside the function or "
                "leave it out, or use executor='threads'"
            )


# The functions of this process's arrays: by the id of the pickle, and by key.
_here: WeakValueDictionary[int, Function] = WeakValueDictionary()
_named: WeakValueDictionary[str, Function] = WeakValueDictionary()


def function(
    func: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None, token: Any = None
) -> Function:
    """The function with its constant arguments, ready to travel.

    ValueError for a `token` that an array in use has for another function or for other arguments.
    """
    made = Function((func, args, dict(kwargs or {})), None if token is None else str(token))
    found = _named.get(made.key, made)
    if found.digest != made.digest and not (made.problem and found.call[0] is func):
        raise ValueError(
            f"token={token!r} is that of {found.name} in another array: a token names one function with one set of "
            "arguments; use another token, or none"
        )
    _named[made.key] = made
    return made


def place_of(name: str, source: Any) -> str:
    """Where under its plan the array of this name goes, if it is one of this process.

    A function goes where its pickle's hash says: under a token of the user's the pickle may have changed since it was
    sent. Raises UnpicklableError for one that cannot be sent.
    """
    if not isinstance(source, Function):
        return name
    source.check_pickled()
    return f"{name}.{source.digest[:16]}"


def name_of(func: Any) -> str:
    """What a function is called.

    >>> name_of(partial(max, 1)), name_of(np.vectorize(abs)), name_of(lambda x: x)
    ('max', 'abs', 'lambda')
    """
    while isinstance(func, partial):
        func = func.func
    name: str = getattr(func, "__name__", None) or type(func).__name__
    return name.strip("<>")


def _pickled(call: Call) -> tuple[bytes, str]:
    """A call's pickle; or, for one that has none, what stands in the way."""
    import cloudpickle

    try:
        pickle = cloudpickle.dumps(call)
        if len(pickle) <= LARGEST_BYTES:
            return pickle, ""
        problem = f"with all that it uses it takes {len(pickle) / 2**30:.1f} GiB, and arrays are to be arguments"
    except Exception as error:
        problem = _problem(call, error)
    # A name that no other has, in place of the bytes.
    return f"unpicklable {next(_numbers)} of {_process}".encode(), problem


def _problem(call: Call, error: Exception) -> str:
    """Which part of a call cannot be pickled, and why."""
    import cloudpickle

    for name, value in _parts(call):
        try:
            cloudpickle.dumps(value)
        except Exception as found:
            return f"{name} cannot be pickled ({found})"
    return f"it cannot be pickled ({error})"


def _parts(call: Call) -> Iterator[tuple[str, Any]]:
    import inspect

    func, args, kwargs = call
    yield from ((f"its argument {n}", value) for n, value in enumerate(args))
    yield from ((f"its argument {name}=", value) for name, value in kwargs.items())
    if inspect.isfunction(func):
        found = inspect.getclosurevars(func)
        yield from ((f"its variable {name!r}", value) for name, value in {**found.globals, **found.nonlocals}.items())


# -- where tasks run


class Loaded:
    """Calls that were loaded from their pickles; what was used longest ago goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Call] = OrderedDict()
        self._lock = Lock()

    def get(self, pickle: bytes, name: str) -> Call:
        """The call of a pickle."""
        with self._lock:
            if pickle in self._kept:
                self._kept.move_to_end(pickle)
                return self._kept[pickle]
        call = _load(pickle, name)
        with self._lock:
            self._kept[pickle] = call
            while len(self._kept) > 1 and sum(map(len, self._kept)) > LOADED_BYTES:
                self._kept.popitem(last=False)
        return call


_loaded = Loaded()


def find(code: np.ndarray, name: str) -> Call:
    """The call that was read: the function itself where it is one of this process, else what its pickle holds."""
    memory: Any = code
    while isinstance(memory, np.ndarray):
        memory = memory.base
    here = _here.get(id(memory))
    return here.call if here is not None and here.holds(memory) else _loaded.get(code.tobytes(), name)


def _load(pickle: bytes, name: str) -> Call:
    import cloudpickle

    try:
        call: Call = cloudpickle.loads(pickle)
    except ModuleNotFoundError as error:
        raise UserFunctionError(
            f"{name} needs the module {error.name!r}, which this worker does not have: a function travels with what "
            "the script or notebook defines, and modules by their name; call cloudpickle.register_pickle_by_value("
            f"{error.name}) before you pass it, or define what it needs where you use it"
        ) from error
    except Exception as error:
        raise UserFunctionError(f"{name} cannot be loaded by this worker: {type(error).__name__}: {error}") from error
    return call
