"""The card that a page is about: one's own, or that of somebody who gave a mandate. The same pages serve both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.mandates import Represented, RepresentedResource
from frikort_contracts.http.reports import CardReportResource, CardReports
from frikort_contracts.issuance import MandateScope
from pydantic import BaseModel
from starlette.responses import Response

from services.portals.api import Refused
from services.portals.citizen import labels
from services.portals.page import CitizenPage, Page, RespondWith, is_safe
from services.portals.problems import ProblemError

M = TypeVar("M", bound=BaseModel)

HOME = "/borger"
ON_BEHALF = "/borger/paa-vegne-af"


@dataclass(frozen=True)
class CardContext:
    """A card, and how the signed-in person came to see it.

    Attributes:
        home: the address of the card's pages.
        source: where the API has what is shown.
        mandate: None for one's own card.
    """

    page: Page
    card: OwnCardResource
    home: str
    source: str
    mandate: RepresentedResource | None

    @property
    def own(self) -> bool:
        """Whether it is the signed-in person's own."""
        return self.mandate is None

    @property
    def may_dispute(self) -> bool:
        """Whether the signed-in person may say that a report is not right."""
        return self.mandate is None or self.mandate.scope is MandateScope.REPRESENT

    async def get(self, what: str, model: type[M]) -> M:
        """What the API shows of the card. Raises ``Refused``."""
        return await self.page.api.get(f"{self.source}/{what}", model)

    async def report(self, report_id: UUID) -> CardReportResource:
        """One of the card's reports. Raises ``ProblemError`` where there is none."""
        for report in (await self.get("reports", CardReports)).reports:
            if report.report_id == str(report_id):
                return report
        raise ProblemError("not-found")

    def render(self, template: str, **context: Any) -> Response:
        """A page about the card."""
        return self.page.render(template, context=self, labels=labels, **context)


async def represented_by(page: Page) -> list[RepresentedResource]:
    """The cards of others that the signed-in person may see."""
    return (await page.api.get("/v1/represented", Represented)).represented


async def on_behalf(held: UUID) -> None:
    """Of the pages about another's card: their address says by which mandate. ``card_context`` looks it up."""


async def card_context(page: CitizenPage) -> CardContext:
    """The card that the address is about. What the signed-in person may not see does not exist."""
    if not is_safe(page.request):
        await page.posted()  # a form that is not of this session learns nothing, not even whether there is a card
    held = page.request.path_params.get("held")
    if held is None:
        return await _own(page)
    for mandate in await represented_by(page):
        if mandate.mandate_id == held:
            source = f"/v1/represented/{held}"
            card = await page.api.get(f"{source}/card", OwnCardResource)
            return CardContext(page, card, f"{ON_BEHALF}/{held}", source, mandate)
    raise ProblemError("not-found")


async def _own(page: Page) -> CardContext:
    try:
        card = await page.api.get("/v1/me/card", OwnCardResource)
    except Refused as refused:
        if refused.code != "card-unknown":
            raise
        raise RespondWith(page.render("citizen/no_card.html", represented=await represented_by(page))) from None
    return CardContext(page, card, HOME, "/v1/me", None)


Card = Annotated[CardContext, Depends(card_context)]
