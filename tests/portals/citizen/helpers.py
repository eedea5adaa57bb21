"""How a test reads a citizen's page, sends a form and reads the commands."""

from __future__ import annotations

import html
import re
from typing import Any, Final

import httpx2

from tests.portals import citizens as c
from tests.portals.site import TOKEN, Site

OWN: Final = "/borger"
HELD: Final = f"/borger/paa-vegne-af/{c.MANDATE}"
REPORT: Final = f"/borger/loen/{c.REPORT}"
KEY: Final = "11111111-1111-4111-8111-111111111111"


def said(response: httpx2.Response) -> str:
    """The main part of a page as it is read: without tags, with single spaces."""
    assert response.headers["content-type"].startswith("text/html"), response.text
    _, _, rest = response.text.partition('id="main-content">')
    text = re.sub(r"<[^>]+>", " ", rest.partition("</main>")[0] or response.text)
    return " ".join(html.unescape(text).split())


async def get(site: Site, path: str, **headers: str) -> httpx2.Response:
    async with site.client(**headers) as client:
        return await client.get(path)


async def post(site: Site, path: str, **typed: str) -> httpx2.Response:
    async with site.client() as client:
        return await client.post(path, data={"form_token": TOKEN, "key": KEY, **typed})


def sent(site: Site) -> list[tuple[str, Any, str | None]]:
    """The commands that the pages gave: path, body, key."""
    return [(asked.path, asked.body or None, asked.key) for asked in site.asked if asked.method == "POST"]
