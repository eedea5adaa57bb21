"""The files that pages refer to: the design system, htmx and our own few. An address changes when a file does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

DIRECTORY: Final = Path(__file__).parent / "static"


def _version() -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in DIRECTORY.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(DIRECTORY).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


VERSION: Final = _version()


def static_url(path: str) -> str:
    """The address of a file. Raises ``LookupError`` if there is none, so that a wrong one fails the page's test."""
    if not (DIRECTORY / path).is_file():
        raise LookupError(f"there is no static file {path}")
    return f"/static/{VERSION}/{path}"


class _Static(StaticFiles):
    """While a new release is rolled out an instance is asked for the other's version: it gives its own, uncached."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        known = scope["path_params"]["version"] == VERSION
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if known else "no-cache"
        return response


ROUTE: Final = Mount("/static/{version}", _Static(directory=DIRECTORY), name="static")
