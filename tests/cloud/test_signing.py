from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given
from hypothesis import strategies as st

from lambdarray.cloud.faults import Fault
from lambdarray.cloud.signing import Credentials, require_signature
from lambdarray.cloud.wire import Request

KEYS = Credentials("KEY", "secret", "token")


def sign(method: str, target: str, body: bytes, keys: Credentials = KEYS) -> Request:
    """What botocore, the judge, sends."""
    request = AWSRequest(method, f"http://127.0.0.1:1234{target}", data=body, headers={"X-Amz-Thing": " a  b "})
    signer = BotocoreCredentials(keys.access_key, keys.secret_key, keys.session_token)
    SigV4Auth(signer, "lambda", "us-east-1").add_auth(request)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return Request(method, target, headers | {"host": "127.0.0.1:1234"}, body)


def code_of(request: Request, keys: Credentials = KEYS) -> str:
    with pytest.raises(Fault) as caught:
        require_signature(request, keys)
    return caught.value.code


segments = st.text("abcXYZ019-_.~%:$ +", min_size=1, max_size=8).map(
    lambda text: "".join(c if c.isalnum() or c in "-_.~" else f"%{ord(c):02X}" for c in text)
)


@given(st.lists(segments, max_size=4), st.dictionaries(segments, segments, max_size=3), st.binary(max_size=20))
def test_what_botocore_signs_is_accepted(parts: list[str], query: dict[str, str], body: bytes) -> None:
    target = "/" + "/".join(parts)
    if query:
        target += "?" + "&".join(f"{name}={value}" for name, value in query.items())
    require_signature(sign("POST", target, body), KEYS)


def test_a_request_without_a_signature_is_refused() -> None:
    assert code_of(Request("GET", "/", {})) == "MissingAuthenticationTokenException"


def test_a_signature_of_another_kind_is_refused() -> None:
    assert code_of(Request("GET", "/", {"authorization": "Basic abc"})) == "InvalidSignatureException"


def test_an_unknown_key_is_refused() -> None:
    assert code_of(sign("GET", "/", b""), Credentials("OTHER", "secret")) == "UnrecognizedClientException"


def test_a_wrong_secret_is_refused() -> None:
    assert code_of(sign("GET", "/", b""), Credentials("KEY", "other")) == "InvalidSignatureException"


@pytest.mark.parametrize("changed", [{"method": "PUT"}, {"target": "/b"}, {"body": b"x"}])
def test_a_request_that_was_changed_after_signing_is_refused(changed: dict[str, str]) -> None:
    signed = sign("POST", "/a", b"abc")
    fields = {"method": "POST", "target": "/a", "headers": signed.headers, "body": b"abc"}
    assert code_of(Request(**(fields | changed))) == "InvalidSignatureException"


def test_an_old_signature_is_refused() -> None:
    signed = sign("GET", "/", b"")
    yesterday = datetime.fromtimestamp(0, UTC).strftime("%Y%m%dT%H%M%SZ")
    old = Request("GET", "/", signed.headers | {"x-amz-date": yesterday})
    assert code_of(old) == "InvalidSignatureException"
