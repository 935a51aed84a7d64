"""A kind of worker in numbers: rates, limits, prices, and the seconds and dollars that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any

import numpy as np

from .constants import choice, constant, text, truth

ARCHITECTURES = ("x86_64", "arm64")
# Above this memory a function sees a core for each vCPU that is begun; up to it, two.
TWO_CORES_MIB = 3008


@dataclass(frozen=True, slots=True)
class Product:
    """The rate of one core in matrix products of a dtype, which grows with the side n of the tiles: g n / (n + h)."""

    gflops: float = constant("the rate of one core in large products", "GFLOPS (real flops)", 0.01, 10_000)
    half_side: float = constant("the side of tiles at which half of that rate is reached", "elements", 0, 5000)

    def flops_per_s(self, side: float = math.inf) -> float:
        """Real flops a second with tiles of this side."""
        return self.gflops * 1e9 * (1.0 if math.isinf(side) else side / (side + self.half_side))


@dataclass(frozen=True, slots=True)
class Products:
    """Rates of products by dtype; complex ones in real flops."""

    float64: Product
    float32: Product
    complex128: Product
    complex64: Product

    def of(self, dtype: np.dtype[Any]) -> Product:
        """The rates for a dtype: other ones than these four are worked on as float64, or as float32 where smaller."""
        found: Product = getattr(self, dtype.name, self.float32 if dtype.kind == "f" else self.float64)
        return found


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Kernels of linear algebra: shares of the rate of a product of tiles of the same side."""

    symmetric: float = constant("syrk, herk and their updates", "of a product's rate", 0.001, 1.5)
    triangular: float = constant("trsm: triangular solves with many right sides", "of a product's rate", 0.001, 1.5)
    cholesky: float = constant("potrf", "of a product's rate", 0.001, 1.5)
    lu: float = constant("getrf", "of a product's rate", 0.001, 1.5)
    qr: float = constant("geqrf, and what works on panels of few columns", "of a product's rate", 0.001, 1.5)
    spectral: float = constant("eigenvalues and singular values of a tile", "of a product's rate", 0.0001, 1.5)


@dataclass(frozen=True, slots=True)
class Elementwise:
    """What one core takes for an element of float64 that lies in the cache, by kind of function."""

    quick_ns: float = constant("add, multiply, compare and the like", "ns", 0.001, 1000)
    slow_ns: float = constant("sin, exp, power and the like", "ns", 0.001, 10_000)
    random_ns: float = constant("a random value", "ns", 0.001, 10_000)


@dataclass(frozen=True, slots=True)
class Memory:
    """What one core moves."""

    stream_gbps: float = constant("bytes that are read from memory and written to it, in order", "GB/s", 0.01, 10_000)
    gather_gbps: float = constant("bytes moved by kernels that sort, gather or reorder", "GB/s", 0.001, 10_000)


@dataclass(frozen=True, slots=True)
class Store:
    """What one worker reads from the store and writes to it.

    Where the rates are `shared`, reading and writing share one connection, and their seconds add up.
    """

    read_mbps: float = constant("read from the store by one worker", "MB/s", 0.01, 1e6)
    write_mbps: float = constant("written to the store by one worker", "MB/s", 0.01, 1e6)
    shared: bool = truth("whether reading and writing share one connection")
    request_s: float = constant("the time until a request's first byte", "s", 0, 60)

    def seconds(self, bytes_read: float, bytes_written: float) -> float:
        """Seconds in which so many bytes are read and written, many requests at once."""
        reading, writing = bytes_read / (self.read_mbps * 1e6), bytes_written / (self.write_mbps * 1e6)
        return reading + writing if self.shared else max(reading, writing)


