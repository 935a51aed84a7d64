"""A store in S3, or in any server that speaks it: one object for each tile, written by one conditional PUT."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..config import get_config
from ..errors import AccessError, ConfigError, LambdarrayError, MissingTileError, StoreError
from .base import ByteStore, Head, check_key
from .format import Parts, empty_bytes

# Large enough that a tile of 512 MiB passes at the 30 MB/s of a small function, small enough to notice a dead peer.
TIMEOUT_S = 60.0
RETRIES = 6
CONFLICTS = 5
# Ranges closer than this come as one request: to read over the gap takes no longer than another round trip.
GAP_NBYTES = 1 << 20
PART_NBYTES = 1 << 18
LIST_COUNT = 1000


@dataclass(frozen=True, slots=True)
class Access:
    """How S3 is reached from here: all that a client depends on but the bucket."""

    endpoint: str
    region: str
    key_id: str
    secret: str
    token: str
    timeout_s: float = TIMEOUT_S
    retries: int = RETRIES

    @classmethod
    def from_environment(cls) -> Access:
        """From the variables that AWS's own tools read, which is also how a function gets them."""
        get = os.environ.get
        return cls(
            endpoint=get("AWS_ENDPOINT_URL_S3") or get("AWS_ENDPOINT_URL") or "",
            region=get_config().region or get("AWS_REGION") or get("AWS_DEFAULT_REGION") or "",
            key_id=get("AWS_ACCESS_KEY_ID", ""),
            secret=get("AWS_SECRET_ACCESS_KEY", ""),
            token=get("AWS_SESSION_TOKEN", ""),
        )

    @property
    def plain_http(self) -> bool:
        """Whether the endpoint is plain HTTP, which only this machine's own addresses may be."""
        if not self.endpoint.startswith("http://"):
            return False
        host = self.endpoint[len("http://") :].split("/")[0].rpartition("@")[2]
        name = host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]
        if name not in ("localhost", "[::1]") and not re.fullmatch(r"127(\.\d{1,3}){3}", name):
            raise ConfigError(
                f"the S3 endpoint {self.endpoint} is plain HTTP, which is allowed for this machine's own addresses "
                "(127.0.0.1, localhost) only; use an https:// endpoint"
            )
        return True


_clients: dict[tuple[int, str, Access], Any] = {}
_clients_lock = threading.Lock()


def _client(bucket: str, access: Access) -> Any:
    """The client of a bucket, one for each process: connections are kept, and none survive a fork."""
    key = (os.getpid(), bucket, access)
    with _clients_lock:
        if key not in _clients:
            _clients[key] = _make_client(bucket, access)
        return _clients[key]


def _make_client(bucket: str, access: Access) -> Any:
    from datetime import timedelta

    from obstore.store import S3Store as Client

    options: dict[str, Any] = {"region": access.region or "us-east-1"}
    if access.key_id:
        options |= {"access_key_id": access.key_id, "secret_access_key": access.secret}
        options |= {"session_token": access.token} if access.token else {}
    elif os.environ.get("AWS_SKIP_SIGNATURE", "").lower() not in ("1", "true"):
        options |= _boto3_options(access)
    if access.endpoint:
        options |= {"endpoint": access.endpoint, "virtual_hosted_style_request": False}
    else:
        # A dot in the name would not match the certificate of the bucket's own host.
        options["virtual_hosted_style_request"] = "." not in bucket
    seconds = timedelta(seconds=access.timeout_s)
    retry: Any = {"max_retries": access.retries, "retry_timeout": 2 * seconds}
    retry["backoff"] = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2}
    return Client(
        bucket,
        # The tile carries its own checksums, so that hashing the body once more for the signature buys nothing.
        unsigned_payload=True,
        client_options={
            "allow_http": access.plain_http,
            "connect_timeout": min(seconds, timedelta(seconds=5)),
            "timeout": seconds,
        },
        retry_config=retry,
        **options,
    )


