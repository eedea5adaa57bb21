"""What a caller may still see of the response to a command, at the time it is read.

A response can be read long after its command: by a replay under the same key, or as an outcome. By then the card may
belong to another municipality, a mandate may be over, or an employment may have ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from http import HTTPStatus
from typing import Any

from frikort_contracts.extract_files import RequestExtractFiles
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import HandOverCard, MandateScope
from frikort_contracts.messages import Command
from frikort_contracts.outcomes import Problem

from services.gateway.auth import Caller
from services.gateway.commands.service import CommandResponse
from services.gateway.former_employers import ALLOWANCE_FIELDS, is_employed
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.read_models import ReadModels


class Visibility:
    """Checks responses against the read models. ``today`` gives the Danish day."""

    def __init__(self, read_models: ReadModels, today: Callable[[], Awaitable[date]]) -> None:
        self._read_models = read_models
        self._today = today

    async def visible(self, caller: Caller, command: Command, response: CommandResponse) -> CommandResponse:
        """The response as the caller may see it now. Raises ``ProblemError`` if it may no longer be seen."""
        if response.status >= HTTPStatus.BAD_REQUEST:
            return response
        match caller.role:
            case Role.CASEWORKER:
                await self._check_municipality(caller, command, response)
            case Role.CITIZEN:
                await self._check_citizen(caller, command)
            case Role.EMPLOYER:
                return await self._of_employer(response)
        return response

    async def _check_municipality(self, caller: Caller, command: Command, response: CommandResponse) -> None:
        # Their responses name no person: the card and its new municipality, or how far an extract has come.
        if isinstance(command, HandOverCard | RequestExtractFiles):
            return
        card = await self._card(getattr(command, "card_id", None) or response.body.get("card_id"))
        if card is None or card.municipality != caller.organisation:
            raise ProblemError(Problem.CARD_UNKNOWN)

    async def _check_citizen(self, caller: Caller, command: Command) -> None:
        card = await self._card(getattr(command, "card_id", None))
        if card is None:
            raise ProblemError(Problem.CARD_UNKNOWN)
        if card.person.cpr_hash == caller.organisation:
            return
        today = await self._today()
        for mandate in card.mandates:
            is_holder = mandate.holder.cpr_hash == caller.organisation
            if is_holder and mandate.in_force(today) and mandate.scope is MandateScope.REPRESENT:
                return
        raise ProblemError(Problem.MANDATE_UNKNOWN)

    async def _of_employer(self, response: CommandResponse) -> CommandResponse:
        """Without what is left of the allowance, if the employment is over."""
        hidden: dict[str, Any] = {name: None for name in ALLOWANCE_FIELDS if response.body.get(name) is not None}
        if not hidden:
            return response
        employment = await self._read_models.employments.get(response.body["employment_id"])
        if employment is not None and is_employed(employment.period, await self._today()):
            return response
        return response.model_copy(update={"body": {**response.body, **hidden}})

    async def _card(self, card_id: str | None) -> CardView | None:
        return None if card_id is None else await self._read_models.cards.get(card_id)
