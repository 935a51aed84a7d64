"""Functions: their configuration, code, concurrency and tags, and the API operations on them."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from lambdarray.cloud.faults import Fault, invalid, missing
from lambdarray.cloud.layers import Json, LayerRegistry, page
from lambdarray.cloud.limits import MIN_UNRESERVED_CONCURRENCY, UNZIPPED_BYTES
from lambdarray.cloud.packages import Package, PackageStore
from lambdarray.cloud.times import iso_time
from lambdarray.cloud.validation import require_event_config, require_name, require_settings

_CONFIGURABLE = (
    "Role",
    "Handler",
    "Description",
    "Timeout",
    "MemorySize",
    "Environment",
    "Runtime",
    "Layers",
    "EphemeralStorage",
    "TracingConfig",
    "LoggingConfig",
)


@dataclass(frozen=True, slots=True)
class Version:
    """What an environment is made from; a changed function is a new one, so old environments are told apart."""

    name: str
    arn: str
    runtime: str
    handler: str
    memory_mib: int
    timeout_seconds: int
    storage_mib: int
    variables: dict[str, str]
    code_folder: str
    opt_folder: str
    revision: str


@dataclass(slots=True)
class Function:
    """A function of the account and what was configured about it."""

    name: str
    arn: str
    settings: Json
    package: Package
    opt_folder: str
    tags: dict[str, str]
    layer_sizes: list[Json] = field(default_factory=list)
    revision: str = ""
    modified: str = ""
    created: bool = True
    ready_at: float = 0.0
    reserved_concurrency: int | None = None
    event_config: Json | None = None
    event_config_modified: float = 0.0

    @property
    def pending(self) -> bool:
        """True while a creation or an update has not come into effect."""
        return time.monotonic() < self.ready_at

    def touch(self, pending_seconds: float) -> None:
        """Note a change."""
        self.revision, self.modified = str(uuid.uuid4()), iso_time()
        self.ready_at = time.monotonic() + pending_seconds

    def version(self) -> Version:
        """The function as it is to be run now."""
        settings = self.settings
        return Version(
            name=self.name,
            arn=self.arn,
            runtime=settings["Runtime"],
            handler=settings["Handler"],
            memory_mib=settings["MemorySize"],
            timeout_seconds=settings["Timeout"],
            storage_mib=settings["EphemeralStorage"]["Size"],
            variables=dict(settings["Environment"].get("Variables") or {}),
            code_folder=self.package.folder,
            opt_folder=self.opt_folder,
            revision=self.revision,
        )

    def describe(self, *, changed: bool = False) -> Json:
        """The configuration as the API gives it; right after a change it is still pending."""
        pending = changed or self.pending
        creating = pending and self.created
        answer = {
            "FunctionName": self.name,
            "FunctionArn": self.arn,
            "CodeSize": self.package.code_size,
            "CodeSha256": self.package.sha256,
            "LastModified": self.modified,
            "Version": "$LATEST",
            "RevisionId": self.revision,
            "State": "Pending" if creating else "Active",
            "LastUpdateStatus": "InProgress" if pending and not self.created else "Successful",
            "PackageType": "Zip",
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            **self.settings,
            "Layers": self.layer_sizes,
        }
        if creating:
            answer |= {"StateReason": "The function is being created.", "StateReasonCode": "Creating"}
        return answer


class FunctionRegistry:
    """All functions of the account, and the API operations on them."""

    def __init__(
        self,
        packages: PackageStore,
        layers: LayerRegistry,
        arn_prefix: str,
        account_concurrency: int,
        pending_seconds: float,
    ) -> None:
        self._packages, self._layers, self._prefix = packages, layers, arn_prefix
        self.account_concurrency, self._pending_seconds = account_concurrency, pending_seconds
        self._functions: dict[str, Function] = {}
        self.on_change: Callable[[str], None] = lambda name: None

    def find(self, identifier: str, qualifier: str | None = None) -> Function:
        """The function by name, partial or full ARN, perhaps with $LATEST behind it."""
        name = identifier.partition(":function:")[2] or identifier
        name, _, suffix = name.partition(":")
        function = self._functions.get(name)
        wanted = qualifier or suffix or "$LATEST"
        if function is None or wanted != "$LATEST":
            tail = f":{wanted}" if wanted != "$LATEST" else ""
            raise missing(f"Function not found: {self._prefix}:function:{name}{tail}")
        return function

    async def create(self, body: Json) -> Json:
        """CreateFunction."""
        name = body.get("FunctionName", "").rpartition(":")[2]
        require_name(name)
        self._require_new(name)
        settings = _defaults() | {key: body[key] for key in _CONFIGURABLE if body.get(key) is not None}
        settings["Architectures"] = body.get("Architectures") or ["x86_64"]
        settings["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
        require_settings(settings)
        package = await asyncio.to_thread(self._packages.add, body.get("Code") or {})
        self._require_new(name)
        function = Function(name, f"{self._prefix}:function:{name}", {}, package, "", body.get("Tags") or {})
        await self._apply(function, settings, package)
        self._functions[name] = function
        return function.describe(changed=True)

    def _require_new(self, name: str) -> None:
        if name in self._functions:
            raise Fault("ResourceConflictException", f"Function already exist: {name}")

    async def _apply(self, function: Function, settings: Json, package: Package) -> None:
        """Check code and layers together, then change the function all at once."""
        layers = self._layers.resolve([_layer_arn(layer) for layer in settings["Layers"]])
        size = package.unzipped_bytes + sum(layer.package.unzipped_bytes for layer in layers)
        if size > UNZIPPED_BYTES:
            raise invalid(
                f"Function code combined with layers exceeds the maximum allowed size of {UNZIPPED_BYTES} bytes. "
                f"The actual size is {size} bytes."
            )
        opt = await asyncio.to_thread(self._packages.merge, tuple(layer.package for layer in layers))
        function.settings, function.package = settings, package
        function.opt_folder = opt
        function.layer_sizes = [{"Arn": v.arn, "CodeSize": v.package.code_size} for v in layers]
        function.touch(self._pending_seconds)
        self.on_change(function.name)

    async def update_code(self, name: str, body: Json) -> Json:
        """UpdateFunctionCode."""
        function = self._updatable(name, body)
        package = await asyncio.to_thread(self._packages.add, body)
        settings = dict(function.settings)
        settings["Architectures"] = body.get("Architectures") or settings["Architectures"]
        require_settings(settings)
        if body.get("DryRun"):
            return function.describe()
        function.created = False
        await self._apply(function, settings, package)
        return function.describe(changed=True)

    async def update_configuration(self, name: str, body: Json) -> Json:
        """UpdateFunctionConfiguration."""
        function = self._updatable(name, body)
        changed = {key: body[key] for key in _CONFIGURABLE if body.get(key) is not None}
        settings = function.settings | changed
        require_settings(settings)
        function.created = False
        await self._apply(function, settings, function.package)
        return function.describe(changed=True)

    def _updatable(self, name: str, body: Json) -> Function:
        function = self.find(name)
        if body.get("RevisionId") not in (None, function.revision):
            raise Fault(
                "PreconditionFailedException",
                "The Revision Id provided does not match the latest Revision Id. Call the GetFunction API to "
                "retrieve the latest Revision Id",
            )
        if function.pending:
            state = "Pending" if function.created else "InProgress"
            raise Fault(
                "ResourceConflictException",
                "The operation cannot be performed at this time. "
                f"The function is currently in the following state: {state}",
            )
        return function

    def delete(self, name: str, qualifier: str | None) -> None:
        """DeleteFunction."""
        function = self.find(name, qualifier)
        del self._functions[function.name]
        self.on_change(function.name)

    def list(self, query: dict[str, str]) -> Json:
        """ListFunctions."""
        return page([f.describe() for _, f in sorted(self._functions.items())], "Functions", query)

    def reserve(self, name: str, amount: int) -> Json:
        """PutFunctionConcurrency."""
        function = self.find(name)
        others = self.reserved_total() - (function.reserved_concurrency or 0)
        if amount and self.account_concurrency - others - amount < MIN_UNRESERVED_CONCURRENCY:
            raise invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{MIN_UNRESERVED_CONCURRENCY}]."
            )
        function.reserved_concurrency = amount
        return {"ReservedConcurrentExecutions": amount}

    def reserved_functions(self) -> frozenset[str]:
        """The functions that have concurrency of their own."""
        return frozenset(n for n, function in self._functions.items() if function.reserved_concurrency is not None)

    def reserved_total(self) -> int:
        """The concurrency that functions have reserved together."""
        return sum(function.reserved_concurrency or 0 for function in self._functions.values())

    def put_event_config(self, name: str, body: Json, *, merge: bool) -> Json:
        """PutFunctionEventInvokeConfig, or UpdateFunctionEventInvokeConfig (`merge`)."""
        function = self.find(name)
        require_event_config(body)
        kept = function.event_config or {} if merge else {}
        names = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
        function.event_config = kept | {key: body[key] for key in names if body.get(key) is not None}
        function.event_config_modified = time.time()
        return self.get_event_config(name)

    def get_event_config(self, name: str) -> Json:
        """GetFunctionEventInvokeConfig."""
        function = self.find(name)
        if function.event_config is None:
            raise missing(f"The function {function.arn}:$LATEST doesn't have an EventInvokeConfig")
        arn = f"{function.arn}:$LATEST"
        return {"FunctionArn": arn, "LastModified": function.event_config_modified, **function.event_config}

    def account_settings(self) -> Json:
        """GetAccountSettings."""
        functions = self._functions.values()
        return {
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": UNZIPPED_BYTES,
                "CodeSizeZipped": 52_428_800,
                "ConcurrentExecutions": self.account_concurrency,
                "UnreservedConcurrentExecutions": self.account_concurrency - self.reserved_total(),
            },
            "AccountUsage": {
                "TotalCodeSize": sum(function.package.code_size for function in functions),
                "FunctionCount": len(functions),
            },
        }


def _layer_arn(layer: str | Json) -> str:
    return layer if isinstance(layer, str) else layer["Arn"]


def _defaults() -> Json:
    return {
        "Role": None,
        "Handler": None,
        "Runtime": None,
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "Environment": {"Variables": {}},
        "Layers": [],
        "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"},
    }
