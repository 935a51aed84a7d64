from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lambdarray.errors import ConfigError
from lambdarray.store import open_store
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.memory import MemoryStore
from lambdarray.store.s3 import S3Store


def test_a_url_names_the_kind_of_store(tmp_path: Path) -> None:
    assert isinstance(open_store("memory://"), MemoryStore)
    assert isinstance(open_store(tmp_path), DirectoryStore)
    assert isinstance(open_store(f"file://{tmp_path}"), DirectoryStore)
    assert isinstance(open_store("s3://bucket/prefix"), S3Store)


def test_a_process_has_one_store_for_each_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_store("a") is open_store(tmp_path / "a") is open_store(f"file://{tmp_path}/a")
    assert open_store("s3://bucket/a") is open_store("s3://bucket/a/")
    assert open_store("memory://one") is not open_store("memory://two")


def test_other_credentials_make_another_store(monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_store("s3://bucket/a")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    assert open_store("s3://bucket/a") is not before


def test_a_closed_store_is_opened_anew() -> None:
    store = open_store("memory://closed")
    store.put("a/0", np.zeros(3))
    store.close()
    assert not open_store("memory://closed").exists("a/0")


@pytest.mark.parametrize("url", ["gs://bucket/x", "http://example.com", "", "file://other/x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"s3://|file:///"):
        open_store(url)
