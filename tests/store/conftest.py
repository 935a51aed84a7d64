"""The S3 servers, one of each for the whole folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import environment, make_bucket, moto_server, versitygw_program, versitygw_server

BUCKET = "tiles"


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        make_bucket(url, BUCKET)
        yield url


@pytest.fixture(scope="session")
def versitygw_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if versitygw_program() is None:
        pytest.skip("versitygw is not installed; tools/install_versitygw.sh installs it where Go is present")
    with versitygw_server(tmp_path_factory.mktemp("versitygw")) as url:
        make_bucket(url, BUCKET)
        yield url


@pytest.fixture
def s3_here(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment as a user has it, for moto's server; gives the bucket's URL."""
    for name, value in environment(moto_url).items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where there is no array yet."""
    return str(tmp_path / "a.zarr")
