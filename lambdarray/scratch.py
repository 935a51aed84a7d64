"""Cleaning a scratch store: what killed runs left goes, what a live run uses stays.

    <scratch>/<2 hex>/<plan key>/...    a plan's tiles
    <scratch>/runs/<plan key>.json      its marker, written anew while the run lives
    <scratch>/runs/<plan key>.cancel    a call to its workers to stop

A plan whose marker is younger than ten minutes is alive. Only names of this form are looked at; anything else that
lies in the store is not ours and stays.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .errors import ConfigError, StoreError

ALIVE_S = 600.0
DELETE_COUNT = 1000
_TILE = re.compile(r"[0-9a-f]{2}/([^/]+)/.")
_MARKER = re.compile(r"runs/([^/]+)\.(json|cancel)$")


@dataclass(slots=True)
class PlanFiles:
    """What a scratch store holds of one plan: its objects, their bytes, when the newest was written, its marker's time.

    Times are seconds since 1970.
    """

    key: str
    names: list[str] = field(default_factory=list)
    total_bytes: int = 0
    newest_s: float = 0.0
    heartbeat_s: float = 0.0

    def add(self, name: str, size: int, modified_s: float) -> None:
        """Count one of its objects."""
        self.names.append(name)
        self.total_bytes += size
        self.newest_s = max(self.newest_s, modified_s)

    def is_alive(self, now_s: float) -> bool:
        """Whether its run has given a sign of life within the last ten minutes."""
        return now_s - self.heartbeat_s < ALIVE_S


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a clean did, or in a dry run would do."""

    plans: int
    objects: int
    total_bytes: int
    kept_alive: int
    kept_young: int

    def summary(self, dry_run: bool = False) -> str:
        """One line for people.

        >>> Cleaned(plans=1, objects=3, total_bytes=2**20, kept_alive=1, kept_young=0).summary()
        'freed 1.0 MiB: 3 objects of 1 plan; kept 1 whose run is alive'
        """
        verb = "would free" if dry_run else "freed"
        plans = f"{self.plans} plan{'' if self.plans == 1 else 's'}"
        line = f"{verb} {self.total_bytes / 2**20:.1f} MiB: {self.objects} objects of {plans}"
        if self.kept_alive:
            line += f"; kept {self.kept_alive} whose run is alive"
        return line + (f"; kept {self.kept_young} that are younger than asked" if self.kept_young else "")


class Place(Protocol):
    """Where scratch lies: a bucket's prefix or a directory."""

    def files(self) -> Iterator[tuple[str, int, float]]:
        """Name, bytes and time of change (seconds since 1970) of every object, names relative to the place."""

    def delete(self, names: list[str]) -> None:
        """Delete objects; one that is gone already is no error."""


def clean(store: str, older_than_h: float = 0.0, dry_run: bool = False) -> Cleaned:
    """Delete the tiles of plans in `store` (s3:// or a directory) that no live run uses.

    A plan is kept while its run's marker is younger than ten minutes, and while its newest tile is younger than
    `older_than_h` hours. Raises StoreError where the store cannot be read, ConfigError for another kind of store.
    """
    if older_than_h < 0:
        raise ConfigError(f"older_than_h={older_than_h}: give 0 hours or more")
    place = open_place(store)
    found, now_s = find_plans(place), time.time()
    alive = {plan.key for plan in found if plan.is_alive(now_s)}
    young = {p.key for p in found if p.key not in alive and now_s - p.newest_s < older_than_h * 3600}
    gone = [plan for plan in found if plan.key not in alive | young]
    for plan in gone:
        if not dry_run:
            # The marker is the last to go: a clean that is cut short finds the plan again.
            place.delete(sorted(plan.names, key=lambda name: (name.startswith("runs/"), name.endswith(".json"))))
    objects = sum(len(plan.names) for plan in gone)
    return Cleaned(len(gone), objects, sum(p.total_bytes for p in gone), len(alive), len(young))


def find_plans(place: Place) -> list[PlanFiles]:
    """Every plan that has tiles or a marker in a scratch store, by key.

    It lists the store once.
    """
    plans: dict[str, PlanFiles] = {}
    for name, size, modified_s in place.files():
        marker = _MARKER.match(name)
        match = marker or _TILE.match(name)
        if match is None:
            continue
        plan = plans.setdefault(match[1], PlanFiles(match[1]))
        plan.add(name, size, modified_s)
        if marker and marker[2] == "json":
            # The store's own time of the last write is the heartbeat: no clock of the client's takes part.
            plan.heartbeat_s = modified_s
    return sorted(plans.values(), key=lambda plan: plan.key)


def open_place(store: str) -> Place:
    """The place that a store's URL names."""
    if store.startswith("s3://"):
        return S3Place(store)
    if "://" in store and not store.startswith("file://"):
        raise ConfigError(f"{store!r} has no scratch that outlives a run; give s3://bucket/prefix or a directory")
    return DirectoryPlace(Path(store.removeprefix("file://")))


class DirectoryPlace:
    """Scratch in a directory."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise StoreError(f"{root} is not a directory; give the store that the run used")
        self._root = root

    def files(self) -> Iterator[tuple[str, int, float]]:
        """See `Place`."""
        for path in self._root.rglob("*"):
            try:
                info = path.lstat()
            except FileNotFoundError:
                # A run that is alive may delete what it no longer needs meanwhile.
                continue
            if path.is_file():
                yield path.relative_to(self._root).as_posix(), info.st_size, info.st_mtime

    def delete(self, names: list[str]) -> None:
        """See `Place`; folders that are left empty go too."""
        for name in names:
            (self._root / name).unlink(missing_ok=True)
        for folder in sorted({p for name in names for p in self._folders(name)}, reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _folders(self, name: str) -> Iterable[Path]:
        return (self._root / parent for parent in Path(name).parents if parent != Path("."))


class S3Place:
    """Scratch below a prefix of a bucket."""

    def __init__(self, url: str) -> None:
        from .store.s3 import S3Store

        self._store = S3Store(url)

    def files(self) -> Iterator[tuple[str, int, float]]:
        """See `Place`."""
        import obstore

        # The store says in one line what is wrong with a bucket; its own listing has no times.
        next(self._store.heads("runs"), None)
        prefix = self._store.prefix
        with self._errors():
            for batch in obstore.list(self._store.client, prefix.rstrip("/") or None):
                for item in batch:
                    yield item["path"].removeprefix(prefix), int(item["size"]), item["last_modified"].timestamp()

    def delete(self, names: list[str]) -> None:
        """See `Place`; a thousand a request."""
        import obstore

        with self._errors():
            for start in range(0, len(names), DELETE_COUNT):
                some = names[start : start + DELETE_COUNT]
                obstore.delete(self._store.client, [self._store.prefix + name for name in some])

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except BaseError as error:
            raise StoreError(f"{self._store.url} cannot be cleaned: {str(error).splitlines()[0]}") from error
