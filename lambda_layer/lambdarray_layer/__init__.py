"""The Lambda side: the layer's requirements and build, the function's deployment and its least-privilege policy.

Nothing here is imported until a command or the Lambda executor asks for it.
"""

from __future__ import annotations

from .package import package_version

__all__ = ["package_version"]
