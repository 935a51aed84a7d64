"""Zip packages: fetched, measured, unpacked once by content, merged into what an environment sees at /opt."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambdarray.cloud.faults import invalid
from lambdarray.cloud.limits import UNZIPPED_BYTES
from lambdarray.cloud.signing import Credentials


@dataclass(frozen=True, slots=True)
class Package:
    """A zip as AWS describes it: its sizes in bytes, its SHA-256 in base64, the folder with its files."""

    code_size: int
    unzipped_bytes: int
    sha256: str
    folder: str
    name: str


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where zips that are given as S3Bucket and S3Key are fetched from."""

    endpoint: str
    region: str
    credentials: Credentials

    def client(self) -> Any:
        """A boto3 client, made when it is needed because importing boto3 takes a third of a second."""
        import boto3

        keys = self.credentials
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
        )

    def fetch(self, bucket: str, key: str, version: str | None = None) -> bytes:
        """The object's bytes; raises the fault that Lambda answers with when it cannot be read."""
        from botocore.exceptions import BotoCoreError, ClientError

        extra = {"VersionId": version} if version else {}
        try:
            body: bytes = self.client().get_object(Bucket=bucket, Key=key, **extra)["Body"].read()
        except ClientError as error:
            details = error.response["Error"]
            raise invalid(
                "Error occurred while GetObject. "
                f"S3 Error Code: {details.get('Code')}. S3 Error Message: {details.get('Message')}"
            ) from error
        except BotoCoreError as error:
            raise invalid(f"Error occurred while GetObject: {error}") from error
        return body


class PackageStore:
    """Zips and their unpacked files under one folder, each content once. Its methods block; call them in threads."""

    def __init__(self, folder: Path, s3: S3Access) -> None:
        self._folder, self._s3 = folder, s3
        self._lock = threading.Lock()
        (folder / "merged").mkdir(parents=True)

    def add(self, content: dict[str, Any]) -> Package:
        """Take `Code` or `Content` as the API gives it: ZipFile in base64, or S3Bucket and S3Key."""
        if content.get("ImageUri"):
            raise invalid("the local cloud runs zip packages, not container images; give ZipFile or S3Bucket")
        return self._unpack(self._read(content))

    def _read(self, content: dict[str, Any]) -> bytes:
        if content.get("ZipFile"):
            return base64.b64decode(content["ZipFile"])
        if content.get("S3Bucket") and content.get("S3Key"):
            return self._s3.fetch(content["S3Bucket"], content["S3Key"], content.get("S3ObjectVersion"))
        raise invalid("Please provide a source for function code.")

    def _unpack(self, data: bytes) -> Package:
        digest = hashlib.sha256(data)
        name, target = digest.hexdigest(), self._folder / digest.hexdigest()
        with self._lock:
            unzipped = unpack_zip(data, target)
            zip_path = self.zip_path(name)
            if not zip_path.exists():
                zip_path.write_bytes(data)
        return Package(len(data), unzipped, base64.b64encode(digest.digest()).decode(), str(target), name)

    def zip_path(self, name: str) -> Path:
        """The file that holds a package's zip."""
        return self._folder / f"{name}.zip"

    def merge(self, layers: tuple[Package, ...]) -> str:
        """The folder that has the files of all layers; a later layer's file wins over an earlier one's."""
        if len(layers) == 1:
            return layers[0].folder
        joined = hashlib.sha256(" ".join(layer.name for layer in layers).encode()).hexdigest()
        target = self._folder / "merged" / joined
        with self._lock:
            if not target.exists():
                target.mkdir()
                for layer in layers:
                    shutil.copytree(layer.folder, target, dirs_exist_ok=True, copy_function=_link_over)
        return str(target)


def _link_over(source: str, target: str) -> None:
    if os.path.lexists(target):
        os.unlink(target)
    os.link(source, target, follow_symlinks=False)


def unpack_zip(data: bytes, target: Path) -> int:
    """Unpack into a folder unless it is there; the size of the files in bytes.

    Modes are kept as they are in the zip, because on Lambda a file without read permission for others cannot
    be read: a common mistake that must show here too.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise invalid(
            f"Could not unzip uploaded file. Please check your file, then try to upload again. ({error})"
        ) from error
    with archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > UNZIPPED_BYTES:
            raise invalid(f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes (it is {size} bytes)")
        if not target.exists():
            partial = target.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(mode=0o755)
            _extract(archive, partial)
            partial.rename(target)
    return size


def _extract(archive: zipfile.ZipFile, target: Path) -> None:
    for entry in archive.infolist():
        path, mode = Path(archive.extract(entry, target)), entry.external_attr >> 16
        if (mode & 0o170000) == 0o120000:
            link = path.read_text()
            path.unlink()
            path.symlink_to(link)
        elif entry.is_dir():
            path.chmod((mode & 0o777) or 0o755)
        else:
            path.chmod((mode & 0o777) or 0o644)
