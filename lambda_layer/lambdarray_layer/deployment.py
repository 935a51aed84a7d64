"""Reading a deployment, and asking of it whether a plan may run: before the run, with the command that mends it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lambdarray.errors import AccessError, DeploymentError, VersionMismatchError

from .aws import Account, account_of, clear_error, open_session
from .functions import find_function, is_ours
from .package import package_version
from .prefixes import S3Prefix, parse_all
from .target import Target


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed function as Lambda describes it.

    `version` is that of the package in it (see `package_version`); `store`, `read` and `write` are the granted URLs.
    Sizes are in MiB, `timeout_s` in seconds; `concurrency` is the reserved one, or None.
    """

    function: str
    function_arn: str
    region: str
    version: str
    arch: str
    python: str
    memory_mib: int
    timeout_s: int
    ephemeral_mib: int
    concurrency: int | None
    store: str
    read: tuple[str, ...]
    write: tuple[str, ...]
    role_arn: str
    layers: tuple[str, ...]
    state: str

    def target(self) -> Target:
        """The target that a deploy of the same settings has; raises ConfigError where lambdarray did not make it so."""
        return Target(
            store=S3Prefix.parse(self.store), reads=parse_all(self.read), writes=parse_all(self.write),
            function=self.function, arch=self.arch, python=self.python, memory_mib=self.memory_mib,
            timeout_s=self.timeout_s, ephemeral_mib=self.ephemeral_mib, concurrency=self.concurrency,
        )  # fmt: skip


def describe(function: str = "lambdarray", session: Any = None, account: Account | None = None) -> Deployment:
    """The deployment named `function` in a boto3 session's account and region.

    Raises DeploymentError where there is none or it is not lambdarray's, AccessError where it may not be looked at.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        account = account or account_of(session or open_session())
        found = find_function(account, function)
    except (ClientError, BotoCoreError) as error:
        raise clear_error(error) or error from error
    if found is None:
        raise DeploymentError(
            f"no function named {function} in {account.region}; run "
            f"'lambdarray deploy --store s3://bucket/scratch --region {account.region}"
            f"{'' if function == 'lambdarray' else f' --function {function}'}'"
        )
    if not is_ours(found):
        raise DeploymentError(f"the function {function} in {account.region} was not made by 'lambdarray deploy'")
    return from_answer(found, account.region)


def from_answer(found: dict[str, Any], region: str) -> Deployment:
    """A deployment from Lambda's GetFunction answer."""
    now = found["Configuration"]
    variables = now.get("Environment", {}).get("Variables", {})
    return Deployment(
        function=now["FunctionName"], function_arn=now["FunctionArn"], region=region,
        version=variables.get("LAMBDARRAY_VERSION", ""), arch=now.get("Architectures", ["x86_64"])[0],
        python=now.get("Runtime", "").removeprefix("python"), memory_mib=now["MemorySize"], timeout_s=now["Timeout"],
        ephemeral_mib=now.get("EphemeralStorage", {}).get("Size", 512),
        concurrency=(found.get("Concurrency") or {}).get("ReservedConcurrentExecutions"),
        store=variables.get("LAMBDARRAY_STORE", ""), read=tuple(json.loads(variables.get("LAMBDARRAY_READ", "[]"))),
        write=tuple(json.loads(variables.get("LAMBDARRAY_WRITE", "[]"))), role_arn=now["Role"],
        layers=tuple(layer["Arn"] for layer in now.get("Layers") or []), state=now.get("State", "Active"),
    )  # fmt: skip


def check_version(deployment: Deployment) -> None:
    """Raise VersionMismatchError unless the function's package is the one that this client would ship."""
    if deployment.version != package_version():
        raise VersionMismatchError(
            f"the function {deployment.function} in {deployment.region} has lambdarray "
            f"{deployment.version or '(none)'} and this "
            f"client {package_version()}; run: {deployment.target().command(deployment.region)}"
        )


def check_access(deployment: Deployment, reads: Iterable[str], writes: Iterable[str], store: str) -> None:
    """Raise AccessError unless the function may read `reads`, write `writes` and keep its tiles in `store`.

    All are URLs. Only S3 is granted by prefix; a web address is left to its server, and a local path, which no
    function can see, is refused. The message has the `lambdarray deploy` command that mends it.
    """
    target = deployment.target()
    more_reads = [url for url in reads if not _is_web(url) and not _covered(url, target.readable, deployment)]
    more_writes = [url for url in writes if not _covered(url, target.writable, deployment)]
    new_store = "" if _covered(store, (target.store,), deployment) else store
    if not (more_reads or more_writes or new_store):
        return
    mended = replace(
        target,
        store=S3Prefix.parse(new_store) if new_store else target.store,
        reads=parse_all([*deployment.read, *more_reads]),
        writes=parse_all([*deployment.write, *more_writes]),
    )
    told = [f"keep tiles in {new_store}"] * bool(new_store)
    told += [f"read {url}" for url in more_reads] + [f"write {url}" for url in more_writes]
    raise AccessError(
        f"the function {deployment.function} may not {', nor '.join(told)}: it was granted scratch in "
        f"{target.store}, reading of {_listed(deployment.read)} and writing of {_listed(deployment.write)}; "
        f"run: {mended.command(deployment.region)}"
    )


def _covered(url: str, granted: tuple[S3Prefix, ...], deployment: Deployment) -> bool:
    if not url.startswith("s3://"):
        raise AccessError(
            f"{url} is not in S3, and the function {deployment.function} in {deployment.region} cannot see it; "
            f"copy it to S3 or use executor='threads'"
        )
    return any(place.covers(S3Prefix.parse(url)) for place in granted)


def _is_web(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _listed(urls: tuple[str, ...]) -> str:
    return ", ".join(urls) or "nothing else"
