"""A run's sign of life in a durable store, so that nobody cleans its tiles away."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

from ..store import TileStore

BEAT_S = 60.0


class Marker:
    """Keeps `runs/<plan key>.json` fresh while a run lives, and removes it when it ends; nothing in memory stores."""

    def __init__(self, store: TileStore, key: str) -> None:
        self._store, self._name = store, f"runs/{key}.json"
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Marker:
        if self._store.durable:
            self._beat()
            self._thread = threading.Thread(target=self._keep, name="lambdarray-marker", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._thread is not None:
            self._over.set()
            self._thread.join()
            self._store.delete(self._name)

    def _beat(self) -> None:
        text = json.dumps({"heartbeat": datetime.now(UTC).isoformat()})
        self._store.put_bytes(self._name, text.encode())

    def _keep(self) -> None:
        while not self._over.wait(BEAT_S):
            self._beat()
