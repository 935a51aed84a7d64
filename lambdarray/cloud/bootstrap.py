"""Runs inside an environment: find the code, then hand over to AWS's runtime client, awslambdaric.

Standard library only; it is copied beside awslambdaric and never imported by the client.
"""

from __future__ import annotations

import os
import site
import sys


def search_path(task: str, opt: str, runtime: str) -> list[str]:
    """Where Lambda looks for modules, before the standard library."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [task, f"{opt}/python/lib/{version}/site-packages", f"{opt}/python", runtime]


def main() -> None:
    """Serve invocations of $_HANDLER until killed; the only argument is the folder of the layers."""
    # The interpreter runs without `site`, so that no package of its own installation is in reach.
    site.setquit()
    site.setcopyright()
    runtime = os.path.dirname(os.path.abspath(__file__))
    sys.path[:1] = search_path(os.environ["LAMBDA_TASK_ROOT"], sys.argv[1], runtime)
    from awslambdaric.__main__ import main as serve

    serve([__file__, os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
