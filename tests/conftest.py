"""What every test starts from: the default settings, no account, and no scratch left in the checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

# The machine's load is no property of the code: a slow example is not a failure.
settings.register_profile("lambdarray", deadline=None, derandomize=True)
settings.load_profile("lambdarray")

# Set before boto3 or the package reads them: tests have no account, and no setting of the developer's.
for _name in [name for name in os.environ if name.startswith(("AWS_", "LAMBDARRAY_"))]:
    del os.environ[_name]
KEPT = ("AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


@pytest.fixture(autouse=True)
def _default_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test starts from the default settings and without an account, and leaves neither behind."""
    # A server that lives as long as the session has its own credentials in the environment.
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in KEPT]:
        monkeypatch.delenv(name)
    from lambdarray.config import config

    with config():
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(20_26)
