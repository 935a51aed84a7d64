"""Profiles: what is shipped can be, what cannot be is refused with the numbers, and settings choose among them."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.config import _from_environment, get_config
from lambdarray.cost import from_toml, machine_here, machine_of, machine_there, names, of_architecture, profile
from lambdarray.errors import ConfigError

SHIPPED = Path(la.__file__).parent / "profiles"


def text_of(name: str) -> str:
    return (SHIPPED / f"{name}.toml").read_text()


def numbers(table: dict[str, Any], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every number in a table of tables."""
    out: list[tuple[str, ...]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            out += numbers(value, (*before, key))
        elif isinstance(value, float):
            out.append((*before, key))
    return out


def as_toml(table: dict[str, Any]) -> str:
    """A table of tables and plain values as TOML."""
    lines: list[str] = []

    def add(inner: dict[str, Any], path: tuple[str, ...]) -> None:
        if path:
            lines.append(f"[{'.'.join(path)}]")
        for key, value in inner.items():
            if not isinstance(value, dict):
                lines.append(f"{key} = {str(value).lower() if isinstance(value, bool | float) else repr(value)}")
        for key, value in inner.items():
            if isinstance(value, dict):
                add(value, (*path, key))

    add(table, ())
    return "\n".join(lines)


CASES = [(name, path) for name in names() for path in numbers(tomllib.loads(text_of(name)))]


@pytest.mark.parametrize(("name", "path"), CASES)
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 1e30, True, "much", None])
def test_an_absurd_constant_is_refused_with_file_key_value_and_range(
    name: str, path: tuple[str, ...], value: Any
) -> None:
    table = tomllib.loads(text_of(name))
    inner = table
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    with pytest.raises(ConfigError) as refused:
        from_toml(as_toml(table), "mine.toml")
    told = str(refused.value)
    assert "mine.toml" in told
    assert ".".join(path) in told
    assert " from " in told
    assert "is missing" in told if value is None else repr(value) in told


RATES = {"gflops", "read_mbps", "write_mbps", "stream_gbps", "mib_per_core", "limit_s", "concurrency"}


@pytest.mark.parametrize(("name", "path"), [case for case in CASES if case[1][-1] in RATES])
def test_no_rate_is_zero(name: str, path: tuple[str, ...]) -> None:
    text = text_of(name).replace(f"\n{path[-1]} = ", f"\n{path[-1]} = 0.0 #")
    with pytest.raises(ConfigError, match=path[-1]):
        from_toml(text, "mine.toml")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('architecture = "x86_64"', 'architecture = "vax"', r"architecture = 'vax' .* 'x86_64', 'arm64'"),
        ("[memory]", "[memory]\nstream_mbps = 3.0", r"memory\.stream_mbps is not a constant; there are: stream_gbps"),
        ("shared = true", "shared = 1.0", r"store\.shared = 1\.0 .* true or false"),
        ("[memory]", "[memory", "not TOML"),
        ("[functions]", "functions = 3\n[others]", "functions"),
        ('source = "', 'source = 3 # "', "source = 3"),
    ],
)
def test_what_is_no_profile_is_refused(before: str, after: str, told: str) -> None:
    text = text_of("lambda-x86_64")
    assert before in text
    with pytest.raises(ConfigError, match=told):
        from_toml(text.replace(before, after), "mine.toml")


def test_constants_that_contradict_one_another_are_refused() -> None:
    text = text_of("lambda-x86_64").replace("least_mib = 128.0", "least_mib = 20000.0")
    with pytest.raises(
        ConfigError, match=r"mine\.toml: functions\.least_mib = 20000 cannot be above .*most_mib = 10240"
    ):
        from_toml(text, "mine.toml")


def test_unknown_profiles_and_architectures_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    with la.config(profile="lambda-vax"), pytest.raises(ConfigError, match="lambda-arm64, lambda-x86_64, threads"):
        la.plan(la.ones(3))
    with pytest.raises(ConfigError, match="'x86_64', 'arm64'"):
        of_architecture("vax")


def test_a_file_is_a_profile_and_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text_of("threads"))
    with la.config(profile=str(path)):
        assert machine_of(get_config()).product.float64.gflops == profile("threads").product.float64.gflops
        assert machine_of(get_config()).name == "mine"
        path.write_text(text_of("threads").replace("gflops = ", "gflops = 1"))
        assert machine_of(get_config()).product.float64.gflops > 100


def test_each_kind_of_worker_has_the_profile_that_is_of_its_kind() -> None:
    with la.config(profile="lambda-arm64"):
        assert machine_here(get_config()).name == "threads"
        assert machine_there(get_config()).name == "lambda-arm64"
    with la.config(executor="lambda", store="s3://b/p"):
        assert machine_of(get_config()).name == "lambda-x86_64"


def test_a_setting_of_the_environment_chooses_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDARRAY_PROFILE", "lambda-arm64")
    assert _from_environment().profile == "lambda-arm64"


def test_prices_are_those_of_the_architecture_but_for_the_files_own() -> None:
    x86, arm = of_architecture("x86_64"), of_architecture("arm64")
    assert arm.prices.dollars_per_gib_s / x86.prices.dollars_per_gib_s == pytest.approx(0.8, rel=1e-4)
    mine = from_toml(text_of("lambda-arm64") + "\n[prices]\ndollars_per_gb_month = 0.025\n", "mine.toml")
    assert mine.prices.dollars_per_gb_month == 0.025
    assert mine.prices.dollars_per_gib_s == arm.prices.dollars_per_gib_s


@pytest.mark.parametrize(("architecture", "floor"), [("x86_64", 1.60), ("arm64", 1.28)])
def test_a_pflop_costs_what_the_floor_says(architecture: str, floor: float) -> None:
    machine = of_architecture(architecture)
    seconds = 1e15 / machine.flops_per_s(np.dtype(float))
    assert machine.memory_dollars(1769, seconds) == pytest.approx(floor, abs=0.005)


def test_cores_follow_memory_and_visible_cores_are_lambdas() -> None:
    machine = of_architecture("x86_64")
    assert machine.cores(1769) == 1
    assert machine.cores(10_240) == pytest.approx(5.79, abs=0.01)
    seen = {128: 2, 1769: 2, 3008: 2, 3009: 3, 5307: 3, 5308: 4, 7076: 4, 7077: 5, 8845: 5, 8846: 6, 10_240: 6}
    assert {m: machine.visible_cores(m) for m in seen} == seen


def test_rates_grow_with_tiles_and_transfers_share_a_connection() -> None:
    machine = of_architecture("x86_64")
    half = machine.product.float64.half_side
    assert machine.flops_per_s(np.dtype(float), half) == machine.flops_per_s(np.dtype(float)) / 2
    assert machine.store.shared
    assert machine.store.seconds(75e6, 75e6) == pytest.approx(2)


def test_every_constant_takes_part_in_the_machines_key() -> None:
    text = text_of("threads")
    for path in numbers(tomllib.loads(text)):
        table = tomllib.loads(text)
        inner = table
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] *= 1.001
        assert from_toml(as_toml(table), "threads.toml").key != profile("threads").key
