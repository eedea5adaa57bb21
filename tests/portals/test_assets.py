"""Static files: they exist, they match their lock file, and browsers can cache them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.local.config import REPOSITORY
from deploy.vendor_assets import MANIFEST, VENDOR, sums
from services.portals.static import VERSION, static_url
from tests.portals.site import Site

LOCKS = [REPOSITORY / "deploy" / "assets" / "package-lock.json", REPOSITORY / "tests" / "portals" / "package-lock.json"]


def test_the_vendored_files_are_those_of_the_manifest() -> None:
    assert MANIFEST.read_text(encoding="utf-8") == sums(), "run `make assets`"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.parent.name))
def test_every_package_is_pinned_by_its_hash_and_names_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    packages = {name: about for name, about in json.loads(text)["packages"].items() if name}

    assert packages
    assert all(about["integrity"].startswith("sha512-") for about in packages.values())
    assert "://" not in text


@pytest.mark.parametrize("sheet", sorted(VENDOR.glob("dkfds/css/*.css")), ids=lambda sheet: str(sheet.name))
def test_every_file_that_a_style_sheet_refers_to_exists(sheet: Path) -> None:
    wanted = set(re.findall(r"url\(\"?\.\./([^)\"]+)\"?\)", sheet.read_text(encoding="utf-8")))

    assert any(path.endswith(".woff2") for path in wanted)
    assert {path for path in wanted if not (sheet.parents[1] / path).is_file()} == set()


def test_the_vendored_files_are_smaller_than_two_megabytes() -> None:
    assert sum(file.stat().st_size for file in VENDOR.rglob("*") if file.is_file()) < 2_000_000


async def test_a_browser_caches_a_file_until_it_changes(site: Site) -> None:
    async with site.client() as client:
        present = await client.get(static_url("frikort.css"))
        other_release = await client.get(static_url("frikort.css").replace(VERSION, "0" * 12))
        outside = await client.get(f"/static/{VERSION}/../page.py")

    assert present.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert present.headers["x-content-type-options"] == "nosniff"
    assert other_release.content == present.content
    assert other_release.headers["cache-control"] == "no-cache"
    assert outside.status_code == 404


@pytest.mark.parametrize("path", ["/static", "/static/", f"/static/{VERSION}", f"/static/{VERSION}/"])
async def test_a_folder_is_not_listed(site: Site, path: str) -> None:
    async with site.client() as client:
        assert (await client.get(path)).status_code == 404


def test_a_missing_file_has_no_address() -> None:
    with pytest.raises(LookupError, match=r"nothing\.css"):
        static_url("nothing.css")
