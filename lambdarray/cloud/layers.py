"""Layers: published in numbered versions that never change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from lambdarray.cloud.faults import invalid, missing
from lambdarray.cloud.packages import Package, PackageStore
from lambdarray.cloud.times import iso_time

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """A published version: its package and what the API says about it."""

    arn: str
    package: Package
    details: Json

    def summary(self) -> Json:
        """The entry in lists, without the content."""
        return {name: value for name, value in self.details.items() if name not in ("Content", "LayerArn")}


class LayerRegistry:
    """All layers of the account, and the API operations on them."""

    def __init__(self, packages: PackageStore, arn_prefix: str, code_url: str) -> None:
        self._packages, self._prefix, self._code_url = packages, arn_prefix, code_url
        self._versions: dict[str, dict[int, LayerVersion]] = {}
        # A number is never given twice, even after its version was deleted.
        self._last_number: dict[str, int] = {}

    async def publish(self, name: str, body: Json) -> Json:
        """PublishLayerVersion."""
        package = await asyncio.to_thread(self._packages.add, body.get("Content") or {})
        name = self._short_name(name)
        number = self._last_number[name] = self._last_number.get(name, 0) + 1
        version = self._make(name, number, package, body)
        self._versions.setdefault(name, {})[number] = version
        return version.details

    def _make(self, name: str, number: int, package: Package, body: Json) -> LayerVersion:
        layer_arn = f"{self._prefix}:layer:{name}"
        details = {
            "Content": {
                "Location": f"{self._code_url}/{package.name}.zip",
                "CodeSha256": package.sha256,
                "CodeSize": package.code_size,
            },
            "LayerArn": layer_arn,
            "LayerVersionArn": f"{layer_arn}:{number}",
            "Description": body.get("Description", ""),
            "CreatedDate": iso_time(),
            "Version": number,
            "CompatibleRuntimes": body.get("CompatibleRuntimes", []),
            "LicenseInfo": body.get("LicenseInfo", ""),
            "CompatibleArchitectures": body.get("CompatibleArchitectures", []),
        }
        return LayerVersion(f"{layer_arn}:{number}", package, details)

    def get(self, name: str, number: int) -> Json:
        """GetLayerVersion."""
        version = self._versions.get(self._short_name(name), {}).get(number)
        if version is None:
            raise missing("The resource you requested does not exist.")
        return version.details

    def get_by_arn(self, arn: str) -> Json:
        """GetLayerVersionByArn."""
        version = self._find(arn)
        if version is None:
            raise missing("The resource you requested does not exist.")
        return version.details

    def delete(self, name: str, number: int) -> None:
        """DeleteLayerVersion; a version that does not exist is no error, and functions keep what they use."""
        self._versions.get(self._short_name(name), {}).pop(number, None)

    def list_versions(self, name: str, query: dict[str, str]) -> Json:
        """ListLayerVersions, the newest first."""
        versions = self._versions.get(self._short_name(name), {})
        found = [versions[number] for number in sorted(versions, reverse=True)]
        return page([v.summary() for v in found if _compatible(v, query)], "LayerVersions", query)

    def list_layers(self, query: dict[str, str]) -> Json:
        """ListLayers, each with its newest version."""
        layers = []
        for name, versions in sorted(self._versions.items()):
            found = [versions[n] for n in sorted(versions, reverse=True) if _compatible(versions[n], query)]
            if found:
                arn = f"{self._prefix}:layer:{name}"
                layers.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": found[0].summary()})
        return page(layers, "Layers", query)

    def resolve(self, arns: list[str]) -> tuple[LayerVersion, ...]:
        """The versions that a function asks for, in its order."""
        found = []
        for arn in arns:
            version = self._find(arn)
            if version is None:
                raise invalid(f"Layer version {arn} does not exist.")
            found.append(version)
        return tuple(found)

    def _find(self, arn: str) -> LayerVersion | None:
        name, _, number = arn.removeprefix(f"{self._prefix}:layer:").rpartition(":")
        return self._versions.get(name, {}).get(int(number)) if number.isdigit() else None

    def _short_name(self, name: str) -> str:
        return name.removeprefix(f"{self._prefix}:layer:")


def _compatible(version: LayerVersion, query: dict[str, str]) -> bool:
    runtime, architecture = query.get("CompatibleRuntime"), query.get("CompatibleArchitecture")
    runtimes, architectures = version.details["CompatibleRuntimes"], version.details["CompatibleArchitectures"]
    return (not runtime or runtime in runtimes) and (not architecture or architecture in architectures)


def page(items: list[Json], name: str, query: dict[str, str]) -> Json:
    """At most MaxItems (50) items from Marker on, and the next marker when there are more.

    >>> page([{"a": 1}, {"a": 2}], "Items", {"MaxItems": "1"})
    {'Items': [{'a': 1}], 'NextMarker': '1'}
    """
    start, count = int(query.get("Marker") or 0), int(query.get("MaxItems") or 50)
    answer: Json = {name: items[start : start + count]}
    if start + count < len(items):
        answer["NextMarker"] = str(start + count)
    return answer
