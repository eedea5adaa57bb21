"""Requests to the pages of a citizen, and the paths of these pages."""

from __future__ import annotations

from typing import Final

import httpx2

from tests.portals import resources
from tests.portals.site import Site, send_form

OWN: Final = "/borger"
HELD: Final = f"/borger/paa-vegne-af/{resources.MANDATE}"
REPORT: Final = f"/borger/loen/{resources.REPORT}"


async def get(site: Site, path: str, **headers: str) -> httpx2.Response:
    """A page."""
    async with site.client(**headers) as client:
        return await client.get(path)


async def post(site: Site, path: str, **fields: str) -> httpx2.Response:
    """The response to a form, which is sent with its hidden fields."""
    async with site.client() as client:
        return await send_form(client, path, **fields)
