"""The layer and the package: same input, same bytes; what is cut and what stays."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from lambdarray_layer import build
from lambdarray_layer.archive import code_sha256, write_zip
from lambdarray_layer.build import build_layer, prune
from lambdarray_layer.bytecode import BuildError, compile_folder, interpreter, run_tool, running_python
from lambdarray_layer.package import build_package, package_version
from lambdarray_layer.requirements import ARCHES, PYTHONS, Pin, is_kept, layer_key, read_pins

from lambdarray.errors import ConfigError


def test_a_zip_depends_on_its_contents_alone(tmp_path: Path) -> None:
    files = []
    for name in ("b.py", "a.py", "c/d.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
        files.append((PurePosixPath(name), path))
    write_zip(tmp_path / "1.zip", files)
    os.utime(tmp_path / "a.py", (1, 1))
    (tmp_path / "a.py").chmod(0o600)
    write_zip(tmp_path / "2.zip", reversed(files))
    assert code_sha256(tmp_path / "1.zip") == code_sha256(tmp_path / "2.zip")


def test_compiling_the_same_sources_elsewhere_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "m.py").write_text("x = {'a', 'b', 'c'} & frozenset('abcdef')\ny = z in {'q', 'r', 's'}\n")
        assert compile_folder(tmp_path / name, running_python())
    one, two = (next((tmp_path / name).rglob("*.pyc")).read_bytes() for name in ("one", "two"))
    assert one == two
    # Flags 0b01 of the header: checked by hash, and never.
    assert int.from_bytes(one[4:8], "little") == 1


def test_variables_of_this_process_do_not_reach_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "m.py").write_text("x = 1\n")
    assert compile_folder(tmp_path, running_python())
    assert list((tmp_path / "__pycache__").glob("m.*.pyc"))


def test_a_tool_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"took longer than 0\.1 s"):
        run_tool([sys.executable, "-c", "import threading; threading.Event().wait()"], {}, timeout_s=0.1)


def test_what_pip_cannot_get_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(BuildError, match="pip could not get"):
        build._install(tmp_path, (Pin("lambdarray-no-such", "0"),), "arm64", "3.12")


def test_an_interpreter_that_is_not_there_means_no_pyc(tmp_path: Path) -> None:
    assert interpreter("3.99") is None
    assert not compile_folder(tmp_path, "3.99")


def test_the_package_holds_the_handler_and_leaves_the_clients_parts_out(tmp_path: Path) -> None:
    package = build_package(running_python(), tmp_path)
    with zipfile.ZipFile(package.path) as archive:
        names = set(archive.namelist())
    assert {"lambdarray/task.py", "lambdarray/errors.py", "lambdarray/config.py"} <= names

    assert not any(name.startswith(("lambdarray/cloud/", "lambdarray/cli")) for name in names)
    assert any(name.endswith(".pyc") for name in names)


def test_packages_of_one_version_have_the_same_bytes(tmp_path: Path) -> None:
    first, second = (build_package(running_python(), tmp_path / name) for name in ("a", "b"))
    assert first.version == second.version == package_version()
    assert first.code_sha256 == second.code_sha256


def test_the_version_changes_with_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lambdarray_layer import package

    for name in package.PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.py").write_text("a = 1\n")
    monkeypatch.setattr(package, "_package_folder", lambda name: tmp_path / name)
    before = package_version.__wrapped__()
    assert before == package_version.__wrapped__()
    (tmp_path / "lambdarray" / "cli.py").write_text("client = True\n")
    assert package_version.__wrapped__() == before
    (tmp_path / "lambdarray" / "x.py").write_text("a = 2\n")
    assert package_version.__wrapped__() != before


def test_pins_name_a_version_each() -> None:
    pins = {pin.name: pin for pin in read_pins()}
    assert {"numpy", "scipy", "obstore", "cloudpickle", "crc32c"} <= set(pins)
    assert all(pin.version[0].isdigit() for pin in pins.values())


def test_each_machine_has_its_own_layer() -> None:
    pins = read_pins()
    keys = {layer_key(pins, arch, python) for arch in ARCHES for python in PYTHONS}
    assert len(keys) == len(ARCHES) * len(PYTHONS)
    assert layer_key((Pin("numpy", "9"),), "arm64", "3.12") not in keys


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("numpy/__init__.py", True),
        ("numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so", True),
        ("numpy/f2py/__init__.py", True),
        ("numpy/random/_generator.pyi", False),
        ("numpy/linalg/tests/test_linalg.py", False),
        ("numpy/_core/include/numpy/arrayobject.h", False),
        ("numpy.libs/libscipy_openblas64_.so", True),
        ("scipy/__init__.py", True),
        ("scipy/_cyutility.cpython-311-x86_64-linux-gnu.so", True),
        ("scipy/_lib/_util.py", True),
        ("scipy/linalg/_fblas.cpython-311-x86_64-linux-gnu.so", True),
        ("scipy/linalg/tests/test_basic.py", False),
        ("scipy/stats/_qmc.py", False),
        ("scipy/conftest.py", False),
        ("numpy-2.4.6.dist-info/METADATA", True),
        ("numpy-2.4.6.dist-info/RECORD", False),
        ("bin/f2py", False),
    ],
)
def test_what_is_cut_and_what_stays(path: str, kept: bool) -> None:
    assert is_kept(PurePosixPath(path), read_pins()) is kept


def test_pruning_leaves_no_empty_folder(tmp_path: Path) -> None:
    for name in ("scipy/stats/deep/x.py", "scipy/linalg/a.py", "numpy/tests/x/y.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    prune(tmp_path, read_pins())
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == [
        "scipy", "scipy/linalg", "scipy/linalg/a.py",
    ]  # fmt: skip


def test_every_platform_that_wheels_are_tagged_with_is_asked_for() -> None:
    words = build._platform("arm64", "3.13")
    assert [w for w in words if w.startswith("manylinux")][:2] == ["manylinux_2_34_aarch64", "manylinux_2_31_aarch64"]
    assert "cp313" in words
    assert "abi3" in words


@pytest.mark.parametrize(("arch", "python"), [("mips", "3.12"), ("arm64", "2.7")])
def test_a_machine_that_lambda_lacks_is_refused(arch: str, python: str) -> None:
    with pytest.raises(ConfigError):
        build_layer(arch, python)


IMPORTS = """
import sys
sys.path = [p for p in sys.path if "site-packages" not in p] + [sys.argv[1]]
import numpy, numpy.random, numpy.fft, numpy.f2py, scipy.linalg, scipy.linalg._fblas, scipy.linalg._flapack
import obstore.store, cloudpickle, crc32c
a = numpy.random.default_rng(0).standard_normal((40, 40))
q, r = scipy.linalg.qr(a)
assert abs(q @ r - a).max() < 1e-12
assert numpy.__file__.startswith(sys.argv[1])
assert numpy.__cached__.startswith(sys.argv[1])
"""


HANDLER_IMPORTS = """
import importlib, pkgutil, sys
sys.path = [p for p in sys.path if "site-packages" not in p] + sys.argv[1:]
import lambdarray_kernels
store = importlib.import_module('lambdarray.store')  # lambdarray.store is the function of that name
import lambdarray.runtime.handler, lambdarray.runtime.ping, lambdarray.runtime.worker
for package in (lambdarray_kernels, store):
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
from lambdarray.runtime.blas_threads import blas_threads
with blas_threads(1):
    pass
