"""Copies what the pages use of the design system and of htmx from npm into the tree: `make assets`.

`assets/package-lock.json` pins each package by its integrity hash, and `vendor/SHA256SUMS` pins each copied file: a
test holds the tree to it. Nothing is fetched at run time, and no service needs Node.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from deploy.local.config import REPOSITORY, default_cache
from deploy.local.npm import install

VENDOR = REPOSITORY / "services" / "portals" / "static" / "vendor"
MANIFEST = VENDOR / "SHA256SUMS"
_THEMES = ("dkfds", "dkfds-borgerdk", "dkfds-virkdk")
_URL = re.compile(r"url\(\"?\.\./([^)\"]+)\"?\)")
_FONT = re.compile(r"@font-face\{[^}]*\}")
_WOFF2 = re.compile(r"url\([^)]*\.woff2\)")


def copies(modules: Path) -> Iterator[tuple[Path, str]]:
    """Each file to copy, and its path under `vendor/`."""
    dist = modules / "dkfds" / "dist"
    yield modules / "dkfds" / "LICENSE.md", "dkfds/LICENSE.md"
    yield dist / "js" / "dkfds.min.js", "dkfds/js/dkfds.min.js"
    yield dist / "img" / "all-svg-icons.svg", "dkfds/img/all-svg-icons.svg"
    yield dist / "fonts" / "IBMPlexSans" / "complete" / "woff2" / "license.txt", "dkfds/fonts/LICENSE.txt"
    wanted: set[str] = set()
    for theme in _THEMES:
        sheet = dist / "css" / f"{theme}.min.css"
        yield sheet, f"dkfds/css/{sheet.name}"
        wanted |= set(_URL.findall(only_woff2(sheet.read_text(encoding="utf-8"))))
    for path in sorted(wanted):
        yield dist / path, f"dkfds/{path}"
    yield modules / "htmx.org" / "dist" / "htmx.min.js", "htmx/htmx.min.js"
    yield modules / "htmx.org" / "LICENSE", "htmx/LICENSE"
    yield modules / "htmx-ext-sse" / "dist" / "sse.min.js", "htmx/sse.min.js"
    yield modules / "htmx-ext-sse" / "LICENSE", "htmx/LICENSE-sse"


def only_woff2(sheet: str) -> str:
    """A style sheet whose fonts have one format, which every browser of today takes: it lists four."""

    def one_format(font: re.Match[str]) -> str:
        source = _WOFF2.search(font[0])
        if source is None:
            return font[0]  # one that the system has
        others = [part for part in font[0][:-1].split("{", 1)[1].split(";") if not part.startswith("src:")]
        return f'@font-face{{{";".join(others)};src:{source[0]} format("woff2")}}'

    return _FONT.sub(one_format, sheet)


def sums() -> str:
    """The manifest of the files under `vendor/`, in the format of sha256sum(1)."""
    files = sorted(file for file in VENDOR.rglob("*") if file.is_file() and file != MANIFEST)
    return "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(VENDOR).as_posix()}\n" for file in files
    )


def main() -> None:
    """Recreate `vendor/`."""
    modules = install(REPOSITORY / "deploy" / "assets", default_cache())
    shutil.rmtree(VENDOR, ignore_errors=True)
    for source, path in copies(modules):
        target = VENDOR / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".css":
            target.write_text(only_woff2(source.read_text(encoding="utf-8")), encoding="utf-8")
        else:
            shutil.copyfile(source, target)
    MANIFEST.write_text(sums(), encoding="utf-8")
    print(f"{len(MANIFEST.read_text(encoding='utf-8').splitlines())} files lie in {VENDOR}")


if __name__ == "__main__":
    main()
