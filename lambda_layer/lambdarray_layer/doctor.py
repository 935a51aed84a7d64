"""`lambdarray doctor`: look at everything that a run on Lambda needs, and say how to mend what is wrong.

Each check is a small function that returns `Check` lines; one that fails never hides the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lambdarray.errors import LambdarrayError

from .aws import Account, clear_error
from .buckets import bucket_region
from .checks import Check, fail, ok
from .deploy import attached_policy, layer_labels, layer_name, layer_versions, lifecycle, role_name
from .deployment import Deployment, check_version, describe
from .lifecycle import with_rule
from .local import local_checks
from .policy import log_group, role_policy
from .probe import round_trip

NEW_ACCOUNT_CONCURRENCY = 1000


@dataclass(slots=True)
class Visit:
    """What the checks share: the account, the names asked for, and what earlier checks found."""

    account: Account
    function: str
    store: str = ""
    deployment: Deployment | None = None
    account_id: str = ""
    checks: list[Check] = field(default_factory=list)


def doctor(account: Account, function: str, store: str = "") -> list[Check]:
    """Every check of a deployment, in the order in which things must be right."""
    visit = Visit(account, function, store)
    visit.checks += local_checks()
    if not _run(visit, _credentials):
        return visit.checks
    _run(visit, _quota)
    if _run(visit, _function):
        for check in (_version, _layer, _limits, _role, _bucket, _lifecycle, _log_group, _round_trip):
            _run(visit, check)
    return visit.checks


def _run(visit: Visit, check: Callable[[Visit], Iterator[Check]]) -> bool:
    """Add a check's lines; an error becomes a line that failed. Returns whether all went well."""
    from botocore.exceptions import BotoCoreError, ClientError

    name = check.__name__.strip("_").replace("_", " ")
    found: list[Check] = []
    try:
        found.extend(check(visit))
    except (ClientError, BotoCoreError) as error:
        found.append(fail(name, str(clear_error(error) or error), ""))
    except LambdarrayError as error:
        found.append(fail(name, str(error), ""))
    visit.checks += found
    return all(line.ok for line in found)


def _credentials(visit: Visit) -> Iterator[Check]:
    who = visit.account.identity()
    visit.account_id = str(who["Account"])
    yield ok("credentials", f"{who['Arn']} in account {visit.account_id}")
    yield ok("region", visit.account.region)


def _quota(visit: Visit) -> Iterator[Check]:
    limits = visit.account.read("lambda", "get_account_settings")["AccountLimit"]
    at_once = int(limits.get("ConcurrentExecutions", 0))
    free = limits.get("UnreservedConcurrentExecutions", at_once)
    said = f"{at_once} concurrent executions, {free} of them unreserved"
    if at_once >= NEW_ACCOUNT_CONCURRENCY:
        yield ok("quota", said)
    else:
        # A small quota slows a run and breaks nothing, so it is told and not failed.
        mend = (
            f"a new account's quota is below the usual {NEW_ACCOUNT_CONCURRENCY}; ask for more under Service Quotas, "
            f"AWS Lambda, Concurrent executions (aws service-quotas request-service-quota-increase "
            f"--service-code lambda --quota-code L-B99A9384 --desired-value {NEW_ACCOUNT_CONCURRENCY} "
            f"--region {visit.account.region})"
        )
        yield Check(True, "quota", said, mend)


def _function(visit: Visit) -> Iterator[Check]:
    visit.deployment = found = describe(visit.function, account=visit.account)
    said = f"{found.function_arn}: Python {found.python}, {found.arch}, {found.memory_mib} MiB, {found.timeout_s} s"
    if found.state not in ("Active", "Inactive"):
        yield fail("function", f"{said}, state {found.state}", _deploy_again(visit))
    else:
        yield ok("function", said)


def _deployed(visit: Visit) -> Deployment:
    assert visit.deployment is not None
    return visit.deployment


def _deploy_again(visit: Visit) -> str:
    return f"run: {_deployed(visit).target().command(visit.account.region)}"


