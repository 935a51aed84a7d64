"""The documents of least privilege as data."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from lambdarray_layer.lifecycle import scratch_rule, with_rule, without_rules
from lambdarray_layer.policy import role_policy, trust_policy
from lambdarray_layer.prefixes import S3Prefix, parse_all
from lambdarray_layer.target import Target

from lambdarray.errors import ConfigError

TARGET = Target(
    store=S3Prefix("work", "scratch"),
    reads=(S3Prefix("data", "a.zarr"), S3Prefix("open", "")),
    writes=(S3Prefix("work", "out"),),
    function="la",
    python="3.12",
)
POLICY = role_policy(TARGET, "eu-west-1", "123456789012")


def allowed(action: str, resource: str, prefix: str | None = None) -> bool:
    """What IAM would answer, for the few features that the policy uses."""
    return any(
        statement["Effect"] == "Allow"
        and action in statement["Action"]
        and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        and _condition_holds(statement, prefix)
        for statement in POLICY["Statement"]
    )


def _condition_holds(statement: dict[str, Any], prefix: str | None) -> bool:
    if "Condition" not in statement:
        return True
    patterns = statement["Condition"]["StringLike"]["s3:prefix"]
    return prefix is not None and any(fnmatchcase(prefix, pattern) for pattern in patterns)


def test_only_granted_prefixes_are_read() -> None:
    for key in ("data/a.zarr/c/0", "work/scratch/0f/x", "work/out/c/1", "open/anything/at/all"):
        assert allowed("s3:GetObject", f"arn:aws:s3:::{key}")
    for key in ("data/b.zarr/c/0", "data/a.zarr2/c", "work/other", "work/scratchy/x", "else/x"):
        assert not allowed("s3:GetObject", f"arn:aws:s3:::{key}")


def test_only_scratch_and_write_prefixes_are_written() -> None:
    assert allowed("s3:PutObject", "arn:aws:s3:::work/out/c/0")
    assert allowed("s3:PutObject", "arn:aws:s3:::work/scratch/0f/x")
    for key in ("data/a.zarr/c/0", "open/x", "work/outer/x"):
        assert not allowed("s3:PutObject", f"arn:aws:s3:::{key}")


def test_a_listing_is_bound_to_the_prefixes() -> None:
    assert allowed("s3:ListBucket", "arn:aws:s3:::work", prefix="scratch/0f/plan")
    assert allowed("s3:ListBucket", "arn:aws:s3:::open", prefix=None)
    for prefix in (None, "", "scratchy", "other/"):
        assert not allowed("s3:ListBucket", "arn:aws:s3:::work", prefix=prefix)


def test_nothing_else_is_granted() -> None:
    actions = {action for statement in POLICY["Statement"] for action in statement["Action"]}
    assert actions == {
        "s3:GetObject", "s3:PutObject", "s3:ListBucket", "logs:CreateLogStream", "logs:PutLogEvents",
    }  # fmt: skip
    assert not any("*" in action for action in actions)
    assert all(resource != "*" for statement in POLICY["Statement"] for resource in statement["Resource"])


def test_logs_are_only_the_functions_own() -> None:
    group = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/la"
    assert allowed("logs:PutLogEvents", f"{group}:log-stream:x")
    assert not allowed("logs:PutLogEvents", f"{group}2:log-stream:x")


def test_lambda_alone_may_take_the_role() -> None:
    (statement,) = trust_policy()["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("url", ["bucket/x", "gs://b/x", "s3://", "s3://B/x", "s3://bucket/x*", "s3://bucket/${aws:x}"])
def test_a_url_that_is_no_prefix_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        S3Prefix.parse(url)


def test_a_prefix_that_another_covers_is_left_out() -> None:
    assert parse_all(["s3://bkt/a/b/", "s3://bkt/a", "s3://bkt/ab"]) == (S3Prefix("bkt", "a"), S3Prefix("bkt", "ab"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"store": S3Prefix("work", "")}, "must not be a whole bucket"),
        ({"reads": (S3Prefix("work", "scratch/data"),)}, "lies in the scratch prefix"),
        ({"memory_mib": 20000}, "Lambda allows 128 to 10240"),
        ({"timeout_s": 1000}, "Lambda allows 1 to 900"),
        ({"ephemeral_mib": 100}, "Lambda allows 512 to 10240"),
        ({"arch": "riscv"}, "x86_64 and arm64"),
        ({"python": "3.9"}, "3.11 to 3.14"),
        ({"function": "a b"}, "letters, digits"),
        ({"concurrency": 0}, "at least 1"),
    ],
)
def test_a_target_that_cannot_be_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Target(**({"store": TARGET.store} | settings))


def test_an_environment_above_4_kb_is_refused_with_the_numbers() -> None:
    many = tuple(S3Prefix("bucket", f"{'x' * 40}{i}") for i in range(100))
    with pytest.raises(ConfigError, match=r"100 prefixes .* take \d+ bytes .* allows 4096"):
        Target(store=TARGET.store, reads=many).environment("1")


def test_a_targets_command_makes_the_same_target() -> None:
    from lambdarray.cli import make_parser

    words = TARGET.command("eu-west-1").split()[1:]
    options = make_parser().parse_args(words)
    assert (options.store, options.read, options.write) == (
        "s3://work/scratch", ["s3://data/a.zarr", "s3://open"], ["s3://work/out"],
    )  # fmt: skip
    assert (options.function, options.python, options.region) == ("la", "3.12", "eu-west-1")


STORE = S3Prefix("work", "scratch")
OTHERS: list[dict[str, Any]] = [
    {"ID": "logs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 30}},
    {"ID": "off", "Filter": {}, "Status": "Disabled", "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]},
]


def test_our_rule_is_added_once_and_taken_out_again() -> None:
    added = with_rule(OTHERS, "la", "eu-west-1", STORE)
    assert added[:2] == OTHERS
    assert added[2:] == [scratch_rule("la", "eu-west-1", STORE)]
    assert with_rule(added, "la", "eu-west-1", STORE) == added
    assert without_rules(added, "la", "eu-west-1") == OTHERS


def test_our_rule_is_mended_in_place_of_the_changed_one() -> None:
    changed = {**scratch_rule("la", "eu-west-1", STORE), "Status": "Disabled"}
    assert with_rule([*OTHERS, changed], "la", "eu-west-1", STORE) == with_rule(OTHERS, "la", "eu-west-1", STORE)


def test_another_deployments_rule_is_not_ours() -> None:
    other = scratch_rule("la2", "eu-west-1", STORE)
    assert without_rules([other, scratch_rule("la", "us-east-1", STORE)], "la", "eu-west-1") == [
        other, scratch_rule("la", "us-east-1", STORE),
    ]  # fmt: skip


def test_beside_rules_of_the_older_form_ours_takes_it_too() -> None:
    old = [{"ID": "old", "Prefix": "tmp/", "Status": "Enabled", "Expiration": {"Days": 1}}]
    added = with_rule(old, "la", "eu-west-1", STORE)
    assert added[1]["Prefix"] == "scratch/"
    assert "Filter" not in added[1]
    assert with_rule(added, "la", "eu-west-1", STORE) == added
