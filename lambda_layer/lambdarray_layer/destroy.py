"""`lambdarray destroy`: remove all that deploy made, and nothing else.

The function goes last, because it says where the rest is; so a destroy that was cut short can be run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from lambdarray.errors import AccessError

from .aws import Account
from .buckets import is_ours as is_scratch
from .buckets import objects
from .deploy import layer_versions, lifecycle, role_name
from .deployment import from_answer
from .functions import check_is_ours, find_function
from .lifecycle import without_rules
from .policy import POLICY_NAME, log_group
from .prefixes import S3Prefix
from .requirements import ARCHES, PYTHONS


def destroy(account: Account, function: str, stores: Iterable[str] = (), scratch: bool = False) -> None:
    """Remove the deployment named `function` from the account's region.

    `stores` are scratch prefixes besides the one that the function names. With `scratch` the tiles in them go too;
    without it they stay until the user deletes them, as the rule by which they expire is removed.
    Raises DeploymentError where a function or role of this name is not lambdarray's.
    """
    account.account_id()
    check_is_ours(account, function)
    for store in _stores(account, function, stores):
        _remove_lifecycle(account, function, store)
        _remove_objects(account, store, ("",) if scratch else ("deploy/", "ping/"))
        if not scratch:
            _say_what_stays(account, store)
    _remove_layers(account, function)
    _remove_role(account, role_name(function, account.region))
    _remove_log_group(account, log_group(function))
    if find_function(account, function):
        account.change("lambda", "delete_function", f"delete the function {function}", FunctionName=function)


def _stores(account: Account, function: str, more: Iterable[str]) -> list[S3Prefix]:
    found = find_function(account, function)
    named = from_answer(found, account.region).store if found else ""
    stores = sorted({S3Prefix.parse(url) for url in [*more, *([named] if named else [])]})
    if not stores:
        account.say(
            f"no function {function} is left to say where its scratch was; give --store s3://bucket/scratch to remove "
            f"its lifecycle rule too"
        )
    return [store for store in stores if _exists(account, store)]


def _exists(account: Account, store: S3Prefix) -> bool:
    there = account.find("s3", "head_bucket", Bucket=store.bucket) is not None
    if not there:
        account.say(f"bucket {store.bucket} does not exist any more")
    return there


def _remove_lifecycle(account: Account, function: str, store: S3Prefix) -> None:
    rules, rest = lifecycle(account, store.bucket) or ([], {})
    left = without_rules(rules, function, account.region)
    if left == rules:
        return
    why = f"remove lambdarray's lifecycle rule from bucket {store.bucket} ({len(left)} other rules stay)"
    if left:
        account.change("s3", "put_bucket_lifecycle_configuration", why, Bucket=store.bucket,
                       LifecycleConfiguration={"Rules": left}, **rest)  # fmt: skip
    else:
        account.change("s3", "delete_bucket_lifecycle", why, Bucket=store.bucket)


def _remove_objects(account: Account, store: S3Prefix, folders: tuple[str, ...]) -> None:
    for folder in folders:
        ours = (key for key, _ in objects(account, store, folder) if is_scratch(store, key))
        for batch in _batches(ours, 1000):
            answer = account.change(
                "s3", "delete_objects", f"delete {len(batch)} objects of lambdarray's below {store}",
                Bucket=store.bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
            )  # fmt: skip
            # S3 answers 200 and lists the keys that it did not delete.
            for refused in answer.get("Errors", [])[:1]:
                where = f"s3://{store.bucket}/{refused.get('Key')}"
                raise AccessError(f"{where} could not be deleted: {refused.get('Code')} {refused.get('Message')}")


def _say_what_stays(account: Account, store: S3Prefix) -> None:
    sizes = [size for key, size in islice(objects(account, store), 1000) if is_scratch(store, key)]
    if sizes:
        count = "at least 1000" if len(sizes) == 1000 else str(len(sizes))
        account.say(
            f"{count} scratch objects ({sum(sizes) / 2**20:.1f} MiB) stay below {store} and no longer expire; "
            f"'lambdarray clean --store {store}' or 'lambdarray destroy --scratch --store {store}' deletes them"
        )


def _batches(items: Iterator[str], size: int) -> Iterator[list[str]]:
    while batch := list(islice(items, size)):
        yield batch


def _remove_layers(account: Account, function: str) -> None:
    for name in (f"{function}-layer-{arch}-py{python.replace('.', '')}" for arch in ARCHES for python in PYTHONS):
        for item in layer_versions(account, name):
            version = int(item["Version"])
            account.change("lambda", "delete_layer_version", f"delete version {version} of the layer {name}",
                           LayerName=name, VersionNumber=version)  # fmt: skip


def _remove_role(account: Account, name: str) -> None:
    found = account.find("iam", "get_role", RoleName=name)
    if found is None:
        return
    if not _made_by_us(found["Role"]):
        account.say(f"the role {name} was not made by lambdarray and stays")
        return
    for policy in account.read("iam", "list_role_policies", RoleName=name)["PolicyNames"]:
        why = f"delete the policy {policy} of the role {name}" + ("" if policy == POLICY_NAME else ", added by hand")
        account.change("iam", "delete_role_policy", why, RoleName=name, PolicyName=policy)
    for attached in account.read("iam", "list_attached_role_policies", RoleName=name)["AttachedPolicies"]:
        why = f"detach {attached['PolicyArn']} from the role {name} (the policy itself stays)"
        account.change("iam", "detach_role_policy", why, RoleName=name, PolicyArn=attached["PolicyArn"])
    account.change("iam", "delete_role", f"delete the role {name}", RoleName=name)


def _made_by_us(role: Any) -> bool:
    return {"Key": "made-by", "Value": "lambdarray"} in role.get("Tags", [])


def _remove_log_group(account: Account, name: str) -> None:
    groups = account.read("logs", "describe_log_groups", logGroupNamePrefix=name).get("logGroups", [])
    if any(group["logGroupName"] == name for group in groups):
        account.change("logs", "delete_log_group", f"delete the log group {name}", logGroupName=name)
