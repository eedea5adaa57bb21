"""The card that a page is about: the citizen's own, or one that a mandate lets them see. The same pages serve both."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.mandates import Represented, RepresentedResource
from frikort_contracts.http.reports import CardReportResource, CardReports
from frikort_contracts.issuance import MandateScope
from starlette.responses import Response

from services.portals.api import M, Refused
from services.portals.citizen import labels
from services.portals.page import CitizenPage, Page, is_safe
from services.portals.problems import ProblemError

HOME = "/borger"
ON_BEHALF = "/borger/paa-vegne-af"


class NoCard(Exception):
    """The page is about the citizen's own card, and they have none."""

    def __init__(self, page: Page) -> None:
        super().__init__("the citizen has no card")
        self.page = page


@dataclass(frozen=True)
class CardContext:
    """A card, and how the signed-in person came to see it.

    Attributes:
        home: the address of the card's pages.
        mandate: None for the person's own card.
    """

    page: Page
    card: OwnCardResource
    home: str
    mandate: RepresentedResource | None

    @property
    def own(self) -> bool:
        """Whether it is the signed-in person's own card."""
        return self.mandate is None

    @property
    def may_dispute(self) -> bool:
        """Whether the signed-in person may dispute a report."""
        return self.mandate is None or self.mandate.scope is MandateScope.REPRESENT

    def render(self, template: str, **context: Any) -> Response:
        """A page about the card."""
        return self.page.render(template, context=self, labels=labels, **context)


@dataclass(frozen=True)
class CardRequest:
    """A request for a page about a card. No read depends on another, so a page makes all of them side by side.

    Attributes:
        mandate_id: None for the person's own card.
    """

    page: Page
    mandate_id: str | None

    @property
    def home(self) -> str:
        """The address of the card's pages."""
        return HOME if self.mandate_id is None else f"{ON_BEHALF}/{self.mandate_id}"

    @property
    def api_path(self) -> str:
        """The path of the card in the API."""
        return "/v1/me" if self.mandate_id is None else f"/v1/represented/{self.mandate_id}"

    async def context(self) -> CardContext:
        """The card, and the mandate. Raises ``NoCard``, ``ProblemError`` and ``Refused``."""
        card, mandate = await asyncio.gather(self.get("card", OwnCardResource), self._mandate())
        return CardContext(self.page, card, self.home, mandate)

    async def get(self, what: str, model: type[M]) -> M:
        """A resource of the card. Raises ``NoCard``, ``ProblemError`` and ``Refused``."""
        try:
            return await self.page.api.get(f"{self.api_path}/{what}", model)
        except Refused as refused:
            if refused.code == "card-unknown" and self.mandate_id is None:
                raise NoCard(self.page) from None
            if refused.code == "mandate-unknown":
                raise ProblemError("not-found") from None
            raise

    async def report(self, report_id: UUID) -> CardReportResource:
        """One of the card's reports. Raises ``ProblemError`` if there is none."""
        for report in (await self.get("reports", CardReports)).reports:
            if report.report_id == str(report_id):
                return report
        raise ProblemError("not-found")

    async def _mandate(self) -> RepresentedResource | None:
        if self.mandate_id is None:
            return None
        for mandate in await represented_by(self.page):
            if mandate.mandate_id == self.mandate_id:
                return mandate
        raise ProblemError("not-found")


async def represented_by(page: Page) -> list[RepresentedResource]:
    """The cards of others that the signed-in person may see."""
    return (await page.api.get("/v1/represented", Represented)).represented


async def on_behalf(represented: UUID) -> None:
    """Declares the path parameter of the pages about another person's card; ``card_request`` reads it."""


async def card_request(page: CitizenPage) -> CardRequest:
    """A dependency: the card that the address names. The API decides whether the signed-in person may see it."""
    if not is_safe(page.request):
        await page.posted()  # a forged form is refused first, whether or not there is a card
    represented = page.request.path_params.get("represented")
    try:
        return CardRequest(page, None if represented is None else str(UUID(represented)))
    except ValueError:
        raise ProblemError("not-found") from None


Card = Annotated[CardRequest, Depends(card_request)]