assert store.__file__.startswith(sys.argv[2])
assert not {"boto3", "botocore", "moto"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def machines_layer() -> build.Layer:
    """The layer of this machine, from the user's own cache: it is built once and not in every run of the tests."""
    import platform

    return build_layer({"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64"))


@pytest.fixture(scope="module")
def unpacked(machines_layer: build.Layer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("opt")
    with zipfile.ZipFile(machines_layer.path) as archive:
        archive.extractall(folder)
    return folder / "python"


def run_alone(code: str, *folders: Path) -> None:
    """Run code in a Python that sees the standard library and `folders` only."""
    command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", code, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(600)
def test_the_layer_fits_lambda(machines_layer: build.Layer) -> None:
    assert machines_layer.zip_bytes < build.DIRECT_LIMIT_BYTES
    assert machines_layer.unzipped_bytes < 125 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="the layer's wheels are for Linux")
@pytest.mark.timeout(600)
def test_the_layer_works_alone(unpacked: Path) -> None:
    run_alone(IMPORTS, unpacked)


@pytest.mark.skipif(sys.platform != "linux", reason="the layer's wheels are for Linux")
@pytest.mark.timeout(600)
def test_all_that_a_function_imports_is_in_its_layer_and_package(unpacked: Path, tmp_path: Path) -> None:
    package = build_package(running_python(), tmp_path / "zips")
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(tmp_path / "task")
    run_alone(HANDLER_IMPORTS, unpacked, tmp_path / "task")
