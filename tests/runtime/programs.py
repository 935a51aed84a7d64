"""Small programs and kernels of their own, for the tests of workers and executors."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import threading
import time
from pathlib import Path
from uuid import uuid4

import numpy as np
from lambdarray_kernels import kernel

from lambdarray.errors import UserFunctionError
from lambdarray.runtime.executors import Attempt
from lambdarray.task import ArraySpec, AxisMap, Part, Program, Read, Step, Write
from lambdarray.tiling import Cuts, Tiling


@kernel(flops=lambda a, b: a[0], name="test_add")
def add(a, b):
    return a + b


@kernel(flops=lambda *_: 0, name="test_same")
def same(a):
    return a


@kernel(flops=lambda c, a, b: 2 * a[0] * a[1] * b[1], name="test_mac")
def mac(c, a, b):
    if c is None:
        return a @ b
    c += a @ b
    return c


@kernel(flops=lambda *_: 0, name="test_digits", in_order=True)
def digits(n, a):
    """Each value as a further digit of a number."""
    last = a.reshape(-1)
    return last.copy() if n is None else 10 * n + last


@kernel(flops=lambda a, **_: a[0], name="test_scale")
def scale(a, by):
    return a * by


@kernel(flops=lambda a: 0, name="test_halves")
def halves(a):
    return a, a / 2


@kernel(flops=lambda **_: 1, needs_block=True, name="test_where")
def where(block, shape):
    return np.array([[[*span, n] for span, n in zip(block, shape, strict=True)]], dtype=float).reshape(1, -1)


@kernel(flops=lambda *_, **__: 0, name="test_raise")
def raise_(a, error, message):
    kinds = (ValueError, OSError, MemoryError, UserFunctionError, SystemExit, KeyboardInterrupt)
    raise {k.__name__: k for k in kinds}[error](message)


@kernel(flops=lambda *_: 0, uses_blas=True, name="test_thread")
def thread(a):
    return np.full(a.shape, threading.get_ident(), dtype=np.int64)


@kernel(flops=lambda *_, **__: 0, name="test_gate")
def gate(a, folder):
    """Says that it has begun, and waits until `let_go`."""
    Path(folder, f"begun {uuid4().hex}").touch()
    end = time.monotonic() + 30
    while not Path(folder, "open").exists():
        assert time.monotonic() < end
        time.sleep(0.002)
    return a + 1


def begun(folder):
    return len(list(Path(folder).glob("begun *")))


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.005)


def let_go(folder):
    Path(folder, "open").touch()


@kernel(flops=lambda *_, **__: 0, name="test_nap")
def nap(a, seconds):
    time.sleep(seconds)
    return a + 1


@kernel(flops=lambda *_, **__: 0, name="test_meet")
def meet(a, fifo):
    """Holds the interpreter's lock until the other end of the FIFO is opened: even elements read, odd ones write."""
    handle = ctypes.PyDLL(None).open(os.fsencode(fifo), os.O_RDONLY if a.flat[0] % 2 == 0 else os.O_WRONLY)
    os.close(handle)
    return a + 1


@kernel(flops=lambda *_, **__: 0, name="test_end")
def end(a, way, at):
    """Ends its process, or never ends, where the first element is `at`."""
    if a.flat[0] == at:
        WAYS[way]()
    return a + 1


def fill_memory():
    """Ask for more memory than the process may have."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, hard))
    return len(bytearray(2 << 30))


WAYS = {
    "exit": lambda: os._exit(3),
    "fault": faulthandler._sigsegv,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda: ctypes.PyDLL(None).sleep(60),
    "fill": fill_memory,
}


@kernel(flops=lambda *_, **__: 0, name="test_environ")
def environ(a, name):
    return np.full(a.shape, int(os.environ.get(name, "-1")))


@kernel(flops=lambda *_: 0, uses_blas=True, name="test_blas")
def blas(a):
    """How many threads BLAS has."""
    from threadpoolctl import threadpool_info

    counts = {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}
    return np.full(a.shape, counts.pop())


def tiles(name, shape, chunk, dtype="f8"):
    return ArraySpec(name, Tiling.regular(shape, chunk), np.dtype(dtype), {"kind": "tiles", "prefix": f"00/p/{name}"})


def in_object(name, array):
    return ArraySpec(name, Tiling.regular(array.shape, array.shape), array.dtype, {"kind": "object", "token": name})


def whole(name, register, ndim, loop=False):
    return Read(register, (Part(name, tuple(AxisMap(d) for d in range(ndim))),), tuple(range(ndim)), loop)


def write(register, name, axes, by_block=None):
    return Write(register, name, tuple(axes), tuple(by_block or [False] * len(axes)))


def program(arrays, axes, reads, steps, writes, grid_ndim=None, name="p"):
    axes = tuple(axes)
    grid_ndim = len(axes) if grid_ndim is None else grid_ndim
    arrays = {a.name: a for a in arrays}
    return Program(name, name, "", arrays, axes, grid_ndim, tuple(reads), tuple(steps), tuple(writes))


def elementwise(n=6, chunk=2, kernel="test_scale", params=None, dtype="f8", name="p", source="x", target="y"):
    """`target = kernel(source)`, tile by tile."""
    params = {"by": 2.0} if params is None else params
    return program(
        [tiles(source, (n,), (chunk,)), tiles(target, (n,), (chunk,), dtype)],
        [Cuts(n, chunk)],
        [whole(source, "a", 1)],
        [Step(kernel, ("b",), ("a",), params)],
        [write("b", target, [0])],
        name=name,
    )


def product(m, k, n, chunk, a="x", b="z", c="y"):
    """`c = a @ b`, with a loop over k."""
    return program(
        [tiles(a, (m, k), (chunk, chunk)), tiles(b, (k, n), (chunk, chunk)), tiles(c, (m, n), (chunk, chunk))],
        [Cuts(m, chunk), Cuts(n, chunk), Cuts(k, chunk)],
        [
            Read("a", (Part(a, (AxisMap(0), AxisMap(2))),), (0, 1), True),
            Read("b", (Part(b, (AxisMap(2), AxisMap(1))),), (0, 1), True),
        ],
        [Step("test_mac", ("c",), ("a", "b"), loop=True)],
        [write("c", c, [0, 1])],
        grid_ndim=2,
    )


def attempts(program, number=0, first_id=0, **settings):
    return [Attempt(program.task(i), first_id + i, number, **settings) for i in range(program.task_count)]


def put(worker_or_store, spec, array):
    """Store an array as the tiles of `spec`."""
    from lambdarray.store import open_array

    io = open_array(spec, worker_or_store)
    for index in spec.tiling.indices():
        io.write(index, np.array(array[spec.tiling.slices(index)]))


def get(store, spec):
    """The whole of an array."""
    from lambdarray.store import open_array

    return open_array(spec, store).read([(0, n) for n in spec.tiling.shape])
