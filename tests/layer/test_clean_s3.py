"""Cleaning a scratch prefix of a bucket."""

from __future__ import annotations

import pytest

from lambdarray import scratch
from lambdarray.errors import StoreError
from lambdarray.scratch import clean

from .conftest import Cloud


def keys(cloud: Cloud, bucket: str) -> set[str]:
    return {item["Key"] for item in cloud.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_clean_keeps_a_live_run_and_what_is_not_ours(cloud: Cloud, bucket: str) -> None:
    kept = {"scratch/0f/alive/a/0", "scratch/runs/alive.json", "scratch/thesis.pdf", "scratch2/0f/killed/a/0"}
    for key in kept | {"scratch/0f/killed/a/0", "scratch/1e/killed/a/1"}:
        cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x" * 10)
    planned = clean(f"s3://{bucket}/scratch", dry_run=True)
    cleaned = clean(f"s3://{bucket}/scratch")
    assert cleaned == planned
    assert (cleaned.plans, cleaned.objects, cleaned.total_bytes, cleaned.kept_alive) == (1, 2, 20, 1)
    assert keys(cloud, bucket) == kept


def test_more_objects_than_a_request_deletes_are_cleaned(
    cloud: Cloud, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "DELETE_COUNT", 4)
    s3 = cloud.client("s3")
    for n in range(11):
        s3.put_object(Bucket=bucket, Key=f"scratch/{n % 256:02x}/killed/a/{n}", Body=b"")
    assert clean(f"s3://{bucket}/scratch").objects == 11
    assert keys(cloud, bucket) == set()


def test_a_missing_bucket_is_one_clear_line(cloud: Cloud) -> None:
    with pytest.raises(StoreError, match="no bucket 'no-such-bucket'"):
        clean("s3://no-such-bucket/scratch")
