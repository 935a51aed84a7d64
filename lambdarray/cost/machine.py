"""A kind of worker in numbers: rates, limits, prices, and the seconds and dollars that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..store.buffers import HUGE_BYTES
from .constants import choice, constant, text, truth

ARCHITECTURES = ("x86_64", "arm64")
# Above this memory a function sees a core for each vCPU that is begun; up to it, two.
TWO_CORES_MIB = 3008
# Requests a second that S3 answers below one prefix before it is split (AWS): an array begins with one such part.
PARTITION_GETS, PARTITION_PUTS = 5500.0, 3500.0


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
class Share:
    """Kernels of a kind: their share of the rate of products, which grows with the side n of tiles: s n / (n + h)."""

    share: float = constant("the share with large tiles", "of the rate of large products", 1e-6, 2)
    half_side: float = constant("the side of tiles at which half of that share is reached", "elements", 0, 20_000)

    def of(self, side: float) -> float:
        """The share with tiles of this side."""
        return self.share * (1.0 if math.isinf(side) else side / (side + self.half_side))


@dataclass(frozen=True, slots=True)
class Kernels:
    """Kernels of linear algebra beside products.

    `symmetric` are syrk and herk, `triangular` trsm, `cholesky` potrf, `lu` getrf and what goes by it, `qr` geqrt of
    blocks of many rows, `narrow` products of such blocks with small squares, `spectral` eigenvalues, singular values.
    """

    symmetric: Share
    triangular: Share
    cholesky: Share
    lu: Share
    qr: Share
    narrow: Share
    spectral: Share


@dataclass(frozen=True, slots=True)
class Elementwise:
    """What one core takes for an element of float64 that lies in the cache, by kind of function."""

    quick_ns: float = constant("add, multiply, compare and the like", "ns", 0.001, 1000)
    divide_ns: float = constant("divide, sqrt", "ns", 0.001, 1000)
    exponential_ns: float = constant("exp, log and the like", "ns", 0.001, 10_000)
    trigonometric_ns: float = constant("sin, cos", "ns", 0.001, 10_000)
    other_ns: float = constant("power and every other function", "ns", 0.001, 100_000)


@dataclass(frozen=True, slots=True)
class Random:
    """What one core takes for a random value, by distribution."""

    uniform_ns: float = constant("uniform ones, integers", "ns", 0.001, 1000)
    normal_ns: float = constant("normal and exponential ones", "ns", 0.001, 1000)
    other_ns: float = constant("every other distribution", "ns", 0.001, 10_000)


@dataclass(frozen=True, slots=True)
class Memory:
    """What one core moves, while the others do as well.

    NumPy asks for huge pages where an array is large; others cost the kernel a page fault every 4 KiB.
    """

    stream_gbps: float = constant("read from memory, in order", "GB/s", 0.01, 10_000)
    copy_gbps: float = constant("read and written by a copy, both counted", "GB/s", 0.01, 10_000)
    fresh_gbps: float = constant("written to memory that is new to the process, in huge pages", "GB/s", 0.01, 10_000)
    fresh_small_gbps: float = constant("the same where arrays are smaller than a huge page", "GB/s", 0.01, 10_000)
    gather_gbps: float = constant("read and written by what sorts, gathers or reorders", "GB/s", 0.001, 10_000)

    def fresh_seconds(self, nbytes: float, tile_bytes: float) -> float:
        """Seconds in which bytes are written to new memory, of arrays of so many bytes.

        A worker asks for huge pages where an array has at least one.
        """
        rate = self.fresh_gbps if tile_bytes >= HUGE_BYTES else self.fresh_small_gbps
        return nbytes / (rate * 1e9)


@dataclass(frozen=True, slots=True)
class Store:
    """What one worker reads from the store and writes to it.

    Where the rates are `shared`, reading and writing share one connection, and their seconds add up. All but the time
    of a core that it takes, goes on while kernels run.
    """

    read_mbps: float = constant("read from the store by one worker", "MB/s", 0.01, 1e6)
    write_mbps: float = constant("written to the store by one worker", "MB/s", 0.01, 1e6)
    shared: bool = truth("whether reading and writing share one connection")
    request_s: float = constant("the time until a request's first byte", "s", 0, 60)
    read_cpu_s_per_gb: float = constant("the time of a core for what is read, checksums included", "s/GB", 0, 1000)
    write_cpu_s_per_gb: float = constant("the time of a core for what is written", "s/GB", 0, 1000)

    def seconds(self, bytes_read: float, bytes_written: float) -> float:
        """Seconds in which so many bytes are read and written, many requests at once."""
        reading, writing = bytes_read / (self.read_mbps * 1e6), bytes_written / (self.write_mbps * 1e6)
        return reading + writing if self.shared else max(reading, writing)

    def cpu_seconds(self, bytes_read: float, bytes_written: float) -> float:
        """The seconds of a core that this takes from what is computed meanwhile."""
        return (bytes_read * self.read_cpu_s_per_gb + bytes_written * self.write_cpu_s_per_gb) / 1e9


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

    def __post_init__(self) -> None:
        if self.least_mib > self.most_mib:
            raise ConfigError(
                f"functions.least_mib = {self.least_mib:g} cannot be above functions.most_mib = {self.most_mib:g} MiB"
            )

    def check_memory(self, memory_mib: float) -> None:
        """ConfigError for memory that no function has."""
        if not self.least_mib <= memory_mib <= self.most_mib:
            raise ConfigError(
                f"memory_mib={memory_mib:g} is no function's: it has from {self.least_mib:g} to {self.most_mib:g} MiB"
            )


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

    product: Products
    kernels: Kernels
    elementwise: Elementwise
    random: Random
    memory: Memory
    store: Store
    name: str = text("the profile's name")
    source: str = text("where its numbers are from")
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

    def kernel_flops_per_s(self, kind: str, dtype: np.dtype[Any], side: float, cores: float = 1.0) -> float:
        """The same in kernels of a kind: "product", or a field of `Kernels`."""
        rates = self.product.of(dtype)
        if kind == "product":
            return rates.flops_per_s(side) * cores
        share: Share = getattr(self.kernels, kind)
        return rates.flops_per_s() * share.of(side) * cores

    def memory_dollars(self, memory_mib: float, seconds: float) -> float:
        """What a worker's memory costs for so many seconds."""
        return memory_mib / 1024 * seconds * self.prices.dollars_per_gib_s

    def request_dollars(self, invocations: float, gets: float, puts: float) -> float:
        """What so many requests cost."""
        p = self.prices
        stored = gets / 1e3 * p.dollars_per_thousand_gets + puts / 1e3 * p.dollars_per_thousand_puts
        return invocations / 1e6 * p.dollars_per_million_invocations + stored
