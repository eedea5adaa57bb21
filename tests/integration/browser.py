"""An HTTP client that behaves as a browser: it keeps cookies, follows redirects and logs in at the OpenID provider."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urljoin

import httpx2

from deploy.local.system import LocalSystem

_SEE_OTHER: Final = 303
_MAX_REDIRECTS: Final = 12


class Browser(httpx2.Client):
    """Follows redirects one by one; ``addresses`` are all that it has visited."""

    def __init__(self, system: LocalSystem) -> None:
        # As browsers do, treat this machine as secure without TLS.
        jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        super().__init__(timeout=40, cookies=jar, headers={"Sec-Fetch-Site": "same-origin"})
        self._system = system
        self.addresses: list[str] = []

    def open(self, address: str) -> httpx2.Response:
        """Open an address of the portals and follow redirects. Returns the last response."""
        return self._follow(self.get(urljoin(self._system.portals_url, address)))

    def submit(self, address: str, form: dict[str, str]) -> httpx2.Response:
        """Submit a form to the portals and follow redirects. Returns the last response."""
        return self._follow(self.post(urljoin(self._system.portals_url, address), data=form))

    def choose_person(self, page: httpx2.Response, person: str) -> httpx2.Response:
        """Choose a person on the provider's page of test people and follow redirects. Returns the last response."""
        assert f'value="{person}"' in page.text, page.text
        return self._follow(self.post(page.url, data={"person": person}))

    def _follow(self, response: httpx2.Response) -> httpx2.Response:
        for _ in range(_MAX_REDIRECTS):
            self.addresses.append(str(response.url))
            if not response.has_redirect_location:
                return response
            response = self.get(urljoin(str(response.url), response.headers["location"]))
        raise AssertionError(f"too many redirects: {self.addresses}")
