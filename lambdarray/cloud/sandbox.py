"""What an environment's root directory is made of, and which of Lambda's limits hold on this machine."""

from __future__ import annotations

import compileall
import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lambdarray.cloud.limits import MIB, THREADS
from lambdarray.errors import ConfigError

SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/usr", "/etc", "/nix", "/gnu", "/run/systemd/resolve")
DEVICES = ("null", "zero", "full", "random", "urandom")
RUNTIME_DISTRIBUTIONS = ("awslambdaric", "simplejson", "snapshot-restore-py")
Step = list[str]

ALWAYS_MISSING = (
    "CPU share: a function may use the whole of each core that it sees, whatever its memory",
    "network bandwidth: it is this machine's",
    "invocation rate: AWS allows 10 a second for each unit of concurrency",
    "concurrency growth: AWS adds at most 1,000 environments to a function in 10 s",
    "permissions: the function's role is recorded, not enforced",
)
MISSING_IN_USER_NAMESPACE = (
    "user: the function runs as this user, not as one of its own",
    "file modes: files in the package that only their owner may read can be read",
)
MISSING_WITHOUT_NAMESPACE = (
    *MISSING_IN_USER_NAMESPACE,
    "file system: the function sees this machine's files, and its code is not read-only",
    "/opt and /var/task: layers and code are in folders of their own (LAMBDA_TASK_ROOT)",
    "/tmp: neither private nor bounded (TMPDIR is private), and /dev/shm exists if this machine has it",
    f"threads: not limited to {THREADS}",
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The bare Python that functions run on: this one's minor version, without its packages."""

    prefix: str
    executable: str

    @classmethod
    def current(cls) -> Interpreter:
        """The installation that this interpreter, or its virtual environment, was made from."""
        base = getattr(sys, "_base_executable", None) or sys.executable
        return cls(os.path.realpath(sys.base_prefix), os.path.realpath(base))

    @property
    def inside(self) -> str:
        """Where the executable is found inside an environment, as on AWS under /var/lang."""
        if not self.executable.startswith(self.prefix + "/"):
            raise ConfigError(f"the interpreter {self.executable} is not inside its prefix {self.prefix}")
        return "/var/lang" + self.executable[len(self.prefix) :]

    @property
    def runtime(self) -> str:
        """The Lambda runtime that this interpreter is, such as "python3.11"."""
        return f"python{sys.version_info.major}.{sys.version_info.minor}"


def machine_architecture() -> str:
    """This machine's architecture in Lambda's words."""
    return "arm64" if os.uname().machine in ("arm64", "aarch64") else "x86_64"


def prepare_runtime(target: Path) -> None:
    """Put awslambdaric, what it needs, and the bootstrap into a folder of their own, compiled."""
    target.mkdir(parents=True)
    for name in RUNTIME_DISTRIBUTIONS:
        _copy_distribution(name, target)
    shutil.copy(Path(__file__).with_name("bootstrap.py"), target / "bootstrap.py")
    compileall.compile_dir(target, quiet=2)


def _copy_distribution(name: str, target: Path) -> None:
    try:
        files = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError:
        raise ConfigError(
            f"the local cloud needs the package {name}, which is not installed; "
            "install it with: pip install 'lambdarray[cloud]'"
        ) from None
    for file in files:
        if ".." not in file.parts and "tests" not in file.parts and "__pycache__" not in file.parts:
            destination = target / Path(*file.parts)
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), destination)


def root_steps(interpreter: Interpreter, code: str, opt: str, runtime: str, storage_mib: int) -> list[Step]:
    """The steps that build an environment's root: nothing of this machine but its system and Python."""
    steps = [_system_step(path) for path in SYSTEM if os.path.lexists(path)]
    steps += [["share", path, path] for path in ("/proc", "/sys") if os.path.isdir(path)]
    steps += [["tmpfs", "/dev", "size=64k,mode=755"]]
    steps += [["node", f"/dev/{name}", f"/dev/{name}"] for name in DEVICES]
    steps += [["link", "/dev/fd", "/proc/self/fd"], ["bind", "/var/lang", interpreter.prefix]]
    steps += [["tmpfs", path, "size=4k,mode=755"] for path in _packages_of(interpreter)]
    steps += [["bind", "/var/task", code], ["bind", "/opt", opt], ["bind", "/var/runtime", runtime]]
    return [*steps, ["tmpfs", "/tmp", f"size={storage_mib * MIB},mode=1777"]]


def _system_step(path: str) -> Step:
    if os.path.islink(path):
        return ["link", path, os.readlink(path)]
    return ["bind", path, path]


def _packages_of(interpreter: Interpreter) -> list[str]:
    """Folders of packages, as an environment would see them, that must not be seen there."""
    prefix, lib = interpreter.prefix, sysconfig.get_config_var("platlibdir") or "lib"
    inside = [f"{lib}/{interpreter.runtime}/site-packages", "lib/python3/dist-packages"]
    folders = [f"/var/lang/{path}" for path in inside if os.path.isdir(f"{prefix}/{path}")]
    system = ["/usr/lib/python3/dist-packages", f"/usr/local/lib/{interpreter.runtime}/dist-packages"]
    return folders + [path for path in system if os.path.isdir(path)]


def not_enforced(isolation: str) -> tuple[str, ...]:
    """The limits of Lambda that do not hold with this kind of isolation, a line for each."""
    missing = {"root": (), "user": MISSING_IN_USER_NAMESPACE, "plain": MISSING_WITHOUT_NAMESPACE}
    lines = (*missing[isolation], *ALWAYS_MISSING)
    if isolation == "user" and os.getuid() == 0:
        lines = (f"threads: root's are not limited to {THREADS}", *lines)
    if not sys.platform.startswith("linux"):
        lines = ("memory: not measured on this system", "frozen cores: all are visible", *lines)
    return lines