def _boto3_options(access: Access) -> dict[str, Any]:
    """Credentials as boto3 finds them: profiles, single sign-on, roles; on the client only."""
    import boto3
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = boto3.Session()
    if session.get_credentials() is None:
        raise AccessError(
            "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "or AWS_PROFILE, or run `aws configure`"
        )
    options: dict[str, Any] = {"credential_provider": Boto3CredentialProvider(session)}
    if not access.region and session.region_name:
        options["region"] = session.region_name
    return options


class S3Store(ByteStore):
    """Tiles as objects under `s3://bucket/prefix`, through obstore's synchronous client.

    Endpoint, region and credentials come from the environment (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
    AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, ...), or credentials from boto3 where it holds none. S3 is strongly
    consistent: a read that starts after a put has returned sees that put. A put says `If-None-Match: *`; where it
    is sent again because its answer was lost, it finds itself, which is as good, since a key has one content.
    """

    remote = True

    def __init__(self, url: str, access: Access | None = None) -> None:
        match = re.fullmatch(r"s3://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/(.*))?", url)
        if not match:
            raise ConfigError(f"{url!r} is no place in S3; write s3://bucket/prefix, the bucket in lower case")
        self.bucket, prefix = match[1], (match[2] or "").strip("/")
        self.prefix = f"{prefix}/" if prefix else ""
        if prefix:
            check_key(prefix)
        self.url = url.rstrip("/")
        self.access = access or Access.from_environment()

    @property
    def client(self) -> Any:
        """obstore's client of the bucket, made when first needed."""
        return _client(self.bucket, self.access)

    def put_parts(self, key: str, parts: Parts, create: bool) -> bool:
        """One PUT, conditional with `create`; True where S3 took it."""
        path = self.prefix + check_key(key)
        for attempt in range(CONFLICTS):
            outcome = self._put_once(path, key, parts, create)
            if outcome is not None:
                return outcome
            # 409: another conditional write or a delete of this key is going on; S3 says to try again.
            if self.exists(key):
                return False
            time.sleep(0.05 * 2**attempt)
        raise StoreError(f"{self.url}/{key}: S3 answered 409 (conflict) {CONFLICTS} times; is somebody deleting it?")

    def _put_once(self, path: str, key: str, parts: Parts, create: bool) -> bool | None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        mode: Literal["create", "overwrite"] = "create" if create else "overwrite"
        try:
            obstore.put(self.client, path, list(parts), mode=mode, use_multipart=False)
        except AlreadyExistsError as error:
            return None if _status(str(error)) == "409" else False
        except Exception as error:
            raise self._error(error, key) from error
        return True

    def get_bytes(self, key: str, *, immutable: bool = False) -> memoryview:
        """A whole object, copied part by part into NumPy's memory while it arrives."""
        import obstore

        path = self.prefix + check_key(key)
        try:
            answer = obstore.get(self.client, path)
            view = empty_bytes(answer.meta["size"])
            done = 0
            for part in answer.stream(min_chunk_size=PART_NBYTES):
                view[done : done + len(part)] = memoryview(part)
                done += len(part)
        except Exception as error:
            raise self._error(error, key) from error
        return view[:done].toreadonly()

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, immutable: bool = False
    ) -> Sequence[memoryview]:
        """Parts of an object: one request where they lie close together, else all at once."""
        path = self.prefix + check_key(key)
        first, last = min(start for start, _ in ranges), max(stop for _, stop in ranges)
        if last - first - sum(stop - start for start, stop in ranges) <= GAP_NBYTES:
            whole = self._range(path, key, first, last)
            return [whole[start - first : stop - first] for start, stop in ranges]
        return self._ranges(path, key, ranges)

    def _range(self, path: str, key: str, start: int, stop: int) -> memoryview:
        import obstore

        try:
            return memoryview(obstore.get_range(self.client, path, start=start, end=stop)).toreadonly()
        except Exception as error:
            return self._past_the_end(error, key)

    def _ranges(self, path: str, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[memoryview]:
        import obstore

        starts, ends = [start for start, _ in ranges], [stop for _, stop in ranges]
        try:
            found = obstore.get_ranges(self.client, path, starts=starts, ends=ends)
        except Exception as error:
            return [self._past_the_end(error, key)] * len(ranges)
        return [memoryview(part).toreadonly() for part in found]

    def _past_the_end(self, error: Exception, key: str) -> memoryview:
        """Nothing, where S3 said that the object ends before the range; else the error."""
        if _status(str(error)) == "416":
            return memoryview(b"")
        raise self._error(error, key) from error

    def head(self, key: str) -> Head | None:
        """Length and ETag."""
        import obstore

        try:
            found = obstore.head(self.client, self.prefix + check_key(key))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._error(error, key) from error
        return Head(key, found["size"], found["e_tag"] or "")

    def heads(self, prefix: str = "") -> Iterator[Head]:
        """A LIST, a thousand objects a request."""
        import obstore

        path = (self.prefix + prefix.strip("/")).rstrip("/")
        try:
            for found in obstore.list(self.client, path or None, chunk_size=LIST_COUNT):
                for meta in found:
                    yield Head(meta["path"][len(self.prefix) :], meta["size"], meta["e_tag"] or "")
        except Exception as error:
            raise self._error(error, prefix) from error

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._delete([self.prefix + check_key(key)], key)

    def delete_prefix(self, prefix: str) -> None:
        """LIST, then remove a thousand objects a request."""
        self.delete_all(self.list(prefix))

    def delete_all(self, keys: Iterable[str]) -> None:
        """Remove a thousand objects a request."""
        paths = [self.prefix + check_key(key) for key in keys]
        for start in range(0, len(paths), LIST_COUNT):
            self._delete(paths[start : start + LIST_COUNT], "")

    def _delete(self, paths: Sequence[str], what: str) -> None:
        import obstore

        try:
            obstore.delete(self.client, paths)
        except FileNotFoundError as error:
            if _code(str(error)) == "NoSuchBucket":
                raise self._error(error, what) from error
        except Exception as error:
            raise self._error(error, what) from error

    def _error(self, error: Exception, key: str) -> LambdarrayError:
        """Our error for one of obstore's, in one line."""
        if isinstance(error, LambdarrayError):
            return error
        text = str(error)
        status, code = _status(text), _code(text)
        where = f"{self.url}/{key}".rstrip("/")
        if code == "NoSuchBucket":
            return StoreError(f"there is no bucket {self.bucket!r} at {self._place()}; create it, or mend the name")
        if isinstance(error, FileNotFoundError):
            return MissingTileError(f"there is no {where}")
        if status in ("401", "403") or code in ("ExpiredToken", "InvalidToken", "InvalidAccessKeyId"):
            return AccessError(f"{where}: access denied ({code or status}) at {self._place()}; {_advice(code)}")
        if "redirect" in text or code in ("AuthorizationHeaderMalformed", "PermanentRedirect"):
            return StoreError(
                f"bucket {self.bucket!r} is not in region {self.access.region or 'us-east-1'}; "
                "set AWS_REGION to the bucket's own region"
            )
        if status:
            return StoreError(f"{where}: S3 at {self._place()} answered {status} {code}".rstrip())
        return StoreError(
            f"{where}: no answer from S3 at {self._place()}, tried {self.access.retries + 1} times "
            f"of at most {self.access.timeout_s:g} s: {_reason(text)}"
        )

    def _place(self) -> str:
        return self.access.endpoint or f"AWS region {self.access.region or 'us-east-1'}"


def _status(text: str) -> str:
    found = re.search(r"status code: (\d{3})", text)
    return found[1] if found else ""


def _code(text: str) -> str:
    found = re.search(r"<Code>(\w+)</Code>", text)
    return found[1] if found else ""


def _reason(text: str) -> str:
    """The innermost cause that obstore gives."""
    if "TimedOut" in text or "timed out" in text:
        return "timed out"
    found = re.search(r'message: "([^"]+)"', text)
    line = text.partition("\n")[0]
    return found[1] if found else line.rpartition(" - ")[2] or line


def _advice(code: str) -> str:
    if code in ("ExpiredToken", "InvalidToken"):
        return "the credentials have expired: get new ones"
    if code in ("InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return "the key or its secret is wrong: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return "check the policy of this role or user for this prefix, with s3:ListBucket for it"
