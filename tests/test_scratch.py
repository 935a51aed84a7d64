"""Cleaning takes what killed runs left, and keeps live runs and whatever is not ours."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lambdarray.errors import ConfigError, StoreError
from lambdarray.scratch import ALIVE_S, DirectoryPlace, clean, find_plans

HOUR_S = 3600.0


def write(root: Path, name: str, age_s: float = 0.0, size: int = 10) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A killed run, a live one, and things of the user's."""
    for n in range(3):
        write(tmp_path, f"0{n}/killed/a/{n}.0", age_s=2 * HOUR_S)
        write(tmp_path, f"0{n}/alive/a/{n}.0", age_s=2 * HOUR_S)
    write(tmp_path, "runs/killed.json", age_s=2 * HOUR_S)
    write(tmp_path, "runs/killed.cancel", age_s=30)
    write(tmp_path, "runs/alive.json", age_s=30)
    write(tmp_path, "0a/.lambdarray-tmp-x", age_s=2 * HOUR_S)
    write(tmp_path, "thesis.pdf")
    write(tmp_path, "data/a/0.0")
    write(tmp_path, "runs/notes.txt")
    return tmp_path


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


USERS = {"thesis.pdf", "data/a/0.0", "runs/notes.txt", "0a/.lambdarray-tmp-x"}
ALIVE = {"runs/alive.json", *(f"0{n}/alive/a/{n}.0" for n in range(3))}


def test_clean_removes_a_killed_run_and_keeps_a_live_one(scratch: Path) -> None:
    cleaned = clean(str(scratch))
    assert (cleaned.plans, cleaned.objects, cleaned.total_bytes, cleaned.kept_alive) == (1, 5, 50, 1)
    assert names(scratch) == USERS | ALIVE
    assert not (scratch / "00" / "killed").exists()


def test_a_dry_run_tells_the_same_and_deletes_nothing(scratch: Path) -> None:
    before = names(scratch)
    planned = clean(str(scratch), dry_run=True)
    assert names(scratch) == before
    assert clean(str(scratch)) == planned


def test_cleaning_twice_finds_nothing_more(scratch: Path) -> None:
    clean(str(scratch))
    assert clean(str(scratch)).objects == 0


def test_what_is_younger_than_asked_is_kept(scratch: Path) -> None:
    cleaned = clean(str(scratch), older_than_h=3)
    assert (cleaned.plans, cleaned.kept_young) == (0, 1)
    assert clean(str(scratch), older_than_h=0).plans == 1


def test_a_plan_without_a_marker_is_not_alive(tmp_path: Path) -> None:
    write(tmp_path, "ff/plan/a/0", age_s=1)
    assert clean(str(tmp_path)).plans == 1


def test_a_marker_is_a_sign_of_life_for_ten_minutes(tmp_path: Path) -> None:
    write(tmp_path, "ff/plan/a/0", age_s=HOUR_S)
    marker = write(tmp_path, "runs/plan.json")
    (plan,) = find_plans(DirectoryPlace(tmp_path))
    written_s = marker.stat().st_mtime
    assert plan.is_alive(written_s + ALIVE_S - 1)
    assert not plan.is_alive(written_s + ALIVE_S)


def test_a_marker_goes_after_the_tiles(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[str] = []
    monkeypatch.setattr(DirectoryPlace, "delete", lambda self, batch: deleted.extend(batch))
    clean(str(scratch))
    assert deleted[-1] == "runs/killed.json"


def test_a_store_without_scratch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no scratch that outlives a run"):
        clean("memory://")
    with pytest.raises(StoreError, match="is not a directory"):
        clean(str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="0 hours or more"):
        clean(str(tmp_path), older_than_h=-1)
