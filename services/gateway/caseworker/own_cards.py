"""The cards of the caller's municipality, and its commands about one of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from frikort_contracts.http.cards import DecisionBody
from frikort_contracts.issuance import MunicipalCardCommand
from frikort_contracts.outcomes import Problem
from pydantic import BaseModel
from starlette.responses import Response

from services.gateway.api.dependencies import CommandContext, RequestContext
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView


async def own_card(context: RequestContext, card_id: str) -> CardView:
    """The card, if it is one of the municipality. Raises the problem ``card-unknown``."""
    return own_or_unknown(context, await context.container.read_models.cards.get(card_id))


def own_or_unknown(context: RequestContext, card: CardView | None) -> CardView:
    """The card that was found, if it is one of the municipality. Raises the problem ``card-unknown``."""
    if card is None or card.municipality != context.organisation:
        raise ProblemError(Problem.CARD_UNKNOWN)
    return card


async def submit_about(
    context: CommandContext, card_id: str, body: BaseModel, command: type[MunicipalCardCommand]
) -> Response:
    """Submit a command about an own card; the body has the fields of the command beside those of every one."""

    async def build(_: UUID) -> MunicipalCardCommand:
        card = await own_card(context, card_id)
        fields = await _encrypted(context, body, card) if isinstance(body, DecisionBody) else body.model_dump()
        return command(card_id=card.card_id, municipality=context.organisation, actor=context.caller.subject, **fields)

    return await context.submit(body, build)


async def _encrypted(context: RequestContext, body: DecisionBody, card: CardView) -> dict[str, Any]:
    """The fields of a decision, with the reference of its case encrypted with the citizen's key."""
    persons, person = context.container.persons, card.person.cpr_hash
    await persons.ensure_keys_of(person, context.container.producer)
    return {"case_reference_ciphertext": persons.encrypt_case_reference(body.case_reference, person, card.card_id)}
