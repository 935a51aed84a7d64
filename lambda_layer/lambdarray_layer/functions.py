"""The function itself: created or updated only where it differs, with no retries of Lambda's own."""

from __future__ import annotations

import time
from typing import Any

from lambdarray.errors import DeploymentError

from .aws import Account, error_code
from .package import HANDLER, Package, build_package
from .target import MADE_BY, Target

# A role that was just made is known to Lambda some seconds later.
ROLE_WAIT_S = 60.0
ROLE_PAUSE_S = 3.0


def find_function(account: Account, function: str) -> dict[str, Any] | None:
    """What Lambda knows of a function (Configuration, Tags, Concurrency), or None where there is none."""
    return account.find("lambda", "get_function", FunctionName=function)


def check_is_ours(account: Account, function: str) -> None:
    """Raise DeploymentError where a function of this name exists that lambdarray did not make."""
    found = find_function(account, function)
    if found and not is_ours(found):
        raise DeploymentError(
            f"a function named {function} exists in {account.region} and lambdarray did not make it "
            f"(no tag made-by=lambdarray); choose another --function name"
        )


def is_ours(found: dict[str, Any]) -> bool:
    """Whether a function carries lambdarray's tag."""
    return bool(MADE_BY.items() <= found.get("Tags", {}).items())


def ensure_function(account: Account, target: Target, role_arn: str, layer_arn: str) -> str:
    """Create the function or update what differs; return its ARN ("" in a dry run that would create it)."""
    package = build_package(target.python)
    settings = _settings(target, package.version, role_arn, layer_arn)
    found = find_function(account, target.function)
    if found is None:
        _create(account, target, package, settings)
    else:
        _update(account, target, package, settings, found["Configuration"])
    _ensure_no_retries(account, target)
    _ensure_concurrency(account, target, found)
    after = find_function(account, target.function)
    return str(after["Configuration"]["FunctionArn"]) if after else ""


def _settings(target: Target, version: str, role_arn: str, layer_arn: str) -> dict[str, Any]:
    return {
        "Runtime": f"python{target.python}",
        "Role": role_arn,
        "Handler": HANDLER,
        "Description": f"lambdarray {version}",
        "Timeout": target.timeout_s,
        "MemorySize": target.memory_mib,
        "Environment": {"Variables": target.environment(version)},
        "EphemeralStorage": {"Size": target.ephemeral_mib},
        "Layers": [layer_arn],
    }


def _create(account: Account, target: Target, package: Package, settings: dict[str, Any]) -> None:
    from botocore.exceptions import ClientError

    deadline = time.monotonic() + ROLE_WAIT_S
    params = {"FunctionName": target.function, "Architectures": [target.arch], "Tags": MADE_BY, **settings}
    params["Code"] = {"ZipFile": package.path.read_bytes()}
    why = f"make the function {target.function} ({target.memory_mib} MiB, {target.arch}, Python {target.python})"
    while True:
        try:
            account.change("lambda", "create_function", why, **params)
            break
        except ClientError as error:
            if not _is_young_role(error) or time.monotonic() > deadline:
                raise
        why = "wait until Lambda knows the new role"
        time.sleep(ROLE_PAUSE_S)
    account.wait("lambda", "function_active_v2", FunctionName=target.function)


def _is_young_role(error: Any) -> bool:
    message = str(error.response["Error"].get("Message", ""))
    return error_code(error) == "InvalidParameterValueException" and "role" in message.lower()


def _update(account: Account, target: Target, package: Package, settings: dict[str, Any], now: dict[str, Any]) -> None:
    name = target.function
    if now["CodeSha256"] != package.code_sha256 or now.get("Architectures", ["x86_64"]) != [target.arch]:
        code = {"ZipFile": package.path.read_bytes(), "Architectures": [target.arch]}
        why = f"update the function's code to {package.version}"
        account.change("lambda", "update_function_code", why, FunctionName=name, **code)
        account.wait("lambda", "function_updated_v2", FunctionName=name)
    changed = differences(settings, now)
    if changed:
        why = f"update the function's {', '.join(changed)}"
        account.change("lambda", "update_function_configuration", why, FunctionName=name,
                       **{key: settings[key] for key in changed})  # fmt: skip
        account.wait("lambda", "function_updated_v2", FunctionName=name)


def differences(settings: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The names of settings that the function's configuration does not have."""
    have = {**now, "Layers": [layer["Arn"] for layer in now.get("Layers") or []]}
    have["Environment"] = {"Variables": now.get("Environment", {}).get("Variables", {})}
    return [key for key, value in settings.items() if have.get(key) != value]


def _ensure_no_retries(account: Account, target: Target) -> None:
    # An asynchronous event is otherwise tried three times; the scheduler has its own retries and knows what is done.
    found = account.find("lambda", "get_function_event_invoke_config", FunctionName=target.function)
    if not found or found.get("MaximumRetryAttempts") != 0:
        account.change("lambda", "put_function_event_invoke_config", "turn Lambda's own retries off",
                       FunctionName=target.function, MaximumRetryAttempts=0)  # fmt: skip


def _ensure_concurrency(account: Account, target: Target, found: dict[str, Any] | None) -> None:
    have = ((found or {}).get("Concurrency") or {}).get("ReservedConcurrentExecutions")
    if have == target.concurrency:
        return
    if target.concurrency is None:
        account.change("lambda", "delete_function_concurrency", "give the reserved concurrency back",
                       FunctionName=target.function)  # fmt: skip
        return
    account.change("lambda", "put_function_concurrency", f"reserve {target.concurrency} concurrent executions",
                   FunctionName=target.function, ReservedConcurrentExecutions=target.concurrency)  # fmt: skip
