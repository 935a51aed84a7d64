"""The command `lambdarray`: deploy, doctor, destroy, clean, layer, calibrate, bench, cloud, demo and simulate.

Each command imports what it needs when it runs. An error of ours or of AWS's is one line and exit code 2.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ._version import __version__
from .errors import ConfigError, LambdarrayError

Command = Callable[[argparse.Namespace], int]
HERE = "this Python's"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; return its exit code: 0 well, 1 found something wrong, 2 could not."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] in (["cloud"], ["demo"], ["simulate"]):
        # These have options of their own, and their own parsers.
        debug = words[1:2] == ["--debug"]
        return _guarded(lambda: _pass_on(words[0], words[2 if debug else 1 :]), debug)
    options = make_parser().parse_args(words)
    command: Command = options.command
    return _guarded(lambda: command(options), options.debug)


def _guarded(run: Callable[[], int], debug: bool) -> int:
    try:
        return run()
    except KeyboardInterrupt as stopped:
        print(f"lambdarray: {stopped or 'stopped'}", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            raise
        line = _one_line(error)
        if line is None:
            raise
        print(f"lambdarray: {line}", file=sys.stderr)
        return 2


def _one_line(error: Exception) -> str | None:
    """What to tell of an error that a user can mend; None for a defect, which needs its traceback."""
    if isinstance(error, LambdarrayError):
        return str(error)
    if "botocore" not in sys.modules:
        return None
    from lambdarray_layer.aws import clear_error

    clear = clear_error(error)
    return str(clear) if clear else None


def _pass_on(name: str, words: list[str]) -> int:
    if name == "cloud":
        from .cloud import main as command
    elif name == "simulate":
        from .scenarios import main as command
    else:
        from .demo import main as command
    return int(command(words) or 0)


def make_parser() -> argparse.ArgumentParser:
    """The parser of every command but those that have their own."""
    parser = argparse.ArgumentParser(prog="lambdarray", description="NumPy on thousands of cores with no cluster.")
    parser.add_argument("--version", action="version", version=f"lambdarray {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    _add_deploy(commands)
    _add_doctor(commands)
    _add_destroy(commands)
    _add_clean(commands)
    _add_layer(commands)
    _add_calibrate(commands)
    _add_bench(commands)
    for name, told in (
        ("cloud", "start Lambda and S3 on this machine"),
        ("demo", "multiply two arrays out of core"),
        ("simulate", "run a computation on thousands of functions in virtual time"),
    ):
        commands.add_parser(name, help=told, add_help=False)
    return parser


def _command(commands: Any, name: str, run: Command, told: str, *, aws: bool = True) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.")
    parser.set_defaults(command=run)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    if aws:
        parser.add_argument("--function", default="lambdarray", metavar="NAME", help="the function's name")
        parser.add_argument("--region", metavar="REGION", help="the AWS region; else as boto3 finds it")
    return parser


def _add_deploy(commands: Any) -> None:
    told = (
        "make or update the function, its role, layer and lifecycle rule; what the options do not name is not granted"
    )
    parser = _command(commands, "deploy", _deploy, told)
    add = parser.add_argument
    add("--store", required=True, metavar="S3URL", help="the scratch prefix; objects below it expire after 7 days")
    add(
        "--read", action="append", default=[], metavar="S3URL", help="a prefix that functions may read; may be repeated"
    )
    add("--write", action="append", default=[], metavar="S3URL", help="a prefix that they may write and read")
    _add_machine(parser)
    add("--memory", type=int, default=1769, metavar="MIB", help="memory; 1769 MiB is one core (default)")
    add("--timeout", type=int, default=900, metavar="SECONDS", help="the longest that one invocation may take (900)")
    add("--concurrency", type=int, metavar="N", help="reserve so many concurrent executions for it (none)")
    add("--ephemeral-mib", type=int, default=512, metavar="MIB", help="/tmp, 512 (free, default) to 10240")
    add("--dry-run", action="store_true", help="print the policy and every call, and change nothing")
    add("--yes", action="store_true", help="do not ask")


def _add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--arch", default="x86_64", metavar="ARCH", help="x86_64 (default) or arm64")
    parser.add_argument("--python", default="", metavar="X.Y", help=f"3.11 to 3.14 ({HERE})")


def _deploy(options: argparse.Namespace) -> int:
    from lambdarray_layer.deploy import deploy
    from lambdarray_layer.prefixes import S3Prefix, parse_all
    from lambdarray_layer.target import Target

    target = Target(
        store=S3Prefix.parse(options.store), reads=parse_all(options.read), writes=parse_all(options.write),
        function=options.function, arch=options.arch, python=options.python, memory_mib=options.memory,
        timeout_s=options.timeout, ephemeral_mib=options.ephemeral_mib, concurrency=options.concurrency,
    )  # fmt: skip
    return _plan_and_apply(options, lambda account: deploy(account, target), ask_without_terminal=False)


def _plan_and_apply(options: argparse.Namespace, run: Callable[[Any], object], ask_without_terminal: bool) -> int:
    """Say what would change; ask where there is somebody to ask; change it."""
    from lambdarray_layer.aws import open_account

    plan = open_account(options.region, print if options.dry_run else _quiet, dry_run=True)
    run(plan)
    if not plan.changes:
        print("nothing to change")
    if options.dry_run or not plan.changes:
        return 0
    if not options.yes and not _agreed(plan.changes, plan.region, ask_without_terminal):
        print("nothing was changed")
        return 1
    account = plan.again(print)
    result = run(account)
    print(f"done, {len(account.changes)} changes" + (f": {result}" if result else ""))
    return 0


def _quiet(line: str) -> None:
    """Say nothing: the pass that only looks."""


def _agreed(changes: list[str], region: str, ask_without_terminal: bool) -> bool:
    if not sys.stdin.isatty():
        if ask_without_terminal:
            raise ConfigError("nobody is at the terminal to agree; give --yes, or --dry-run to see what would go")
        return True
    print(f"{len(changes)} changes in {region}: {', '.join(changes)}")
    return input("go on? [y/N] ").strip().lower() in ("y", "yes")


def _add_doctor(commands: Any) -> None:
    parser = _command(commands, "doctor", _doctor, "check what a run on Lambda needs, and say how to mend it")
    parser.add_argument("--store", default="", metavar="S3URL", help="a store that must be in the function's scratch")
    parser.add_argument("--json", action="store_true", help="print a list of JSON objects")


def _doctor(options: argparse.Namespace) -> int:
    from lambdarray_layer.aws import open_account
    from lambdarray_layer.doctor import as_json, as_text, doctor

    checks = doctor(open_account(options.region), options.function, options.store)
    print(as_json(checks) if options.json else as_text(checks))
    return 0 if all(check.ok for check in checks) else 1


def _add_destroy(commands: Any) -> None:
    parser = _command(commands, "destroy", _destroy, "remove all that deploy made, and nothing else")
    add = parser.add_argument
    add("--store", action="append", default=[], metavar="S3URL", help="a scratch prefix besides the function's own")
    add("--scratch", action="store_true", help="delete lambdarray's objects in the scratch prefix too")
    add("--dry-run", action="store_true", help="print every call, and change nothing")
    add("--yes", action="store_true", help="do not ask")


def _destroy(options: argparse.Namespace) -> int:
    from lambdarray_layer.destroy import destroy

    def run(account: Any) -> None:
        destroy(account, options.function, options.store, options.scratch)

    return _plan_and_apply(options, run, ask_without_terminal=True)


def _add_clean(commands: Any) -> None:
    parser = _command(commands, "clean", _clean, "delete the tiles that killed runs left in a store", aws=False)
    parser.add_argument("--store", required=True, metavar="URL", help="s3://bucket/prefix or a directory")
    parser.add_argument("--older-than", type=float, default=0.0, metavar="HOURS", help="keep what is younger")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")


def _clean(options: argparse.Namespace) -> int:
    from .scratch import clean

    print(clean(options.store, options.older_than, options.dry_run).summary(options.dry_run))
    return 0


def _add_layer(commands: Any) -> None:
    parser = commands.add_parser("layer", help="the layer of the function's dependencies")
    build = _command(parser.add_subparsers(required=True), "build", _layer_build, "build the layer to a zip", aws=False)
    _add_machine(build)
    build.add_argument("--output", default=".", metavar="PATH", help="a zip or a folder (default: here)")


def _layer_build(options: argparse.Namespace) -> int:
    from pathlib import Path

    from lambdarray_layer.build import build_layer, copy_layer

    layer = build_layer(options.arch, options.python, print)
    print(layer.summary())
    print(copy_layer(layer, Path(options.output)))
    return 0


def _add_calibrate(commands: Any) -> None:
    told = "measure this machine, or with --function a deployed function, and write a profile of it"
    parser = _command(commands, "calibrate", _calibrate, told, aws=False)
    add = parser.add_argument
    add("--function", default="", metavar="NAME", help="a deployed function in place of this machine")
    add("--region", metavar="REGION", help="its AWS region; else as boto3 finds it")
    add("--store", default="", metavar="URL", help="where tiles are; a temporary directory, or the function's scratch")
    add("--seconds", type=float, default=30.0, metavar="S", help="how long measuring may take, about (30)")
    add("--out", default="", metavar="FILE", help="the profile (machine.toml, or the function's name)")


def _calibrate(options: argparse.Namespace) -> int:
    from pathlib import Path

    from .calibration import Here, There, calibrate

    path = Path(options.out or f"{options.function or 'machine'}.toml")
    if not 0 < options.seconds <= 3600:
        raise ConfigError(f"--seconds {options.seconds:g} must be above 0 and at most 3600")
    if not path.parent.is_dir():
        raise ConfigError(f"--out {path}: there is no folder {path.parent}")
    if options.function:
        from lambdarray_layer.aws import open_account

        place = There(open_account(options.region), options.function, options.store, path.stem)
        made = calibrate(place, options.seconds, _note)
    else:
        made = calibrate(Here(options.store, path.stem), options.seconds, _note)
    path.write_text(made.text, encoding="utf-8")
    print(made.table)
    print(f"written to {path}; use it with la.config(profile={str(path)!r}) or LAMBDARRAY_PROFILE={path}")
    return 0


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _add_bench(commands: Any) -> None:
    parser = commands.add_parser("bench", help="measure a deployed function: products, S3, launches")
    kinds = parser.add_subparsers(required=True)
    told = {
        "gemm": "GFLOPS per core in matrix products, of one function and of all, peak and effective",
        "io": "MB/s to the function's scratch and back, of one function and of all, peak and effective",
        "launch": "how long functions take to begin, all asked for at once",
    }
    for kind, text in told.items():
        command = _command(kinds, kind, _bench, text)
        command.set_defaults(kind=kind)
        add = command.add_argument
        add("--workers", type=int, default=1, metavar="N", help="functions at once (1)")
        add("--seconds", type=float, default=5.0, metavar="S", help="how long each works, about (5)")
        add("--json", action="store_true", help="print a JSON object")
        if kind == "gemm":
            add("--tile", type=int, default=2048, metavar="N", help="rows and columns of the tiles (2048)")
            dtypes = ("float64", "float32", "complex128", "complex64")
            add("--dtype", default="float64", choices=dtypes, help="of the tiles (float64)")
        if kind == "io":
            add("--mib", type=int, default=16, metavar="MIB", help="the size of the tiles (16)")


def _bench(options: argparse.Namespace) -> int:
    import json

    from .bench import KINDS, Asked, Fleet

    sizes = {name: getattr(options, name) for name in ("tile", "dtype", "mib") if hasattr(options, name)}
    asked = Asked(workers=options.workers, seconds=options.seconds, **sizes)
    found = KINDS[options.kind](Fleet(options.function, options.region), asked)
    print(json.dumps(found.to_json()) if options.json else found)
    return 0
