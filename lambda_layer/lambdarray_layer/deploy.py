"""`lambdarray deploy`: make an account hold what a `Target` says, changing only what differs.

    check (credentials, buckets, regions)  ->  log group  ->  role  ->  lifecycle rule  ->  layer  ->  function

Nothing is changed before every check has passed. Each step looks first, so running it twice changes nothing.
"""

from __future__ import annotations

import json
from typing import Any

from lambdarray.errors import DeploymentError

from . import functions
from .aws import Account, error_code
from .buckets import check_buckets, check_scratch_is_ours
from .build import DIRECT_LIMIT_BYTES, Layer, build_layer
from .bytecode import interpreter
from .lifecycle import rule_id, with_rule
from .package import package_version
from .policy import EXPIRY_DAYS, POLICY_NAME, log_group, role_policy, trust_policy
from .requirements import layer_key, read_pins
from .target import MADE_BY, Target

LOG_DAYS = 14
_LAYER = "lambdarray layer"


def deploy(account: Account, target: Target) -> str:
    """Bring the account to `target`; return the function's ARN ("" in a dry run that would create it).

    Raises ConfigError for what cannot be (a bucket in another region, a scratch prefix that holds other things),
    AccessError, StoreError and DeploymentError for what the account lacks or refuses.
    """
    account_id = account.account_id()
    check_buckets(account, target)
    functions.check_is_ours(account, target.function)
    target.environment(package_version())
    _check_scratch(account, target)
    if account.dry_run:
        policy = role_policy(target, account.region, account_id, account.partition)
        account.say(f"the role's policy:\n{json.dumps(policy, indent=2)}")
    ensure_log_group(account, target)
    role_arn = ensure_role(account, target, account_id)
    ensure_lifecycle(account, target)
    layer_arn = ensure_layer(account, target)
    return functions.ensure_function(account, target, role_arn, layer_arn)


def role_name(function: str, region: str) -> str:
    """The role's name; roles are global, so the region is part of it."""
    return f"{function}-{region}"


def ensure_log_group(account: Account, target: Target) -> None:
    """The function's log group, made here so that its role need not, and so that logs expire."""
    name = log_group(target.function)
    groups = account.read("logs", "describe_log_groups", logGroupNamePrefix=name).get("logGroups", [])
    if not any(group["logGroupName"] == name for group in groups):
        account.change("logs", "create_log_group", f"make the log group {name}", logGroupName=name, tags=MADE_BY)
        why = f"let logs expire after {LOG_DAYS} days"
        account.change("logs", "put_retention_policy", why, logGroupName=name, retentionInDays=LOG_DAYS)


def ensure_role(account: Account, target: Target, account_id: str) -> str:
    """The function's role with its one policy; return its ARN."""
    name = role_name(target.function, account.region)
    found = account.find("iam", "get_role", RoleName=name)
    arn = _check_role(account, name, found["Role"]) if found else _create_role(account, name, account_id)
    wanted = role_policy(target, account.region, account_id, account.partition)
    if not found or attached_policy(account, name) != wanted:
        account.change(
            "iam", "put_role_policy", f"let the role {name} read and write the granted prefixes and its log only",
            RoleName=name, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(wanted),
        )  # fmt: skip
    return arn


def _create_role(account: Account, name: str, account_id: str) -> str:
    tags = [{"Key": key, "Value": value} for key, value in MADE_BY.items()]
    answer = account.change(
        "iam", "create_role", f"make the role {name}", RoleName=name, Tags=tags,
        AssumeRolePolicyDocument=json.dumps(trust_policy()), Description="What lambdarray's function may do.",
    )  # fmt: skip
    return str(answer["Role"]["Arn"]) if answer else f"arn:{account.partition}:iam::{account_id}:role/{name}"


def _check_role(account: Account, name: str, role: Any) -> str:
    if {"Key": "made-by", "Value": "lambdarray"} not in role.get("Tags", []):
        raise DeploymentError(
            f"a role named {name} exists and lambdarray did not make it (no tag made-by=lambdarray); "
            f"choose another --function name"
        )
    if role["AssumeRolePolicyDocument"] != trust_policy():
        account.change(
            "iam", "update_assume_role_policy", f"let Lambda alone take the role {name}",
            RoleName=name, PolicyDocument=json.dumps(trust_policy()),
        )  # fmt: skip
    return str(role["Arn"])


def attached_policy(account: Account, role: str) -> Any:
    """The policy that deploy gave a role, or None."""
    found = account.find("iam", "get_role_policy", RoleName=role, PolicyName=POLICY_NAME)
    return found and found["PolicyDocument"]


