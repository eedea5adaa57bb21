"""The response to a command, built from its outcome and the read models.

Each slice registers a responder for each of its command types (``<slice>/responses.py``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Command
from pydantic import BaseModel

from services.gateway.commands.service import CommandResponse
from services.gateway.formats import Language
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import document
from services.gateway.projections.outcomes import OutcomeView

Responder = Callable[[Envelope[Any], OutcomeView, Language], Awaitable[CommandResponse]]
"""Builds the response to a command that was accepted."""
ProblemMembers = Callable[[Envelope[Any], OutcomeView, Language], Awaitable[Mapping[str, Any]]]
"""Builds further members of the problem document of a command that was refused."""

_CREATED = 201
_DONE = 200


class ResponseBuilder:
    """Builds responses with the responders of the slices."""

    def __init__(
        self,
        responders: Mapping[type[Command], Responder],
        problem_members: Mapping[type[Command], ProblemMembers],
    ) -> None:
        self._responders = responders
        self._problem_members = problem_members

    @property
    def command_types(self) -> frozenset[type[Command]]:
        """The types of the commands that have a responder."""
        return frozenset(self._responders)

    async def build(self, message: Envelope[Any], outcome: OutcomeView, language: Language) -> CommandResponse:
        """The response to the sender of a command."""
        if outcome.problem is not None:
            return await self._refused(message, outcome, language)
        return await self._responders[type(message.data)](message, outcome, language)

    async def _refused(self, message: Envelope[Any], outcome: OutcomeView, language: Language) -> CommandResponse:
        code = str(outcome.problem)
        body = document(code, language, instance=outcome.command_id, facts=outcome.detail)
        members = self._problem_members.get(type(message.data))
        if members is not None:
            body |= await members(message, outcome, language)
        return CommandResponse(status=CATALOGUE[code].status, body=body, language=language)


def done(resource: BaseModel, language: Language, location: str | None = None) -> CommandResponse:
    """A response with status 200."""
    return _response(_DONE, resource, language, location)


def created(resource: BaseModel, language: Language, location: str | None = None) -> CommandResponse:
    """A response with status 201."""
    return _response(_CREATED, resource, language, location)


def _response(status: int, resource: BaseModel, language: Language, location: str | None) -> CommandResponse:
    body: dict[str, Any] = resource.model_dump(mode="json")
    return CommandResponse(status=status, body=body, language=language, location=location)
