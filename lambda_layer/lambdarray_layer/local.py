"""What a run needs of this side: versions of what is installed, and NumPy's BLAS."""

from __future__ import annotations

from importlib import metadata

from .checks import Check, fail, ok
from .package import package_version
from .requirements import read_pins


def local_checks() -> list[Check]:
    """The client's own versions, against those that the layer holds."""
    checks = [ok("lambdarray", package_version())]
    for pin in read_pins():
        try:
            have = metadata.version(pin.name)
        except metadata.PackageNotFoundError:
            checks.append(fail("package", f"{pin.name} is not installed here", f"pip install {pin.requirement}"))
            continue
        same = "" if have == pin.version else f", the function has {pin.version}"
        checks.append(ok("package", f"{pin.name} {have}{same}"))
    checks.append(ok("blas", _blas()))
    return checks


def _blas() -> str:
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[call-overload,index]
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
