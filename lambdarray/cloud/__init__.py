"""The local cloud: AWS Lambda on this machine, around AWS's own runtime client, beside an S3 server.

>>> from lambdarray.cloud import LocalCloud, CloudSettings
>>> CloudSettings(account_concurrency=10).account_concurrency
10
"""

from __future__ import annotations

from lambdarray.cloud.command import main
from lambdarray.cloud.local import LocalCloud
from lambdarray.cloud.settings import CloudSettings

__all__ = ["CloudSettings", "LocalCloud", "main"]
