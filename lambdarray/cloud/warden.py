"""The process that starts, watches and ends the environments; a script for the bare interpreter.

It is small so that a fork costs a millisecond, and single-threaded so that a fork is safe. Standard library
only. The server sends one JSON object a line over a socket, with the file descriptor of the log pipe beside it:

    {"op": "spawn", "id": 1, "argv": [...], "env": {...}, "isolation": "root", "root": "/...", "steps": [...],
     "user": 60000, "cwd": "/var/task", "cores": [0, 1], "files": 1024, "threads": 1024}
    {"op": "kill", "id": 1}

and reads {"id": 1, "pid": 77} and {"id": 1, "status": 9} (as waitpid gives it). When the socket closes, because
the server has ended in whatever way, every environment is killed, frozen ones included.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import resource
import select
import signal
import socket
import sys
from typing import Any

LINUX = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MS_NOSUID, MS_NODEV = 2, 4
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
SYS_PIVOT_ROOT = 155 if platform.machine() == "x86_64" else 41


def check(result: int, what: str) -> None:
    """Raise OSError for a system call that failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    arguments = [text.encode() or None for text in (source, target, kind)]
    done = _libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None)
    check(done, f"mount {source or kind} on {target}")


def read_only(target: str) -> None:
    """Make a mount read-only; the flags that it came with stay, for they are locked in a user namespace."""
    kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | 8 | 1024 | 2048)
    mount("", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def apply_step(root: str, step: list[str]) -> None:
    """One step of building the environment's own root directory."""
    kind, path, value = step
    target = root + path
    if kind == "link":
        os.symlink(value, target)
    elif kind == "tmpfs":
        os.makedirs(target, exist_ok=True)
        mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, value)
    elif kind == "node":
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o666))
        mount(value, target, "", MS_BIND)
    elif kind in ("bind", "share"):
        os.makedirs(target, exist_ok=True)
        mount(value, target, "", MS_BIND | MS_REC)
        if kind == "bind":
            read_only(target)
    else:
        raise ValueError(f"a step must be link, tmpfs, node, bind or share, not {kind!r}")


def enter_namespace(isolation: str) -> None:
    """A mount namespace of one's own; without root, in a user namespace that allows it."""
    user, group = os.getuid(), os.getgid()
    flags = CLONE_NEWNS | (CLONE_NEWUSER if isolation == "user" else 0)
    check(_libc.unshare(flags), "unshare")
    if isolation == "user":
        maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
        for name, text in maps.items():
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    mount("", "/", "", MS_REC | MS_PRIVATE)


def change_root(root: str, steps: list[list[str]]) -> None:
    """Build a new root from the steps and leave the old one behind."""
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for step in steps:
        apply_step(root, step)
    read_only(root)
    os.chdir(root)
    check(_libc.syscall(ctypes.c_long(SYS_PIVOT_ROOT), b".", b"."), "pivot_root")
    check(_libc.umount2(b".", MNT_DETACH), "umount the old root")
    os.chdir("/")


def set_limits(spec: dict[str, Any]) -> None:
    """Files, threads, no core dump, the cores that it may run on."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (spec["files"], spec["files"]))
    if spec["isolation"] in ("root", "user"):
        # Elsewhere the kernel counts all of the user's threads, not this environment's alone.
        resource.setrlimit(resource.RLIMIT_NPROC, (spec["threads"], spec["threads"]))
    if LINUX and spec["cores"]:
        os.sched_setaffinity(0, spec["cores"])


def drop_privileges(spec: dict[str, Any]) -> None:
    """From root to a user that nobody else is."""
    if spec["isolation"] == "root":
        os.setgroups([])
        os.setresgid(spec["user"], spec["user"], spec["user"])
        os.setresuid(spec["user"], spec["user"], spec["user"])


def die_with_parent(parent: int) -> None:
    """Be killed when the warden is; last, because a change of user forgets it."""
    if LINUX:
        check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl no_new_privs")
        check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl pdeathsig")
    if os.getppid() != parent:
        os._exit(125)


def become(spec: dict[str, Any], log: int, parent: int) -> None:
    """In the child: turn into the environment, or say on its log why not."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if spec["isolation"] in ("root", "user"):
        enter_namespace(spec["isolation"])
        change_root(spec["root"], spec["steps"])
    set_limits(spec)
    drop_privileges(spec)
    os.chdir(spec["cwd"])
    die_with_parent(parent)
    os.execve(spec["argv"][0], spec["argv"], spec["env"])


def children() -> list[int]:
    """The children of this process, where the system tells."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:
        return []


class Warden:
    """The loop: commands in, process ids and exit statuses out."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.pids: dict[int, int] = {}
        self.users: dict[int, int] = {}
        self.pending = b""
        self.logs: list[int] = []
        self.parent = os.getppid()
        self.wake, wake_write = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the server is gone; then nothing that was started here lives on."""
        try:
            while os.getppid() == self.parent:
                ready, _, _ = select.select([self.control.fileno(), self.wake], [], [], 1.0)
                if self.wake in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake, 4096)
                if self.control.fileno() in ready and not self.receive():
                    return
                self.reap()
        finally:
            self.end_all()

    def receive(self) -> bool:
        """Read commands and obey them; False at the end of the stream."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, 1 << 18, 16)
        except ConnectionResetError:
            # The server has ended with messages of ours unread.
            return False
        self.logs += descriptors
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if command["op"] == "spawn":
                self.spawn(command, self.logs.pop(0))
            else:
                self.kill(command["id"])
        return bool(data)

    def spawn(self, spec: dict[str, Any], log: int) -> None:
        """Fork an environment."""
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                become(spec, log, parent)
            except BaseException as error:
                os.write(log, f"the sandbox could not be made: {error}\n".encode())
            finally:
                os._exit(126)
        os.close(log)
        self.pids[spec["id"]], self.users[spec["id"]] = pid, spec["user"]
        self.send({"id": spec["id"], "pid": pid})

    def kill(self, identifier: int) -> None:
        """Kill an environment's whole process group."""
        pid = self.pids.get(identifier)
        if pid is not None:
            # The group does not exist yet when the child has not reached setsid; the pid always does.
            for end in (os.killpg, os.kill):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    end(pid, signal.SIGKILL)

    def reap(self) -> None:
        """Report the environments that have ended, and end what they left behind."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for identifier in [key for key, value in self.pids.items() if value == pid]:
                del self.pids[identifier]
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                self.kill_orphans(self.users.pop(identifier))
                self.send({"id": identifier, "status": status})

    def kill_orphans(self, user: int) -> None:
        """Kill what a dead environment's user still runs outside its process group; 0 is nobody in particular."""
        for pid in set(children()) - set(self.pids.values()):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                if user and os.stat(f"/proc/{pid}").st_uid == user:
                    os.kill(pid, signal.SIGKILL)

    def end_all(self) -> None:
        """Kill every environment, then what each leaves behind: orphans become children of this process."""
        for identifier in list(self.pids):
            self.kill(identifier)
        with contextlib.suppress(ChildProcessError):
            while True:
                for pid in children():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                os.wait()

    def send(self, message: dict[str, int]) -> None:
        """Tell the server; when it is gone the next read finds out."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.control.sendall(json.dumps(message).encode() + b"\n")


def main() -> None:
    """Serve the socket whose file descriptor is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if LINUX:
        check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl subreaper")
    Warden(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
