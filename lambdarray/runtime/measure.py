"""What this process can do: seconds of kernels, of memory and of a store, for `lambdarray calibrate`.

A work is something that a worker does all the time, with the count of what it does: flops, elements or bytes. It is
done again and again, by as many threads at once as tasks would be, and the seconds of each time are what is measured.
Names are those of the profile's tables, with the side of tiles behind an @.
"""

from __future__ import annotations

import math
import mmap
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from time import perf_counter, process_time, thread_time
from typing import Any
from uuid import uuid4

import numpy as np
from lambdarray_kernels import get

from ..store import TileStore, open_store
from ..store.format import encode
from . import environment

Array = np.ndarray[Any, Any]
Json = Any

DTYPES = ("float64", "float32", "complex128", "complex64")
# Elements of a block that stays in the cache, and of arrays that do not.
CACHED, STREAMED = 1 << 15, 1 << 23
FEW, MANY = 4, 36
# Bytes that a thread holds of what it makes, and that all of them do: no cache has much of it, as it has of what was
# just let go.
HELD_BYTES, ALL_HELD_BYTES = 1 << 28, 1 << 30
# A block of rows, as large as a task's.
TALL_BYTES = 32 << 20
# How many requests store a tile at once, and how often at most.
AT_ONCE, MOST_STORED = 4, 8
LEAST, MOST = 3, 100
PREFIX = "ping/measure"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Two sides of tiles, two numbers of columns of tall blocks, and the bytes of a tile that is stored."""

    sides: tuple[int, int] = (256, 1024)
    columns: tuple[int, int] = (32, 128)
    tile_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do, how much of what it is counted in it does each time, and what is done after it unmeasured."""

    count: float
    run: Callable[[], Any]
    after: Callable[[], Any] = lambda: None


Make = Callable[[], Work]


def call(kernel: str, *args: Array, **params: Any) -> Work:
    """A kernel on these arguments, counted in its flops."""
    found = get(kernel)
    flops = found.flops(*(a.shape for a in args), **params)
    return Work(float(flops), partial(found.fn, *args, **params))


# -- linear algebra


def product(dtype: str, n: int) -> Work:
    """A product of square tiles, added to a third."""
    c, a, b = (values((n, n), dtype) for _ in range(3))
    return call("gemm", c, a, b, dtype=np.dtype(dtype).str)


def symmetric(n: int) -> Work:
    """A tile less a product of another one with itself."""
    return call("herk_update", values((n, n)), values((n, n)))


def triangular(n: int) -> Work:
    """A tile times the inverse of a triangle."""
    return call("trsm", positive(n), values((n, n)), right=True, trans="C")


def cholesky(n: int) -> Work:
    """The factor of a tile."""
    return call("cholesky", positive(n))


def lu(n: int) -> Work:
    """The pivoted factors of a tile twice as tall as it is wide."""
    return call("choose_pivots", values((2 * n, n)), block=[(0, 2 * n), (0, n)], shape=[2 * n, n])


def qr(n: int) -> Work:
    """The reflectors of a block of rows."""
    from lambdarray_kernels.orthogonal import packed_size

    rows = TALL_BYTES // (8 * n)
    return call("reflect", values((rows, n)), columns=n, size=packed_size(rows, n, 8))


def narrow(n: int) -> Work:
    """The rows of Q that such reflectors stand for."""
    rows, packed = TALL_BYTES // (8 * n), qr(n).run()
    return call("unfold", packed, np.eye(n), block=[(0, rows)], shape=[rows], columns=n)


def spectral(n: int) -> Work:
    """Eigenvalues and vectors of a tile."""
    return call("eigh", positive(n))


def values(shape: Sequence[int], dtype: str = "float64") -> Array:
    """Numbers of ordinary size, the same each time."""
    kind, rng = np.dtype(dtype), np.random.default_rng(0)
    made = rng.standard_normal(tuple(shape))
    return (made + 1j * made[::-1]).astype(kind) if kind.kind == "c" else made.astype(kind)


def positive(n: int) -> Array:
    """A positive definite matrix: as a triangle it is a well-conditioned one."""
    made = values((n, n))
    return made + made.T + 4 * n * np.eye(n)


# -- elementwise programs and memory

FLOATS = (["<f8", "<f8"], ["<f8"])
STEP = ["c", "<f8", np.float64(0.01).tobytes().hex()]
# A function of each kind of one register.
FUNCTIONS: Mapping[str, Callable[[int], list[Json]]] = {
    "quick": lambda x: ["multiply", [x, x], *FLOATS],
    "divide": lambda x: ["divide", [0, x], *FLOATS],
    "exponential": lambda x: ["exp", [x], ["<f8"], ["<f8"]],
    "trigonometric": lambda x: ["sin", [x], ["<f8"], ["<f8"]],
    "other": lambda x: ["power", [0, x], *FLOATS],
}
# Additions for each function of a chain.
ADDED = 2


