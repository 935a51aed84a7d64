"""What a deployment should be, checked before any call: names, limits, prefixes and the function's environment."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from lambdarray.errors import ConfigError

from .build import check_target, default_python
from .prefixes import S3Prefix

MADE_BY = {"made-by": "lambdarray"}
ENVIRONMENT_LIMIT_BYTES = 4096
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}$")
_LIMITS = {"memory_mib": (128, 10240), "timeout_s": (1, 900), "ephemeral_mib": (512, 10240)}
_OPTIONS = {"memory_mib": "--memory", "timeout_s": "--timeout", "ephemeral_mib": "--ephemeral-mib"}


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment as it should be.

    store           the scratch prefix; its objects expire after 7 days
    reads, writes   prefixes that the function may read; may write (and read)
    concurrency     reserved concurrent executions; None: the account's unreserved ones
    memory_mib, ephemeral_mib, timeout_s   the function's memory and /tmp in MiB, and its limit in seconds
    """

    store: S3Prefix
    reads: tuple[S3Prefix, ...] = ()
    writes: tuple[S3Prefix, ...] = ()
    function: str = "lambdarray"
    arch: str = "x86_64"
    python: str = ""
    memory_mib: int = 1769
    timeout_s: int = 900
    ephemeral_mib: int = 512
    concurrency: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "python", self.python or default_python())
        check_target(self.arch, self.python)
        if not _NAME.match(self.function):
            raise ConfigError(f"--function {self.function!r}: use at most 40 letters, digits, '-' and '_'")
        for name, (least, most) in _LIMITS.items():
            if not least <= getattr(self, name) <= most:
                asked = f"{_OPTIONS[name]} {getattr(self, name)}"
                raise ConfigError(f"{asked}: Lambda allows {least} to {most}")
        if self.concurrency is not None and self.concurrency < 1:
            raise ConfigError(f"--concurrency {self.concurrency}: give at least 1, or leave it out for no reserve")
        self._check_scratch()

    def _check_scratch(self) -> None:
        # All below the scratch prefix expires, so it must hold nothing else.
        if not self.store.prefix:
            raise ConfigError(
                f"--store {self.store}: objects there expire after 7 days, so it must not be a whole bucket; "
                f"give a prefix of its own, such as {self.store}/lambdarray-scratch"
            )
        for option, places in (("--read", self.reads), ("--write", self.writes)):
            for place in places:
                if self.store.covers(place):
                    raise ConfigError(
                        f"{option} {place} lies in the scratch prefix {self.store}, where objects expire after "
                        f"7 days; give a scratch prefix that holds nothing else"
                    )

    @property
    def readable(self) -> tuple[S3Prefix, ...]:
        """All that the function may read: what it writes too, to see whether an output exists."""
        return tuple(sorted({*self.reads, *self.writes, self.store}))

    @property
    def writable(self) -> tuple[S3Prefix, ...]:
        """All that the function may write."""
        return tuple(sorted({*self.writes, self.store}))

    def environment(self, version: str) -> dict[str, str]:
        """The function's environment variables; raises ConfigError where they outgrow Lambda's 4 KB."""
        out = {
            "LAMBDARRAY_VERSION": version,
            "LAMBDARRAY_STORE": str(self.store),
            "LAMBDARRAY_READ": json.dumps([str(p) for p in self.reads]),
            "LAMBDARRAY_WRITE": json.dumps([str(p) for p in self.writes]),
            # OpenBLAS starts its threads at import, which a cold start pays for; the worker sets them to its cores.
            "OPENBLAS_NUM_THREADS": "1",
        }
        size = sum(len(k.encode()) + len(v.encode()) for k, v in out.items())
        if size > ENVIRONMENT_LIMIT_BYTES:
            count = len(self.reads) + len(self.writes)
            raise ConfigError(
                f"the {count} prefixes of --read and --write take {size} bytes of environment and Lambda allows "
                f"{ENVIRONMENT_LIMIT_BYTES}; grant fewer, higher prefixes"
            )
        return out

    def command(self, region: str = "") -> str:
        """The `lambdarray deploy` command that makes this deployment.

        >>> Target(S3Prefix("b", "scratch"), python="3.12").command()
        'lambdarray deploy --store s3://b/scratch --python 3.12'
        """
        words = ["lambdarray", "deploy", "--store", str(self.store)]
        for option, places in (("--read", self.reads), ("--write", self.writes)):
            for place in places:
                words += [option, str(place)]
        plain = {"function": "lambdarray", "arch": "x86_64", "memory_mib": 1769, "timeout_s": 900}
        plain |= {"ephemeral_mib": 512, "concurrency": None, "python": ""}
        for name, usual in plain.items():
            if getattr(self, name) != usual:
                words += [_OPTIONS.get(name, f"--{name}"), str(getattr(self, name))]
        return shlex.join([*words, "--region", region] if region else words)
