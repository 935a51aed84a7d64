"""A bucket's lifecycle rules as plain data: ours goes in and out, every other rule stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from .policy import EXPIRY_DAYS
from .prefixes import S3Prefix

Rule = dict[str, Any]


def rule_id(function: str, region: str, store: S3Prefix) -> str:
    """The name of our rule, which says whose it is; S3 allows 255 characters.

    >>> rule_id("lambdarray", "eu-west-1", S3Prefix("b", "scratch"))
    'lambdarray/lambdarray@eu-west-1/scratch'
    """
    name = f"{_owner(function, region)}{store.prefix}"
    return name if len(name) <= 255 else f"{name[:222]}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def scratch_rule(function: str, region: str, store: S3Prefix, legacy: bool = False) -> Rule:
    """Our rule: what lies in the scratch prefix, and uploads left unfinished there, goes after 7 days.

    S3 refuses a configuration that mixes rules of the older form (`Prefix`) with those that have a `Filter`; `legacy`
    makes the older.
    """
    prefix = f"{store.prefix}/"
    return {
        "ID": rule_id(function, region, store),
        **({"Prefix": prefix} if legacy else {"Filter": {"Prefix": prefix}}),
        "Status": "Enabled",
        "Expiration": {"Days": EXPIRY_DAYS},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": EXPIRY_DAYS},
    }


def with_rule(rules: Sequence[Rule], function: str, region: str, store: S3Prefix) -> list[Rule]:
    """The bucket's rules with ours among them; those of others keep their place and content."""
    legacy = any("Prefix" in rule and "Filter" not in rule for rule in rules if not _ours(rule, function, region))
    ours = scratch_rule(function, region, store, legacy)
    if ours in rules:
        return list(rules)
    return [*(rule for rule in rules if rule.get("ID") != ours["ID"]), ours]


def without_rules(rules: Sequence[Rule], function: str, region: str) -> list[Rule]:
    """The bucket's rules without those that this deployment made."""
    return [rule for rule in rules if not _ours(rule, function, region)]


def _ours(rule: Rule, function: str, region: str) -> bool:
    return str(rule.get("ID", "")).startswith(_owner(function, region))


def _owner(function: str, region: str) -> str:
    return f"lambdarray/{function}@{region}/"
