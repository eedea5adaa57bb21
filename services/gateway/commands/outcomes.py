"""Waiting for the outcome of a command, and the response once everything it changed can be read."""

from __future__ import annotations

import asyncio

from services.gateway.audit.context import current_audit
from services.gateway.auth import Caller
from services.gateway.change_notifier import ChangeSubscriptions
from services.gateway.commands.responses import ResponseBuilder
from services.gateway.commands.service import CommandResponse, CommandService, Submission
from services.gateway.commands.subjects import Subjects
from services.gateway.commands.visibility import Visibility
from services.gateway.formats import Language
from services.gateway.read_models import ReadModels, outcome_key


class Outcomes:
    """The outcomes of submitted commands."""

    def __init__(
        self,
        *,
        commands: CommandService,
        read_models: ReadModels,
        responses: ResponseBuilder,
        subscriptions: ChangeSubscriptions,
        visibility: Visibility,
        subjects: Subjects,
    ) -> None:
        self._commands = commands
        self._read_models = read_models
        self._responses = responses
        self._subscriptions = subscriptions
        self._visibility = visibility
        self._subjects = subjects

    async def submission(self, command_id: str, caller: Caller) -> Submission | None:
        """A command that the caller submitted."""
        return await self._commands.find(command_id, caller)

    async def response(
        self,
        submission: Submission,
        caller: Caller,
        language: Language,
        seconds: float,
        *,
        audit_status: int | None = None,
    ) -> CommandResponse | None:
        """The response to a submission, once everything that it changed can be read; None after ``seconds``.

        ``audit_status`` is the HTTP status of the request if it differs from the status of the response. Raises
        ``ProblemError`` if the caller may no longer see the response.
        """
        audit, command = current_audit(), submission.envelope.data
        if submission.response is not None:
            audit.add_response(command)
            return await self._visibility.visible(caller, command, submission.response)
        if seconds <= 0 and not submission.replayed:
            return None  # the command was published a moment ago
        command_id = submission.command_id
        outcome = await self._subscriptions.until(
            self._read_models.outcome_of(command_id), seconds, keys=[outcome_key(command_id)]
        )
        if outcome is None:
            return None
        audit.add_response(command)
        response = await self._responses.build(submission.envelope, outcome, language)
        visible = await self._visibility.visible(caller, command, response)
        person = await self._subjects.person_of(command)
        # Both writes wait for a majority, if there is one for the audit log: run them at the same time.
        stored, _ = await asyncio.gather(
            self._commands.store_response(submission, response, person), audit.record(audit_status or response.status)
        )
        return visible if stored is response else await self._visibility.visible(caller, command, stored)
