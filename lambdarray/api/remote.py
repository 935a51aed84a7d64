"""Before a run in Lambda: what the deployed function is, and whether it may read and write what the plan does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

from ..config import Config
from ..errors import ConfigError, LambdarrayError
from ..task import Plan

# How long what AWS said of a function is believed.
FRESH_S = 60.0
_known: dict[tuple[Any, ...], tuple[float, Any]] = {}


def _deployment(config: Config) -> Any:
    import os

    from lambdarray_layer.deployment import describe

    endpoint = os.environ.get("AWS_ENDPOINT_URL_LAMBDA", os.environ.get("AWS_ENDPOINT_URL", ""))
    key = (config.function, config.region, endpoint)
    if key not in _known or monotonic() - _known[key][0] > FRESH_S:
        from lambdarray_layer.aws import open_session

        _known[key] = (monotonic(), describe(config.function, open_session(config.region)))
    return _known[key][1]


@contextmanager
def _asks_again_after_a_refusal() -> Iterator[None]:
    """Believe nothing any longer once a run was refused: the user will mend it, perhaps elsewhere, and try again."""
    try:
        yield
    except LambdarrayError:
        _known.clear()
        raise


@_asks_again_after_a_refusal()
def settled(config: Config) -> Config:
    """The settings with what the deployed function decides: its memory, region, reserved concurrency and kind.

    Raises ConfigError where more memory is asked for than the function has, and the errors of
    `lambdarray_layer.deployment.describe` where there is no such function.
    """
    if config.executor != "lambda":
        return config
    found = _deployment(config)
    if config.memory_mib is not None and config.memory_mib > found.memory_mib:
        raise ConfigError(
            f"memory_mib={config.memory_mib}, but the function {found.function} has {found.memory_mib} MiB; "
            f"lower it, or run: lambdarray deploy ... --memory {config.memory_mib}"
        )
    memory_mib = config.memory_mib or found.memory_mib
    workers = config.workers or found.concurrency
    timeout_s = min(config.task_timeout_s, max(1.0, found.timeout_s - 30.0))
    profile = config.profile or f"lambda-{found.arch}"
    known = {"memory_mib": memory_mib, "workers": workers, "region": found.region, "profile": profile}
    return replace(config, task_timeout_s=timeout_s, **known)


@_asks_again_after_a_refusal()
def check_grants(plan: Plan, config: Config) -> None:
    """Raise AccessError, before any task runs, where the plan reads or writes outside what was granted."""
    if config.executor != "lambda":
        return
    from lambdarray_layer.deployment import check_access, check_version

    found = _deployment(config)
    check_version(found)
    reads, writes = set[str](), set[str]()
    for name, spec in plan.arrays.items():
        url = str(spec.location.get("url", spec.location.get("store", config.store)))
        if spec.location["kind"] == "object":
            continue
        if url.startswith(("memory:", "shared:")):
            raise ConfigError(
                "an array was persisted in this process's memory, where no function can read it; "
                "persist it under executor='lambda', or use executor='threads'"
            )
        (writes if name in plan.written else reads).add(url)
    check_access(found, sorted(reads - {config.store}), sorted(writes - {config.store}), config.store)