def lifecycle(account: Account, bucket: str) -> tuple[list[Any], dict[str, Any]] | None:
    """A bucket's lifecycle rules, and what else of its configuration a put must repeat.

    None where the S3 server, which is not AWS's, has no such rules.
    """
    from botocore.exceptions import ClientError

    try:
        found = account.find("s3", "get_bucket_lifecycle_configuration", Bucket=bucket) or {}
    except ClientError as error:
        if error_code(error) != "NotImplemented":
            raise
        return None
    name = "TransitionDefaultMinimumObjectSize"
    return found.get("Rules", []), {name: found[name]} if name in found else {}


def _check_scratch(account: Account, target: Target) -> None:
    rules, _ = lifecycle(account, target.store.bucket) or ([], {})
    name = rule_id(target.function, account.region, target.store)
    if not any(rule.get("ID") == name for rule in rules):
        check_scratch_is_ours(account, target.store)


def ensure_lifecycle(account: Account, target: Target) -> None:
    """The rule by which scratch expires, added to what the bucket has."""
    store = target.store
    found = lifecycle(account, store.bucket)
    if found is None:
        account.say(f"{store.bucket} has no lifecycle rules: 'lambdarray clean' removes what killed runs leave")
        return
    rules, rest = found
    wanted = with_rule(rules, target.function, account.region, store)
    if wanted == rules:
        return
    account.change(
        "s3", "put_bucket_lifecycle_configuration",
        f"let objects below {store} expire after {EXPIRY_DAYS} days ({len(wanted) - 1} other rules stay)",
        Bucket=store.bucket, LifecycleConfiguration={"Rules": wanted}, **rest,
    )  # fmt: skip


def layer_name(target: Target) -> str:
    """The layer's name: each deployment has its own, so that removing one leaves the others."""
    return f"{target.function}-layer-{target.arch}-py{target.python.replace('.', '')}"


def layer_versions(account: Account, name: str) -> list[Any]:
    """The versions of a layer that lambdarray published, newest first."""
    found: list[Any] = []
    marker: dict[str, str] = {}
    while True:
        answer = account.find("lambda", "list_layer_versions", LayerName=name, **marker) or {}
        found += answer.get("LayerVersions", [])
        if not answer.get("NextMarker"):
            break
        marker = {"Marker": answer["NextMarker"]}
    ours = [item for item in found if str(item.get("Description", "")).startswith(_LAYER)]
    return sorted(ours, key=lambda item: -int(item["Version"]))


def layer_labels(target: Target) -> list[str]:
    """The descriptions of a layer that would do: with `.pyc`, and without where no such Python is at hand."""
    key = layer_key(read_pins(), target.arch, target.python)
    compiled = f"{_LAYER} {key} with .pyc"
    return [compiled] if interpreter(target.python) else [compiled, f"{_LAYER} {key}"]


def ensure_layer(account: Account, target: Target) -> str:
    """The ARN of a layer version that holds the pins; published only where the newest holds something else."""
    versions = layer_versions(account, layer_name(target))
    if versions and versions[0].get("Description") in layer_labels(target):
        return str(versions[0]["LayerVersionArn"])
    if account.dry_run:
        account.change("lambda", "publish_layer_version", f"build and publish the layer {layer_name(target)}",
                       LayerName=layer_name(target), Description=layer_labels(target)[-1])  # fmt: skip
        return f"{layer_name(target)}:new"
    layer = build_layer(target.arch, target.python, account.say)
    account.say(layer.summary())
    return _publish(account, target, layer)


def _publish(account: Account, target: Target, layer: Layer) -> str:
    size = layer.zip_bytes
    params: dict[str, Any] = {
        "LayerName": layer_name(target),
        "Description": layer_labels(target)[0 if layer.compiled else -1],
        "CompatibleRuntimes": [f"python{target.python}"],
        "CompatibleArchitectures": [target.arch],
    }
    why = f"publish the layer {layer_name(target)} ({size / 2**20:.1f} MiB)"
    if size <= DIRECT_LIMIT_BYTES:
        content: dict[str, Any] = {"ZipFile": layer.path.read_bytes()}
        return str(account.change("lambda", "publish_layer_version", why, Content=content, **params)["LayerVersionArn"])
    place = {"Bucket": target.store.bucket, "Key": target.store.key(f"deploy/{layer.key}.zip")}
    with layer.path.open("rb") as body:
        account.change("s3", "put_object", f"upload the layer, {size / 2**20:.0f} MiB, to S3", Body=body, **place)
    content = {"S3Bucket": place["Bucket"], "S3Key": place["Key"]}
    answer = account.change("lambda", "publish_layer_version", why, Content=content, **params)
    account.change("s3", "delete_object", "delete the uploaded zip", **place)
    return str(answer["LayerVersionArn"])
