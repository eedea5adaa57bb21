"""Commands about mandates that the citizen and the municipality can both give.

``find`` returns the card that the caller may act on. It raises the ``ProblemError`` that the caller gets otherwise.
"""

from __future__ import annotations

from uuid import UUID

from frikort_contracts.http.mandates import MandateBody
from frikort_contracts.issuance import GrantMandate, WithdrawMandate
from starlette.responses import Response

from services.gateway.api.dependencies import CommandContext
from services.gateway.cards.queries import FindCard
from services.gateway.person_encryption import Person


async def grant_mandate(
    context: CommandContext, body: MandateBody, find: FindCard, *, municipality: str | None
) -> Response:
    """Grant a mandate. ``municipality`` is that of a caseworker who does it for the citizen."""

    async def build(_: UUID) -> GrantMandate:
        card, persons = await find(), context.container.persons
        await persons.ensure_keys(body.cpr, context.container.producer)
        return GrantMandate(
            card_id=card.card_id,
            municipality=municipality,
            actor=context.caller.subject,
            holder=persons.encrypt_holder(Person(body.cpr, body.name), card.card_id),
            scope=body.scope,
            until=body.until,
        )

    return await context.submit(body, build)


async def withdraw_mandate(
    context: CommandContext, mandate_id: str, find: FindCard, *, municipality: str | None
) -> Response:
    """Withdraw a mandate. ``municipality`` is that of a caseworker who does it for the citizen."""

    async def build(_: UUID) -> WithdrawMandate:
        card = await find()
        return WithdrawMandate(
            card_id=card.card_id, municipality=municipality, actor=context.caller.subject, mandate_id=mandate_id
        )

    return await context.submit(None, build)
