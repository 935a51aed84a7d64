from __future__ import annotations

from typing import Any

import pytest

from lambdarray.cloud import CloudSettings, LocalCloud
from lambdarray.errors import ConfigError


def test_settings_travel_as_json() -> None:
    settings = CloudSettings(account_concurrency=7, event_retry_seconds=(0.5, 1.5), s3="http://127.0.0.1:1")
    assert CloudSettings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_concurrency": 0},
        {"memory_total_mib": 64},
        {"port": 70_000},
        {"s3": "somewhere"},
        {"isolation": "docker"},
        {"duplicate_events": -0.1},
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name_with_its_value(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(ConfigError, match=f"{name} .*{value!r}"):
        LocalCloud(**wrong)


def test_all_environments_together_get_most_of_the_machine_by_default() -> None:
    assert CloudSettings().memory_budget_mib() > 128
    assert CloudSettings(memory_total_mib=500).memory_budget_mib() == 500
