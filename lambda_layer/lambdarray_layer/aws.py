"""The account that commands work in: boto3 behind one door, where changes are announced, counted or withheld."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lambdarray.errors import AccessError, DeploymentError, LambdarrayError, StoreError

Answer = dict[str, Any]
Say = Callable[[str], None]

# What a service answers when a thing is not there, as opposed to not allowed or out of order.
_MISSING = {
    "ResourceNotFoundException", "NoSuchEntity", "NoSuchLifecycleConfiguration", "NoSuchKey", "NoSuchBucket",
    "404", "NotFound",
}  # fmt: skip
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden", "AllAccessDisabled"}
_CREDENTIALS = {
    "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    "ExpiredToken", "ExpiredTokenException", "AuthFailure", "InvalidSignatureException", "RequestExpired",
}  # fmt: skip


@dataclass(slots=True)
class Account:
    """An account and region, and the calls made there.

    `read` makes a call that changes nothing. `change` makes one that does, says so first, and in a dry run only says
    so. `changes` names those that were made or, in a dry run, would be.
    """

    session: Any
    region: str
    say: Say
    dry_run: bool = False
    changes: list[str] = field(default_factory=list)
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once; its time-outs and retries are bounded."""
        if service not in self._clients:
            from botocore.config import Config

            retries = {"mode": "standard", "total_max_attempts": 5}
            # Above 60 s, because publishing a layer unpacks it before it answers.
            config = Config(connect_timeout=5, read_timeout=180, retries=retries)
            self._clients[service] = self.session.client(service, region_name=self.region, config=config)
        return self._clients[service]

    def read(self, service: str, operation: str, **params: Any) -> Answer:
        """The answer of a call that changes nothing."""
        return self._call(service, operation, params)

    def find(self, service: str, operation: str, **params: Any) -> Answer | None:
        """As `read`, and None where the thing asked for does not exist."""
        from botocore.exceptions import ClientError

        try:
            return self._call(service, operation, params)
        except ClientError as error:
            if error_code(error) in _MISSING:
                return None
            raise

    def change(self, service: str, operation: str, why: str, **params: Any) -> Answer:
        """Make a call that changes something, and say why; in a dry run say the call and return nothing."""
        if self.dry_run:
            self.say(f"would {why}\n    {service}.{operation}({_shown(params)})")
        else:
            self.say(why)
        answer = {} if self.dry_run else self._call(service, operation, params)
        self.changes.append(f"{service}.{operation}")
        return answer

    def _call(self, service: str, operation: str, params: dict[str, Any]) -> Answer:
        answer: Answer = getattr(self.client(service), operation)(**params)
        return answer

    def wait(self, service: str, waiter: str, delay_s: float = 1, attempts: int = 120, **params: Any) -> None:
        """Wait until a thing is in the state that boto3's `waiter` knows, for a bounded time."""
        if not self.dry_run:
            config = {"Delay": delay_s, "MaxAttempts": attempts}
            self.client(service).get_waiter(waiter).wait(WaiterConfig=config, **params)

    def again(self, say: Say, dry_run: bool = False) -> Account:
        """The same account through the same clients, with no changes counted yet."""
        return replace(self, say=say, dry_run=dry_run, changes=[])

    def account_id(self) -> str:
        """The account's number; raises AccessError where there are no credentials that work."""
        return str(self.identity()["Account"])

    def identity(self) -> Answer:
        """Who asks: STS's answer, with Account and Arn."""
        return self.read("sts", "get_caller_identity")

    @property
    def partition(self) -> str:
        """The partition that the region is in: "aws", "aws-cn", "aws-us-gov"."""
        return str(self.session.get_partition_for_region(self.region))


def open_account(region: str | None = None, say: Say = lambda line: None, dry_run: bool = False) -> Account:
    """The account that boto3's own chain finds: environment, profile, instance role.

    Raises AccessError where no region is set.
    """
    return account_of(open_session(region), say, dry_run)


def open_session(region: str | None = None) -> Any:
    """A boto3 session in `region`, or where AWS_REGION (which boto3 does not read) or its own chain say."""
    import boto3

    return boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)


def account_of(session: Any, say: Say = lambda line: None, dry_run: bool = False) -> Account:
    """The account of a boto3 session."""
    if not session.region_name:
        raise AccessError("no AWS region is set; give --region, set AWS_REGION or run 'aws configure'")
    return Account(session, session.region_name, say, dry_run)


def error_code(error: Any) -> str:
    """The code that a service gave, such as "AccessDenied"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_denied(error: Any) -> bool:
    """Whether a botocore ClientError says that the caller may not."""
    return error_code(error) in _DENIED


def clear_error(error: Exception) -> LambdarrayError | None:
    """One line for an error of botocore's: what was asked and how to mend it; None for an error of another kind."""
    from botocore import exceptions as boto

    if isinstance(error, boto.ClientError):
        return _clear_client_error(error)
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return AccessError(f"{_line(error)}; run 'aws configure' or 'aws sso login', or set AWS_PROFILE")
    if isinstance(error, boto.NoRegionError):
        return AccessError("no AWS region is set; give --region, set AWS_REGION or run 'aws configure'")
    if isinstance(error, boto.ProfileNotFound):
        return AccessError(f"{_line(error)}; see ~/.aws/config, or unset AWS_PROFILE")
    if isinstance(error, boto.WaiterError):
        return DeploymentError(f"{_line(error)}; look at the function's state with 'lambdarray doctor'")
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        return StoreError(f"{_line(error)}; check the network, the region and any AWS_ENDPOINT_URL in the environment")
    return DeploymentError(_line(error)) if isinstance(error, boto.BotoCoreError) else None


def _clear_client_error(error: Any) -> LambdarrayError:
    code, said = error_code(error), str(error.response.get("Error", {}).get("Message", "")).strip()
    if code in _CREDENTIALS:
        return AccessError(f"AWS did not take the credentials at {error.operation_name} ({code}: {said}); renew them")
    if code in _DENIED:
        return AccessError(f"not allowed: {error.operation_name} ({said or code}); ask the account's owner for it")
    if code == "NoSuchBucket":
        return StoreError(f"{error.operation_name}: the bucket does not exist ({said}); make it, or correct its name")
    return DeploymentError(f"{error.operation_name} failed with {code}: {said}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _shown(params: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in params.items())


def _value(value: Any) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, str) and value.startswith("{"):
        return value
    return json.dumps(value, default=lambda other: f"<{type(other).__name__}>")
