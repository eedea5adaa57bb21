"""A person at a browser: login, forms with the session's token, and the receipt that confirms a command."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urljoin

import httpx2

_MOST_STEPS: Final = 12
_TIMEOUT: Final = httpx2.Timeout(15.0, connect=2.0)
_FORM: Final = re.compile(r'<form method="post" novalidate.*?</form>', re.DOTALL)
_INPUT: Final = re.compile(r"<input\b[^>]*>")
_ATTRIBUTE: Final = re.compile(r'(\w+)="([^"]*)"')
_RECEIPT: Final = "/kvittering"


@dataclass(frozen=True)
class FilledForm:
    """A form on its summary page, ready to be sent: always with the same fields, so under the same key."""

    path: str
    fields: Mapping[str, str]


class Person:
    """One browser, signed in at a portal. Raises ``httpx2.TransportError`` while no instance answers."""

    def __init__(self) -> None:
        # As a browser does, it regards this machine as safe without TLS, and cookies as independent of the port.
        jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._http = httpx2.AsyncClient(timeout=_TIMEOUT, cookies=jar, headers={"Sec-Fetch-Site": "same-origin"})

    async def close(self) -> None:
        await self._http.aclose()

    async def sign_in(self, portals_url: str, portal: str, person: str) -> None:
        """Sign in as one of the people of the OpenID provider."""
        page = await self._follow(await self._http.get(f"{portals_url}/login", params={"dør": portal}))
        signed_in = await self._follow(await self._http.post(page.url, data={"person": person}))
        if str(signed_in.url) != f"{portals_url}/{portal}":
            raise AssertionError(f"{person} signed in at {portal} and is at {signed_in.url.path}")

    async def fill_in(self, portals_url: str, path: str, values: Mapping[str, str]) -> FilledForm:
        """Open a form, fill it in and go on to its summary page."""
        page = await self._http.get(portals_url + path)
        answer = await self._http.post(portals_url + path, data={**_hidden(page), **values})
        summary = await self._follow(answer)  # a page that answers a form has an address of its own
        if summary.status_code != httpx2.codes.OK or 'value="send"' not in summary.text:
            raise AssertionError(f"no summary at {path}: {summary.status_code}")
        return FilledForm(path, {**_hidden(summary), "step": "send"})

    async def send(self, portals_url: str, form: FilledForm) -> str | None:
        """Send a form. Returns the path of the receipt; None if the answer is to wait or to try again.

        Raises:
            AssertionError: the portal refused the form.
        """
        answer = await self._http.post(portals_url + form.path, data=dict(form.fields))
        if answer.has_redirect_location:
            path = httpx2.URL(urljoin(str(answer.url), answer.headers["location"])).path
            if path.endswith(_RECEIPT):
                return path
            if path != form.path:
                raise AssertionError(f"{form.path} led to {path}")
            answer = await self._follow(answer)
        if answer.is_success or answer.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            return None
        raise AssertionError(f"{form.path} was answered {answer.status_code}")

    async def _follow(self, answer: httpx2.Response) -> httpx2.Response:
        for _ in range(_MOST_STEPS):
            if not answer.has_redirect_location:
                return answer
            answer = await self._http.get(urljoin(str(answer.url), answer.headers["location"]))
        raise AssertionError(f"redirected {_MOST_STEPS} times, to {answer.url.path}")


def _hidden(page: httpx2.Response) -> dict[str, str]:
    """The hidden inputs of the form of a page. Raises ``AssertionError`` if the page has none."""
    form = _FORM.search(page.text)
    if form is None:
        raise AssertionError(f"no form at {page.url.path}: {page.status_code}")
    inputs = [dict(_ATTRIBUTE.findall(text)) for text in _INPUT.findall(form[0])]
    return {one["name"]: html.unescape(one["value"]) for one in inputs if one.get("type") == "hidden"}
