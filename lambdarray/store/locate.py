"""From a URL to its store: one for each URL and process."""

from __future__ import annotations

import os
import threading
from typing import Any

from ..errors import ConfigError
from .base import TileStore

_stores: dict[tuple[Any, ...], TileStore] = {}
_lock = threading.Lock()


def open_store(url: str | os.PathLike[str]) -> TileStore:
    """The store at `memory://`, a directory (a path or `file://`), or `s3://bucket/prefix`.

    A process has one store for each URL, so that connections and tiles in memory are shared; a closed one is
    opened anew. Nothing is read or written. Raises ConfigError for any other kind of URL.

    >>> open_store("memory://") is open_store("memory://")
    True
    """
    url = os.fspath(url)
    key = _identity(url)
    store = _stores.get(key)
    if store is not None and not store.closed:
        return store
    with _lock:
        store = _stores.get(key)
        if store is None or store.closed:
            store = _stores[key] = _make(url)
        return store


def _identity(url: str) -> tuple[Any, ...]:
    """What makes two stores the same; for S3 also how it is reached."""
    if url.startswith("s3://"):
        from .s3 import Access

        return (url.rstrip("/"), Access.from_environment())
    return (url,) if url.startswith(("memory://", "shared://")) else (local_path(url),)


def _make(url: str) -> TileStore:
    if url.startswith("s3://"):
        from .s3 import S3Store

        return S3Store(url)
    if url.startswith("memory://"):
        from .memory import MemoryStore

        return MemoryStore(url=url)
    if url.startswith("shared://"):
        from .shared import SharedStore

        return SharedStore.from_url(url)
    from .directory import DirectoryStore

    return DirectoryStore(local_path(url))


def local_path(url: str) -> str:
    """The absolute path that a path or a `file://` URL names.

    >>> local_path("file:///data/a%20b")
    '/data/a b'
    """
    if url.startswith("file://"):
        from urllib.parse import unquote, urlsplit

        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost"):
            raise ConfigError(f"{url!r} names another machine; write file:///absolute/path")
        url = unquote(parts.path)
    if "://" in url or not url:
        raise ConfigError(f"{url!r} is no store: use 'memory://', a directory or 's3://bucket/prefix'")
    return os.path.abspath(os.path.expanduser(url))
