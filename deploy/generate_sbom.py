"""Writes the software bill of materials of the image (CycloneDX, JSON) from the lock file: ``make sbom``.

It lists the Python packages of ``requirements/runtime.txt``, with which one needs which. The packages of the base image
are not in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from frikort_contracts import __version__
from packageurl import PackageURL

from deploy.local.config import REPOSITORY

LOCK: Final = REPOSITORY / "requirements" / "runtime.txt"
SBOM: Final = REPOSITORY / "deploy" / "sbom.cdx.json"

_SPACE: Final = UUID("3c1d1a35-8a0f-4f0e-8b53-0c5f5a7f7d7e")
_PACKAGE: Final = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)")
_NEEDED_BY: Final = ("    # via ", "    #   ")
_ROOT: Final = "frikort"


class Package(NamedTuple):
    """A package of the lock file, and the packages that need it."""

    name: str
    version: str
    needed_by: tuple[str, ...]


def packages(lock: str) -> Iterator[Package]:
    """The packages of a lock file in the form of ``uv pip compile``."""
    found: list[tuple[str, str, list[str]]] = []
    for line in lock.splitlines():
        if package := _PACKAGE.match(line):
            found.append((package["name"], package["version"], []))
        elif line.startswith(_NEEDED_BY):
            found[-1][2].append(line.removeprefix(_NEEDED_BY[0]).removeprefix(_NEEDED_BY[1]).split(" ")[0])
    return (Package(name, version, tuple(needed_by)) for name, version, needed_by in found)


def sbom(lock: str) -> str:
    """The bill of materials of a lock file: the same text for the same file."""
    root = Component(name=_ROOT, version=__version__, type=ComponentType.APPLICATION, bom_ref=_ROOT)
    components: dict[str, Component] = {_ROOT: root}
    listed = list(packages(lock))
    for package in listed:
        purl = PackageURL(type="pypi", name=package.name, version=package.version)
        components[package.name] = Component(
            name=package.name, version=package.version, purl=purl, bom_ref=purl.to_string()
        )
    bom = Bom(components=[components[package.name] for package in listed], serial_number=uuid5(_SPACE, lock))
    bom.metadata.component = root
    for name, component in components.items():
        bom.register_dependency(component, [components[p.name] for p in listed if name in p.needed_by])
    written: dict[str, Any] = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    return json.dumps(_without_time(written), indent=1, sort_keys=True) + "\n"


def _without_time(written: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in written["metadata"].items() if name != "timestamp"}
    return {**written, "metadata": metadata}


def main(target: Path = SBOM) -> None:
    """Write the bill of materials."""
    target.write_text(sbom(LOCK.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
