"""How an environment's process is started: its variables as AWS sets them, its sandbox, its cores."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from lambdarray.cloud import sandbox
from lambdarray.cloud.environments import Environment
from lambdarray.cloud.functions import Version
from lambdarray.cloud.limits import visible_cores
from lambdarray.cloud.logs import LogPipe
from lambdarray.cloud.processes import Process, ProcessSpec, Warden, probe, usable_cores
from lambdarray.cloud.sandbox import Interpreter
from lambdarray.cloud.settings import ISOLATIONS
from lambdarray.cloud.signing import Credentials
from lambdarray.errors import ConfigError

# Environments under root each run as a user of their own, so that the kernel counts their threads apart. A cloud
# takes a block of numbers by its process id, where the system has that many; in a container it may have 65,536.
BLOCK_USERS, FEW_USERS = 4096, range(60_000, 65_000)
MANY_USERS = range(0x7000_0000, 0x8000_0000, BLOCK_USERS)
# What says on this machine which instructions NumPy and OpenBLAS use: functions are on the same processor.
PROCESSOR = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES")
_log = logging.getLogger(__name__)


def users_of(pid: int) -> range:
    """The numbers of the users that the environments of the cloud with this process id run as."""
    try:
        lines = Path("/proc/self/uid_map").read_text().splitlines()
        most = max(int(line.split()[0]) + int(line.split()[2]) for line in lines)
    except OSError:
        most = 0
    if most < MANY_USERS.stop:
        return FEW_USERS
    first = MANY_USERS[pid % len(MANY_USERS)]
    return range(first, first + BLOCK_USERS)


@dataclass(frozen=True, slots=True)
class Places:
    """The folders that an environment sees, as this machine names them."""

    code: str
    opt: str
    runtime: str
    tmp: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What a function may know of its cloud: the region, its keys, where other services are."""

    region: str
    credentials: Credentials
    endpoints: dict[str, str]


class Launcher:
    """Starts environments in the strictest sandbox that this machine lets us have."""

    def __init__(self, warden: Warden, folder: Path, identity: Identity) -> None:
        self._warden, self._folder, self._identity = warden, folder, identity
        self._interpreter = Interpreter.current()
        self._runtime = folder / "runtime"
        self._root = folder / "root"
        self._cores = usable_cores()
        self._numbers = count()
        self._users = users_of(os.getpid())
        self.isolation = "plain"

    async def prepare(self, wanted: str) -> None:
        """Make the folders and find out which isolation works; `wanted` is one of them or "auto"."""
        self._root.mkdir()
        (self._folder / "empty").mkdir()
        sandbox.prepare_runtime(self._runtime)
        refusals: dict[str, str] = {}
        for isolation in ISOLATIONS[1:] if wanted == "auto" else (wanted,):
            refusal = await self._try(isolation)
            if refusal is None:
                self.isolation = isolation
                if isolation == "plain" and refusals:
                    _log.warning("functions run as plain processes, since no sandbox can be made: %s", refusals)
                return
            refusals[isolation] = refusal
        raise ConfigError(f"no environment can be started here: {refusals}")

    async def _try(self, isolation: str) -> str | None:
        if isolation == "root" and os.getuid() != 0:
            return "this user is not root"
        empty = str(self._folder / "empty")
        try:
            places = Places(empty, empty, str(self._runtime), empty)
            spec = self._spec(isolation, places, 512, 512)
        except ConfigError as error:
            return str(error)
        variables = {"LD_LIBRARY_PATH": _library_path(self._inside(isolation, places))}
        return await probe(self._warden, replace(spec, argv=[spec.argv[0], "-S", "-c", "pass"], env=variables))

    def launch(self, environment: Environment, address: str, log: LogPipe, on_exit: Callable[[int], None]) -> Process:
        """Start an environment's process, which will ask for invocations at the address."""
        version = environment.version
        tmp = "" if self.isolation != "plain" else tempfile.mkdtemp(dir=self._folder, prefix="tmp-")
        places = Places(version.code_folder, version.opt_folder, str(self._runtime), tmp)
        spec = self._spec(self.isolation, places, version.memory_mib, version.storage_mib)
        inside = self._inside(self.isolation, places)
        variables = self._variables(version, environment.stream, address, inside)

        def ended(status: int) -> None:
            if tmp:
                shutil.rmtree(tmp, ignore_errors=True)
            on_exit(status)

        return self._warden.spawn(replace(spec, env=variables), log, ended)

    def _inside(self, isolation: str, places: Places) -> Places:
        if isolation == "plain":
            return places
        return Places("/var/task", "/opt", "/var/runtime", "/tmp")

    def _spec(self, isolation: str, places: Places, memory_mib: int, storage_mib: int) -> ProcessSpec:
        plain, number = isolation == "plain", next(self._numbers)
        python = self._interpreter.executable if plain else self._interpreter.inside
        inside = self._inside(isolation, places)
        steps = sandbox.root_steps(self._interpreter, places.code, places.opt, places.runtime, storage_mib)
        return ProcessSpec(
            argv=[python, "-S", f"{inside.runtime}/bootstrap.py", inside.opt],
            env={},
            isolation=isolation,
            root=str(self._root),
            steps=[] if plain else steps,
            user=self._users[number % len(self._users)] if isolation == "root" else 0,
            cwd=inside.code,
            cores=self._choose_cores(memory_mib, number),
        )

    def _choose_cores(self, memory_mib: int, number: int) -> list[int]:
        """As many cores as Lambda shows, beginning at another one for each environment."""
        visible = min(visible_cores(memory_mib), len(self._cores))
        return [self._cores[(number * visible + i) % len(self._cores)] for i in range(visible)]

    def _variables(self, version: Version, stream: str, address: str, inside: Places) -> dict[str, str]:
        keys = self._identity.credentials
        variables = {
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "AWS_REGION": self._identity.region,
            "AWS_DEFAULT_REGION": self._identity.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{version.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": version.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_mib),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{version.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_LAMBDA_RUNTIME_API": address,
            "LAMBDA_TASK_ROOT": inside.code,
            "LAMBDA_RUNTIME_DIR": inside.runtime,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin",
            "PYTHONPATH": inside.runtime,
            "_HANDLER": version.handler,
        }
        variables |= {name: os.environ[name] for name in PROCESSOR if name in os.environ}
        if keys.session_token:
            variables["AWS_SESSION_TOKEN"] = keys.session_token
        if inside.tmp != "/tmp":
            # What a read-only /var/task forbids must not happen to a writable folder either.
            variables |= {"TMPDIR": inside.tmp, "PYTHONDONTWRITEBYTECODE": "1"}
        variables |= self._identity.endpoints | version.variables
        return variables | {"LD_LIBRARY_PATH": _library_path(inside, version.variables.get("LD_LIBRARY_PATH"))}


def _library_path(inside: Places, wanted: str | None = None) -> str:
    """Where shared libraries are found: as on AWS, or as the function wants; Python's own first in any case."""
    if inside.code != "/var/task":
        return os.pathsep.join(filter(None, [os.environ.get("LD_LIBRARY_PATH"), wanted or f"{inside.opt}/lib"]))
    system = "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
    return f"/var/lang/lib:{wanted or system}"
