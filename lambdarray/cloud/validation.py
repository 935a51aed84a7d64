"""What Lambda refuses about a function's configuration, in AWS's words where they are known."""

from __future__ import annotations

import re
from typing import Any

from lambdarray.cloud import limits
from lambdarray.cloud.faults import Fault, invalid, out_of_range
from lambdarray.cloud.sandbox import Interpreter, machine_architecture

_NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_ROLE = re.compile(r"arn:aws[a-zA-Z-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")


def require_name(name: str) -> None:
    """A function's name: up to 64 letters, digits, hyphens, underscores."""
    if not _NAME.fullmatch(name):
        raise Fault(
            "ValidationException",
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_NAME.pattern}",
        )


def require_settings(settings: dict[str, Any]) -> None:
    """Refuse a configuration that Lambda, or this machine, cannot run."""
    _require_range(settings["MemorySize"], "memorySize", limits.MEMORY_MIB)
    _require_range(settings["Timeout"], "timeout", limits.TIMEOUT_SECONDS)
    _require_range(settings["EphemeralStorage"]["Size"], "ephemeralStorage.size", limits.STORAGE_MIB)
    if len(settings["Layers"]) > limits.LAYERS_PER_FUNCTION:
        raise invalid(f"Cannot reference more than {limits.LAYERS_PER_FUNCTION} layers.")
    if not _ROLE.fullmatch(settings["Role"] or ""):
        raise invalid(f"Value '{settings['Role']}' at 'role' failed to satisfy constraint: an IAM role's ARN")
    if "." not in (settings["Handler"] or ""):
        raise invalid(f"Handler must be module.function, not {settings['Handler']!r}")
    require_variables(settings["Environment"].get("Variables") or {})
    _require_machine(settings["Runtime"], settings["Architectures"])


def _require_range(value: object, name: str, bounds: tuple[int, int]) -> None:
    if not isinstance(value, int) or not bounds[0] <= value <= bounds[1]:
        raise out_of_range(value, name, *bounds)


def require_variables(variables: dict[str, str]) -> None:
    """Environment variables: names, reserved names, 4 KB in all."""
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            raise invalid(f"Environment variable name {name!r} must match {_VARIABLE.pattern}")
    reserved = sorted(limits.RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > limits.ENVIRONMENT_BYTES:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. They have {size} bytes."
        )


def _require_machine(runtime: str, architectures: list[str]) -> None:
    own = Interpreter.current().runtime
    if runtime != own:
        raise invalid(
            f"the local cloud runs {own}, the version of the Python that started it, and cannot run {runtime}; "
            f"deploy the function for {own} or start the local cloud with another Python"
        )
    if architectures != [machine_architecture()]:
        raise invalid(
            f"the local cloud runs on {machine_architecture()} and cannot run a function for {architectures}; "
            f"deploy it with Architectures=['{machine_architecture()}']"
        )


def require_event_config(config: dict[str, Any]) -> None:
    """The retries and the age of asynchronous events."""
    retries, age = config.get("MaximumRetryAttempts"), config.get("MaximumEventAgeInSeconds")
    if retries is not None:
        _require_range(retries, "maximumRetryAttempts", limits.RETRY_ATTEMPTS)
    if age is not None:
        _require_range(age, "maximumEventAgeInSeconds", limits.EVENT_AGE_SECONDS)
