"""What a deployment needs to know of buckets: that they exist, where they are, and what already lies in scratch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lambdarray.errors import AccessError, ConfigError, StoreError

from .aws import Account, error_code, is_denied
from .prefixes import S3Prefix
from .target import Target

# US dollars per GB that leaves a region for another; the least and most usual of AWS's prices.
TRANSFER_DOLLARS_PER_GB = 0.02

# What lambdarray writes below a scratch prefix: plans under two hex digits of a hash, markers, uploads, probes.
SCRATCH_NAMES = re.compile(r"(?:[0-9a-f]{2}|runs|deploy|ping)/$")


def check_buckets(account: Account, target: Target) -> None:
    """Raise unless every bucket exists, may be reached, and lies in the function's region."""
    for bucket in sorted({p.bucket for p in target.readable}):
        region = bucket_region(account, bucket, own=bucket in {p.bucket for p in target.writable})
        if region and region != account.region:
            raise ConfigError(
                f"bucket {bucket} is in {region} and the function would be in {account.region}: each byte that "
                f"crosses costs about ${TRANSFER_DOLLARS_PER_GB:.2f} per GB (${TRANSFER_DOLLARS_PER_GB * 1000:.0f} per "
                f"TB), every time that it is read or written; deploy with --region {region}, or use a bucket in "
                f"{account.region}"
            )


def bucket_region(account: Account, bucket: str, own: bool = True) -> str:
    """The region of a bucket, or "" where the server does not say.

    Raises StoreError where it does not exist, AccessError where it is `own` and may not be looked at.
    """
    from botocore.exceptions import ClientError

    try:
        answer: Any = account.read("s3", "head_bucket", Bucket=bucket)
    except ClientError as error:
        # S3 tells the region even when it refuses: somebody else's bucket may allow GetObject and no more.
        answer = error.response
        if error_code(error) in ("404", "NoSuchBucket"):
            raise _no_bucket(bucket, account.region) from None
        if is_denied(error) and own:
            raise AccessError(f"bucket {bucket} exists, and these credentials may not use it (403)") from None
        if not is_denied(error) and error_code(error) not in ("301", "PermanentRedirect", "400"):
            raise
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or "")


def _no_bucket(bucket: str, region: str) -> StoreError:
    return StoreError(f"bucket {bucket} does not exist; make it with 'aws s3 mb s3://{bucket} --region {region}'")


def check_scratch_is_ours(account: Account, store: S3Prefix) -> None:
    """Raise ConfigError where something that lambdarray did not write lies in the scratch prefix and would expire."""
    prefix = store.key("")
    answer = account.read("s3", "list_objects_v2", Bucket=store.bucket, Prefix=prefix, Delimiter="/")
    names = [item["Prefix"] for item in answer.get("CommonPrefixes", [])]
    names += [item["Key"] for item in answer.get("Contents", [])]
    strangers = [n for n in names if n != prefix and not SCRATCH_NAMES.match(n.removeprefix(prefix))]
    if strangers:
        raise ConfigError(
            f"{store} already holds s3://{store.bucket}/{strangers[0]}, which lambdarray did not write, and objects "
            f"below a scratch prefix expire after 7 days; give --store a prefix that holds nothing else"
        )


def objects(account: Account, store: S3Prefix, below: str = "") -> Iterator[tuple[str, int]]:
    """The key and size of every object in a scratch prefix, below one of its folders."""
    pages = account.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=store.bucket, Prefix=store.key(below)):
        for item in page.get("Contents", []):
            yield item["Key"], int(item["Size"])


def is_ours(store: S3Prefix, key: str) -> bool:
    """Whether a key below `store` has the form of those that lambdarray writes.

    >>> store = S3Prefix("b", "scratch")
    >>> is_ours(store, "scratch/0f/plan/a/0.0"), is_ours(store, "scratch/thesis.pdf")
    (True, False)
    """
    name = key.removeprefix(store.key(""))
    return bool(SCRATCH_NAMES.match(f"{name.partition('/')[0]}/")) and "/" in name
