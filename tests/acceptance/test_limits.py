"""A task that cannot fit its worker is refused when the plan is made, and doing what the message says lets it run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lambdarray as la
from lambdarray.config import get_config
from lambdarray.errors import LambdarrayError, MemoryLimitError
from lambdarray.store import open_store

Make = Callable[[int], Any]
SIDE = 6000


def noise(chunk: int) -> Any:
    return la.random.default_rng(0).random((SIDE, SIDE), chunks=chunk)


EXPRESSIONS: dict[str, Make] = {
    "random values": noise,
    "a chain": lambda chunk: noise(chunk) * 2 + noise(chunk).T,
    "a product": lambda chunk: noise(chunk) @ noise(chunk),
    "a product of fills": lambda chunk: la.ones((SIDE, SIDE), chunks=chunk) @ noise(chunk),
    "a reshape": lambda chunk: noise(chunk).reshape(SIDE * 10, SIDE // 10),
    "a concatenation": lambda chunk: la.concat([noise(chunk), noise(chunk)]),
}
WORKERS = {
    "threads": {"executor": "threads", "memory_mib": 128},
    "functions": {"executor": "simulated", "memory_mib": 438},
}
each_expression = pytest.mark.parametrize("make", EXPRESSIONS.values(), ids=list(EXPRESSIONS))
each_worker = pytest.mark.parametrize("settings", WORKERS.values(), ids=list(WORKERS))


def refusal(make: Make, chunk: int) -> str:
    """Why the plan cannot be; nothing where it can."""
    try:
        la.plan(make(chunk))
    except MemoryLimitError as error:
        return str(error)
    return ""


@each_worker
@each_expression
def test_the_setting_that_the_message_names_lets_it_fit(make: Make, settings: dict[str, Any]) -> None:
    with la.config(**settings, workers=2):
        text = refusal(make, SIDE)
        assert re.search(r"needs \d+ MiB a task with tiles of \(\d+, \d+\), and a worker has 128 MiB for data", text)
        assert "test_limits.py" in text
        for _ in range(4):  # one stage after the other may ask for more
            if not (text := refusal(make, SIDE)):
                break
            found = re.search(r"la\.config\(memory_mib=(\d+)\)", text)
            assert found is not None
            la.config(memory_mib=int(found[1]))
        assert text == ""
        assert get_config().memory_mib < 4096


@each_worker
@each_expression
def test_the_chunks_that_the_message_names_fit(make: Make, settings: dict[str, Any]) -> None:
    chunk = SIDE
    with la.config(**settings, workers=2):
        for _ in range(4):
            if not (text := refusal(make, chunk)):
                break
            found = re.search(r"use chunks of at most \((\d+), (\d+)\)", text)
            assert found is not None
            assert min(map(int, found.groups())) < chunk
            chunk = min(map(int, found.groups()))
        assert text == ""
        assert chunk > 400  # no smaller than it has to be


def test_a_task_that_is_too_large_is_refused_before_anything_is_read_or_written(tmp_path: Path) -> None:
    store, target = tmp_path / "scratch", tmp_path / "x.zarr"
    with la.config(store=str(store), memory_mib=128):
        for run in (noise(SIDE).compute, noise(SIDE).persist, lambda: noise(SIDE).to_zarr(str(target))):
            with pytest.raises(MemoryLimitError):
                run()
    assert not store.exists()
    assert not target.exists()


def test_it_is_a_memory_error_too() -> None:
    with la.config(memory_mib=128), pytest.raises(MemoryError) as caught:
        la.plan(noise(SIDE))
    assert isinstance(caught.value, LambdarrayError)


def test_a_function_too_small_for_a_task_is_refused_before_it_is_called(on_lambda: str) -> None:
    with la.config(memory_mib=438), pytest.raises(MemoryLimitError, match=r"la\.config\(memory_mib=\d+\)"):
        noise(SIDE).compute()
    assert list(open_store(on_lambda).list()) == []
