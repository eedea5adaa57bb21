"""The context of a card: the caseworker states the reason for access once per card and session.

A cookie on the card's own pages holds the reason, encrypted with a key of the session. So no URL holds it, every
instance can read it, and the next person who signs in on the same computer cannot use it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends
from frikort_contracts.http.cards import CardResource
from starlette.responses import RedirectResponse, Response

from services.portals.api import M, Query
from services.portals.caseworker import labels
from services.portals.container import container_of
from services.portals.forms import Form
from services.portals.login.portals import local_path
from services.portals.login.session import Session
from services.portals.page import CaseworkerPage, Page, RespondWith, is_safe
from services.runtime.encryption import DecryptionError, Encryptor

COOKIE: Final = "begrundelse"
FOLLOWING: Final = "videre"
"""The query parameter of the page that asks for the reason: the card's page that was asked for."""


@dataclass(frozen=True)
class CardContext:
    """A page about one card, whose API says why the caseworker looks at it."""

    page: Page
    card_id: str

    @property
    def home(self) -> str:
        """Where the card's pages begin."""
        return home(self.card_id)

    async def get(self, path: str, model: type[M], **query: Query) -> M:
        """What the API has at ``path`` below the card. Raises ``Refused``."""
        return await self.page.api.get(f"/v1/cards/{self.card_id}{path}", model, **query)

    async def post(self, path: str, form: Form, model: type[M]) -> M:
        """Do with the card what the form says. Raises ``Refused`` and ``Pending``."""
        return await self.page.api.post(f"/v1/cards/{self.card_id}{path}", form.body, model, key=form.key)

    async def card(self) -> CardResource:
        """The card, which every page about it shows. Raises ``Refused``."""
        return await self.get("", CardResource)

    def render(self, template: str, card: CardResource, **context: Any) -> Response:
        """A page with the citizen's name and the card's number above it."""
        return self.page.render(template, card=card, home=self.home, labels=labels, **context)

    def redirect(self, path: str) -> Response:
        """To another of the card's pages: the answer to a form that was accepted."""
        return self.page.redirect(f"{self.home}{path}")


def home(card_id: str) -> str:
    """Where a card's pages begin."""
    return f"/kommune/frikort/{card_id}"


def begin(page: Page, card_id: str, reason: str, following: str = "") -> Response:
    """To the card's page ``following``, else its first one; from now on the card's pages say this reason."""
    first = home(card_id)
    response = page.redirect(following if local_path(following).startswith(f"{first}/") else first)
    response.set_cookie(
        COOKIE,
        _encryptor(page.session).encrypt(reason, "reason", card_id),
        path=home(card_id),
        secure=container_of(page.request).secure,
        httponly=True,
        samesite="strict",
    )
    return response


async def card_context(card_id: UUID, page: CaseworkerPage) -> CardContext:
    """A dependency: the context of a card. A caseworker who has stated no reason yet is asked for one first."""
    reason = _reason(page, str(card_id))
    if reason is None:
        if not is_safe(page.request):
            await page.posted()  # a form of another site is refused, whatever else is missing
            following = await page.kept_form() or ""
        else:
            following = page.here
        query = urlencode({FOLLOWING: following}) if following not in ("", home(str(card_id))) else ""
        raise RespondWith(RedirectResponse(f"{home(str(card_id))}/begrundelse?{query}".rstrip("?"), 303))
    return CardContext(replace(page, api=page.api.with_reason(reason)), str(card_id))


Card = Annotated[CardContext, Depends(card_context)]


def _reason(page: Page, card_id: str) -> str | None:
    try:
        return _encryptor(page.session).decrypt(page.request.cookies.get(COOKIE, ""), "reason", card_id)
    except DecryptionError:
        return None


def _encryptor(session: Session | None) -> Encryptor:
    if session is None:
        raise ValueError("nobody is signed in")
    return Encryptor({"session": sha256(f"reason:{session.form_token}".encode()).digest()})