def chain(name: str, length: int) -> Work:
    """So many functions of a kind on a block in the cache: each of numbers a little larger, and added to the others."""
    x = np.random.default_rng(0).random(CACHED) + 0.5
    code: list[Json] = []
    number, total = 0, 0
    for _ in range(length):
        first = len(code) + 1
        code += [["add", [number, STEP], *FLOATS], FUNCTIONS[name](first), ["add", [total, first + 1], *FLOATS]]
        number, total = first, first + ADDED
    sums = [[total, {"kind": "sum", "axes": [0], "dtype": "<f8"}]]
    run = partial(get("map").fn, x, code=code, outputs=sums, block=[(0, CACHED)], shape=[CACHED])
    return Work(length * CACHED, run)


def drawn(name: str, *args: float) -> Work:
    """Random values."""
    block = {"block": [(0, STREAMED // 8)], "shape": [STREAMED // 8]}
    run = partial(get("random").fn, **block, seed=0, call=0, name=name, args=args, dtype="<f8")
    return Work(STREAMED // 8, run)


def stream() -> Work:
    """The sum of two arrays, which are read from memory."""
    n = streamed()
    x, y = np.ones(n), np.ones(n)
    code = [["add", [0, 1], ["<f8", "<f8"], ["<f8"]]]
    sums = [[2, {"kind": "sum", "axes": [0], "dtype": "<f8"}]]
    run = partial(get("map").fn, x, y, code=code, outputs=sums, block=[(0, n)], shape=[n])
    return Work(16.0 * n, run)


def fresh() -> Work:
    """Memory that is written for the first time, and what was written a while ago is let go."""
    n = streamed()
    held = deque[Array](maxlen=max(1, _held() // (8 * n)))

    def run() -> None:
        made = np.empty(n)
        made.fill(1.0)
        held.append(made)

    return Work(8.0 * n, run)


def small() -> Work:
    """The same without huge pages, as where arrays are small."""
    nbytes = 8 * streamed()

    def run() -> None:
        memory = mmap.mmap(-1, nbytes)
        with suppress(AttributeError, OSError):  # a system without huge pages needs no advice
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        np.frombuffer(memory, np.float64).fill(1.0)

    return Work(float(nbytes), run)


def copied() -> Work:
    """A copy into memory that is there: bytes read and bytes written."""
    x, y = np.ones(streamed()), np.ones(streamed())
    return Work(2.0 * x.nbytes, lambda: np.copyto(y, x))


def gathered() -> Work:
    """A matrix turned: bytes read and bytes written."""
    side = math.isqrt(streamed())
    x, y = np.ones((side, side)), np.ones((side, side))
    return Work(2.0 * x.nbytes, lambda: np.copyto(y, x.T))


def streamed() -> int:
    """Elements of an array that does not stay in the cache, and of which a function holds a few."""
    have = environment.data_bytes()
    return STREAMED if have is None else min(STREAMED, max(CACHED, have // 64))


def _held() -> int:
    """Bytes that a thread may hold of what it makes."""
    have, most = environment.data_bytes(), min(HELD_BYTES, ALL_HELD_BYTES // environment.cores())
    return most if have is None else min(most, have // 4)


# A method of a generator of each kind, with its parameters.
DISTRIBUTIONS: Mapping[str, tuple[float, ...]] = {"random": (), "standard_normal": (), "gamma": (2.0, 1.0)}


# -- all of them

LINEAR_ALGEBRA: Mapping[str, Callable[[int], Work]] = {
    "symmetric": symmetric,
    "triangular": triangular,
    "cholesky": cholesky,
    "lu": lu,
    "spectral": spectral,
    "qr": qr,
    "narrow": narrow,
}
TALL = ("qr", "narrow")
MEMORY: Mapping[str, Make] = {
    "stream": stream,
    "fresh": fresh,
    "small": small,
    "copied": copied,
    "gathered": gathered,
}


def names(sizes: Sizes) -> list[str]:
    """All that is measured without a store."""
    return [
        *(f"product.{dtype}@{n}" for dtype in DTYPES for n in sizes.sides),
        *(f"kernels.{kind}@{n}" for kind in LINEAR_ALGEBRA for n in (sizes.columns if kind in TALL else sizes.sides)),
        *(f"elementwise.{kind}@{length}" for kind in FUNCTIONS for length in (FEW, MANY)),
        *(f"random.{name}" for name in DISTRIBUTIONS),
        *(f"memory.{kind}" for kind in MEMORY),
    ]


def find(name: str) -> Make:
    """What makes the work of this name; KeyError where there is none."""
    path, _, size = name.partition("@")
    table, _, kind = path.partition(".")
    if table == "product":
        return partial(product, kind, int(size))
    if table == "kernels":
        return partial(LINEAR_ALGEBRA[kind], int(size))
    if table == "elementwise":
        return partial(chain, kind, int(size))
    return partial(drawn, kind, *DISTRIBUTIONS[kind]) if table == "random" else MEMORY[kind]


def measured(make: Make, seconds: float, threads: int = 1, most: int = MOST) -> Json:
    """How long a work takes when so many threads do it at once, each with arrays of its own.

    The answer has the `count` of a time, the `seconds` of each, and the `cpu` seconds of all threads for one.
    """
    ready, runs = threading.Barrier(threads), [list[float]() for _ in range(threads)]
    counts, errors = [0.0] * threads, list[BaseException]()
    cpu, afterwards = [0.0], [0.0] * threads

    def run(place: int) -> None:
        try:
            work = make()
            work.run()  # what is loaded or made at the first time is so now
            work.after()
            counts[place] = work.count
            ready.wait()
            cpu[0] = cpu[0] or process_time()
            end = perf_counter() + seconds
            while len(runs[place]) < LEAST or (perf_counter() < end and len(runs[place]) < most):
                begin = perf_counter()
                work.run()
                runs[place].append(perf_counter() - begin)
                begin = thread_time()
                work.after()
                afterwards[place] += thread_time() - begin
        except BaseException as error:
            errors.append(error)
            ready.abort()

    helpers = [threading.Thread(target=run, args=(place,)) for place in range(1, threads)]
    for helper in helpers:
        helper.start()
    run(0)
    for helper in helpers:
        helper.join()
    if errors:
        raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
    every = [round(s, 9) for place in runs for s in place]
    return {"count": counts[0], "seconds": every, "cpu": (process_time() - cpu[0] - sum(afterwards)) / len(every)}


# -- a store


class StoreWorks:
    """Reading from a store and writing to it: tiles, a few at once as a worker has them under way, and small objects.

    All is below one prefix, which the caller removes. Tiles are deleted soon after they are written, or replaced by a
    function, which may not delete: the next ones are written to memory that is at hand, as those of a run are that
    follows another, and not to what a virtual machine's host has to find first; nor is it what a cache still has. A
    file that replaces another one is written to the disk at once by some file systems, which is why it is not what is
    done where tiles can be deleted.
    """

    def __init__(self, store: TileStore, tile_bytes: int, deletes: bool, at_once: int = AT_ONCE) -> None:
        self.store, self.prefix, self._deletes = store, f"{PREFIX}/{uuid4().hex}", deletes
        self._tile, self._pool = values((tile_bytes // 8,)), ThreadPoolExecutor(at_once)
        self._at_once, self._names = at_once, count()

    def works(self) -> dict[str, Make]:
        """What is measured, by name."""
        return {"store.write": self._writing, "store.read": self._reading, "store.request": self._request}

    def _new(self) -> list[str]:
        return [f"{self.prefix}/{next(self._names)}" for _ in range(self._at_once)]

    def _writing(self) -> Work:
        # One for each request: what tasks write is in no cache either.
        tiles, first, left = [self._tile.copy() for _ in range(self._at_once)], self._new(), deque[list[str]]()
        most = max(1, int(_held() / self._nbytes))

        def replace() -> None:
            self._all(lambda key, tile: self.store.put_parts(key, encode(tile), False), first, tiles)

        def put() -> None:
            left.append(self._new())
            self._all(self.store.put, left[-1], tiles)

        def delete() -> None:
            if len(left) >= most:
                self.store.delete_all(left.popleft())

        return Work(self._nbytes, put, delete) if self._deletes else Work(self._nbytes, replace)

    def _reading(self) -> Work:
        keys = self._new()
        self._all(lambda key: self.store.put(key, self._tile), keys)
        one = partial(self.store.get, dtype=self._tile.dtype, shape=self._tile.shape)
        return Work(self._nbytes, lambda: self._all(lambda key: one(key).sum(), keys))

    def _request(self) -> Work:
        key = f"{self.prefix}/small"
        self.store.put_bytes(key, b"lambdarray")
        return Work(1, lambda: self.store.get_bytes(key))

    @property
    def _nbytes(self) -> float:
        return float(self._tile.nbytes * self._at_once)

    def _all(self, run: Callable[..., object], keys: Sequence[str], *of_each: Sequence[Array]) -> None:
        for done in [self._pool.submit(run, *one) for one in zip(keys, *of_each, strict=True)]:
            done.result()


def measure(asked: Mapping[str, Json], store_url: str = "") -> Json:
    """Do what is asked for, by name; a name that is not known is a KeyError.

    `asked` has the `names`, the `seconds` for each, the `threads` that do it at once, the `tile_bytes` of what is
    stored, and whether this process `deletes` what it wrote. The answer has what `measured` gives for each name, and
    the `prefix` of what may be left.
    """
    seconds, threads = asked["seconds"], asked.get("threads", 1)
    stored = [name for name in asked["names"] if name.startswith("store.")]
    answer: dict[str, Json] = {
        name: measured(find(name), seconds, threads) for name in asked["names"] if name not in stored
    }
    if stored:
        store = StoreWorks(open_store(store_url), asked["tile_bytes"], asked.get("deletes", False))
        for name in stored:
            most = MOST if name == "store.request" else MOST_STORED
            answer[name] = measured(store.works()[name], seconds, threads, most)
        answer["prefix"] = store.prefix
    return answer
