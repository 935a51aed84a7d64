"""Signature Version 4, checked as AWS checks it, so that a client's signer is tested for real.

Source: "Create a signed AWS API request" in the AWS Identity and Access Management user guide.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, unquote

from lambdarray.cloud.faults import Fault
from lambdarray.cloud.wire import Request

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW_SECONDS = 300
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<key>[^/,]+)/(?P<date>\d{{8}})/(?P<region>[^/,]+)/(?P<service>[^/,]+)"
    r"/aws4_request,\s*SignedHeaders=(?P<names>[^,]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A pair of keys; `session_token` is None for a user's own keys."""

    access_key: str
    secret_key: str
    session_token: str | None = None


def require_signature(request: Request, credentials: Credentials) -> None:
    """Raise the fault that AWS answers with unless these credentials signed this request, just now."""
    header = request.headers.get("authorization")
    if header is None:
        raise Fault("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(header)
    if match is None:
        raise Fault("InvalidSignatureException", f"not a Signature Version 4 header: {header.split(' ')[0]}")
    if match["key"] != credentials.access_key:
        raise Fault("UnrecognizedClientException", "The security token included in the request is invalid.")
    _require_recent(request.headers.get("x-amz-date", ""))
    if not hmac.compare_digest(_signature(request, match, credentials.secret_key), match["signature"]):
        raise Fault(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )


def _require_recent(date: str) -> None:
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Fault("InvalidSignatureException", f"X-Amz-Date is missing or malformed: {date!r}") from None
    skew = (datetime.now(UTC) - signed).total_seconds()
    if abs(skew) > MAX_SKEW_SECONDS:
        raise Fault("InvalidSignatureException", f"Signature expired: {date} is {skew:.0f} s from now")


def _signature(request: Request, match: re.Match[str], secret: str) -> str:
    scope = "/".join([match["date"], match["region"], match["service"], "aws4_request"])
    canonical = canonical_request(request, match["names"].split(";"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join([ALGORITHM, request.headers["x-amz-date"], scope, digest])
    key = _signing_key(secret, match["date"], match["region"], match["service"])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=32)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def canonical_request(request: Request, names: list[str]) -> str:
    """The text that is signed; as for all services but S3, the encoded path is encoded once more."""
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names]
    payload = request.headers.get("x-amz-content-sha256") or hashlib.sha256(request.body).hexdigest()
    path, query = canonical_path(request.path), canonical_query(request.target.partition("?")[2])
    return "\n".join([request.method, path, query, *headers, "", ";".join(names), payload])


def canonical_path(path: str) -> str:
    """The path without dots and double slashes, each character encoded, except the slashes.

    >>> canonical_path("/a%3Ab/../c//d/")
    '/c/d/'
    """
    normal = posixpath.normpath("/" + path.lstrip("/"))
    if path.endswith("/") and normal != "/":
        normal += "/"
    return quote(normal, safe="/-_.~")


def canonical_query(query: str) -> str:
    """The parameters, each encoded, in order of name and value.

    >>> canonical_query("b=2&a=x%2Fy&c")
    'a=x%2Fy&b=2&c='
    """
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    encoded = [(quote(unquote(k), safe="-_.~"), quote(unquote(v), safe="-_.~")) for k, _, v in pairs]
    return "&".join(f"{key}={value}" for key, value in sorted(encoded))
