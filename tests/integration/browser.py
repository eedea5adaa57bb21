"""A browser without a screen: it keeps cookies as one does, and clicks on people at the OpenID provider."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urljoin

import httpx2

from deploy.local.system import LocalSystem

_SEE_OTHER: Final = 303
_MOST_STEPS: Final = 12


class Browser(httpx2.Client):
    """Follows redirects step by step, and remembers the addresses."""

    def __init__(self, system: LocalSystem) -> None:
        # As a browser does, it takes this machine for safe without TLS.
        jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        super().__init__(timeout=40, cookies=jar, headers={"Sec-Fetch-Site": "same-origin"})
        self._system = system
        self.places: list[str] = []

    def goes(self, address: str) -> httpx2.Response:
        """Go to an address of the portals, and on to wherever that leads."""
        return self._follow(self.get(urljoin(self._system.portals_url, address)))

    def sends(self, address: str, form: dict[str, str]) -> httpx2.Response:
        """Send a form to the portals, and go on to wherever that leads."""
        return self._follow(self.post(urljoin(self._system.portals_url, address), data=form))

    def chooses(self, page: httpx2.Response, person: str) -> httpx2.Response:
        """Click on someone on the page of test people, and come back."""
        assert f'value="{person}"' in page.text, page.text
        return self._follow(self.post(page.url, data={"person": person}))

    def _follow(self, answer: httpx2.Response) -> httpx2.Response:
        for _ in range(_MOST_STEPS):
            self.places.append(str(answer.url))
            if not answer.has_redirect_location:
                return answer
            answer = self.get(urljoin(str(answer.url), answer.headers["location"]))
        raise AssertionError(f"it goes round in circles: {self.places}")