@dataclass(frozen=True, slots=True)
class Functions:
    """How functions are made, started and ended."""

    architecture: str = choice("the processor of the functions", ARCHITECTURES)
    mib_per_core: float = constant("memory for which a function has the time of one core", "MiB", 1, 1e6)
    least_mib: float = constant("the least memory of a function", "MiB", 1, 1e6)
    most_mib: float = constant("the most memory of a function", "MiB", 1, 1e7)
    invoke_s: float = constant("from asking for an invocation to its start in a warm function", "s", 0, 60)
    cold_start_s: float = constant("more where no function is warm: start, and import of NumPy", "s", 0, 600)
    warm_s: float = constant("how long an idle function stays warm", "s", 0, 1e5)
    concurrency: float = constant("invocations at once in an account", "invocations", 1, 1e6)
    ramp: float = constant("how many more may start in every `ramp_every_s`", "invocations", 1, 1e6)
    ramp_every_s: float = constant("the interval of the ramp", "s", 0.001, 3600)
    limit_s: float = constant("the longest that an invocation may take", "s", 1, 1e6)


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in US dollars. A GB of function memory is 2**30 bytes, one of storage or traffic 10**9."""

    dollars_per_gib_s: float = constant("memory of a function", "dollars per GiB and second", 1e-9, 1)
    dollars_per_million_invocations: float = constant("invocations", "dollars per million", 1e-6, 1000)
    dollars_per_thousand_puts: float = constant("PUT and LIST", "dollars per thousand", 1e-9, 100)
    dollars_per_thousand_gets: float = constant("GET", "dollars per thousand", 1e-9, 100)
    dollars_per_gb_month: float = constant("storage", "dollars per GB and month", 1e-9, 100)
    dollars_per_gb_egress: float = constant("traffic from the store to the internet", "dollars per GB", 1e-9, 100)
    dollars_per_gb_cross_region: float = constant("reads from another region", "dollars per GB", 1e-9, 100)


FREE = Prices(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
AT_HAND = Functions("", 1.0, 1.0, math.inf, 0.0, 0.0, math.inf, math.inf, math.inf, 1.0, math.inf)


@dataclass(frozen=True, slots=True, repr=False)
class Machine:
    """A kind of worker: rates of one core, its store, and where it is a function its limits and prices.

    `name` is its profile's, `source` says where its numbers are from; `key` is a hash of them all. Workers of this
    machine have one core each, start at once and cost nothing.
    """

    name: str = text("the profile's name")
    source: str = text("where its numbers are from")
    product: Products
    efficiency: Efficiency
    elementwise: Elementwise
    memory: Memory
    store: Store
    task_s: float = constant("overhead of a task on its worker", "s", 0, 60)
    functions: Functions = AT_HAND
    prices: Prices = FREE
    key: str = field(init=False, compare=False, default="")

    def __post_init__(self) -> None:
        told = [getattr(self, f.name) for f in fields(self) if f.init]
        object.__setattr__(self, "key", sha256(repr(told).encode()).hexdigest()[:16])

    def __repr__(self) -> str:
        return f"Machine({self.name!r}, key={self.key!r})"

    @property
    def remote(self) -> bool:
        """Whether its workers are functions."""
        return self.functions is not AT_HAND

    def cores(self, memory_mib: float) -> float:
        """The cores whose time a worker with this memory has: a function may have a part of one.

        >>> from lambdarray.cost import profile
        >>> profile("lambda-x86_64").cores(3538)
        2.0
        """
        return memory_mib / self.functions.mib_per_core if self.remote else 1.0

    def visible_cores(self, memory_mib: float) -> int:
        """The cores that a worker with this memory sees, which may be more than it has the time of.

        >>> from lambdarray.cost import profile
        >>> [profile("lambda-x86_64").visible_cores(m) for m in (1769, 3008, 3009, 5308, 10240)]
        [2, 2, 3, 4, 6]
        """
        if not self.remote:
            return 1
        return 2 if memory_mib <= TWO_CORES_MIB else max(3, math.ceil(self.cores(memory_mib)))

    def flops_per_s(self, dtype: np.dtype[Any], side: float = math.inf, cores: float = 1.0) -> float:
        """Real flops a second of so many cores in products of tiles of this side."""
        return self.product.of(dtype).flops_per_s(side) * cores

    def memory_dollars(self, memory_mib: float, seconds: float) -> float:
        """What a worker's memory costs for so many seconds."""
        return memory_mib / 1024 * seconds * self.prices.dollars_per_gib_s

    def request_dollars(self, invocations: float, gets: float, puts: float) -> float:
        """What so many requests cost."""
        p = self.prices
        stored = gets / 1e3 * p.dollars_per_thousand_gets + puts / 1e3 * p.dollars_per_thousand_puts
        return invocations / 1e6 * p.dollars_per_million_invocations + stored