def _version(visit: Visit) -> Iterator[Check]:
    from .build import default_python

    deployment = _deployed(visit)
    check_version(deployment)
    yield ok("version", f"client and function have lambdarray {deployment.version}")
    if deployment.python == default_python():
        yield ok("python", f"both sides run Python {deployment.python}")
    else:
        said = f"the function runs Python {deployment.python} and this client {default_python()}"
        yield Check(True, "python", said, "functions that you pass yourself need one version: deploy with --python")


def _layer(visit: Visit) -> Iterator[Check]:
    deployment = _deployed(visit)
    target = deployment.target()
    versions = layer_versions(visit.account, layer_name(target))
    mine = [item for item in versions if item["LayerVersionArn"] in deployment.layers]
    if not mine:
        yield fail("layer", f"the function has {', '.join(deployment.layers) or 'no layer'}", _deploy_again(visit))
    elif mine[0].get("Description") not in layer_labels(target):
        yield fail("layer", f"{deployment.layers[0]} holds other versions than this client's", _deploy_again(visit))
    else:
        yield ok("layer", deployment.layers[0])


def _limits(visit: Visit) -> Iterator[Check]:
    deployment = _deployed(visit)
    if deployment.memory_mib < 1769:
        mend = "1769 MiB is one whole core; below it Lambda gives a share of one: deploy with --memory 1769"
        yield Check(True, "memory", f"{deployment.memory_mib} MiB", mend)
    else:
        yield ok("memory", f"{deployment.memory_mib} MiB, {deployment.memory_mib / 1769:.1f} cores' worth")


def _role(visit: Visit) -> Iterator[Check]:
    target = _deployed(visit).target()
    name = role_name(visit.function, visit.account.region)
    wanted = role_policy(target, visit.account.region, visit.account_id, visit.account.partition)
    if attached_policy(visit.account, name) == wanted:
        yield ok("role", f"{name} has the policy that deploy writes")
    else:
        yield fail("role", f"{name}'s policy is not the one that deploy writes", _deploy_again(visit))


def _bucket(visit: Visit) -> Iterator[Check]:
    target, here = _deployed(visit).target(), visit.account.region
    for bucket in sorted({place.bucket for place in target.readable}):
        own = bucket in {place.bucket for place in target.writable}
        region = bucket_region(visit.account, bucket, own)
        if region and region != here:
            said = f"{bucket} is in {region} and the function in {here}: about $0.02 per GB that crosses"
            yield fail("bucket", said, f"deploy with --region {region}, or use a bucket in {here}")
        else:
            yield ok("bucket", f"{bucket} in {region or 'a region that its server does not tell'}")
    if visit.store and not target.store.covers(type(target.store).parse(visit.store)):
        yield fail(
            "store", f"{visit.store} is not in the function's scratch {target.store}", "deploy with that --store"
        )


def _lifecycle(visit: Visit) -> Iterator[Check]:
    store = _deployed(visit).target().store
    found = lifecycle(visit.account, store.bucket)
    if found is None:
        yield ok("lifecycle", f"{store.bucket} has no such rules; 'lambdarray clean' removes what killed runs leave")
    elif with_rule(found[0], visit.function, visit.account.region, store) == found[0]:
        yield ok("lifecycle", f"objects below {store} expire after 7 days")
    else:
        yield fail("lifecycle", f"objects below {store} do not expire", _deploy_again(visit))


def _log_group(visit: Visit) -> Iterator[Check]:
    name = log_group(visit.function)
    groups = visit.account.read("logs", "describe_log_groups", logGroupNamePrefix=name).get("logGroups", [])
    if any(group["logGroupName"] == name for group in groups):
        yield ok("log", name)
    else:
        yield fail("log", f"the log group {name} is not there, so errors leave no trace", _deploy_again(visit))


def _round_trip(visit: Visit) -> Iterator[Check]:
    yield from round_trip(visit.account, _deployed(visit))


def as_json(checks: list[Check]) -> str:
    """The checks as JSON: a list of objects with ok, what, found and mend."""
    return json.dumps([check.to_json() for check in checks], indent=2)


def as_text(checks: list[Check]) -> str:
    """The checks as lines, each with how to mend it."""
    lines: list[Any] = []
    for check in checks:
        lines.append(f"{'ok  ' if check.ok else 'FAIL'}  {check.what:<12} {check.found}")
        if check.mend:
            lines.append(f"{'':<19}{check.mend}")
    return "\n".join(lines)
