"""The errors of the Lambda API: each has the code, the status and the JSON shape that AWS gives it."""

from __future__ import annotations

import json

from lambdarray.cloud.wire import Response
from lambdarray.errors import LambdarrayError

STATUS = {
    "InvalidParameterValueException": 400,
    "InvalidRequestContentException": 400,
    "ValidationException": 400,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "UnrecognizedClientException": 403,
    "ResourceNotFoundException": 404,
    "ResourceConflictException": 409,
    "PreconditionFailedException": 412,
    "RequestEntityTooLargeException": 413,
    "RequestTooLargeException": 413,
    "TooManyRequestsException": 429,
    "ServiceException": 500,
    "NotImplementedException": 501,
}


class Fault(LambdarrayError, RuntimeError):  # noqa: N818
    """An error that the API answers with; `code` is the exception's name in boto3."""

    def __init__(self, code: str, message: str, **extra: str) -> None:
        super().__init__(message)
        self.code, self.message, self.extra = code, message, extra

    def response(self) -> Response:
        """The error as AWS sends it."""
        status = STATUS[self.code]
        party = "User" if status < 500 else "Service"
        body = {"Type": party, "message": self.message, "Message": self.message, **self.extra}
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": self.code}
        if status == 429:
            headers["Retry-After"] = "1"
        return Response(status, json.dumps(body).encode(), headers)


def invalid(message: str) -> Fault:
    """A parameter that Lambda does not take."""
    return Fault("InvalidParameterValueException", message)


def out_of_range(value: object, name: str, low: int, high: int) -> Fault:
    """A number outside its limits, in the words of AWS's validation."""
    return Fault(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must be from {low} to {high}",
    )


def missing(message: str) -> Fault:
    """A resource that does not exist."""
    return Fault("ResourceNotFoundException", message)


def throttled(reason: str) -> Fault:
    """An invocation beyond a concurrency limit; `reason` says which."""
    return Fault("TooManyRequestsException", "Rate Exceeded.", Reason=reason)
