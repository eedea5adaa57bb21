"""Waiting for the outcome of a command, and the response once everything it changed can be read.

A wait begins before its command is published, so that the change stream brings it all that the command changes, and
nothing is read: see ``received_states``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from services.gateway.audit.context import current_audit
from services.gateway.auth import Caller
from services.gateway.changes.change_notifier import ChangeSubscriptions, Waiter, card_key
from services.gateway.changes.received_states import reading
from services.gateway.commands.responses import ResponseBuilder
from services.gateway.commands.service import CommandResponse, CommandService, Submission
from services.gateway.commands.subjects import Subjects
from services.gateway.commands.visibility import Visibility
from services.gateway.formats import Language
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import ReadModels, outcome_key


class OutcomeWaits:
    """Waits until the changes of a command can be read by every instance."""

    def __init__(self, read_models: ReadModels, subscriptions: ChangeSubscriptions) -> None:
        self._read_models = read_models
        self._subscriptions = subscriptions

    @contextmanager
    def waiter(self, command_id: str) -> Iterator[Waiter]:
        """A waiter for the outcome of a command."""
        with self._subscriptions.waiter([outcome_key(command_id)]) as waiter:
            yield waiter

    def before_publish(self, waiter: Waiter, submission: Submission) -> None:
        """Let ``waiter`` receive what the command changes. Call it before the command is published.

        An earlier publication of the command may have changed something already: then the database is read.
        """
        card_id = getattr(submission.envelope.data, "card_id", None)
        if card_id is not None and not submission.replayed:
            self._subscriptions.collect(waiter, card_key(card_id))

    async def outcome(self, waiter: Waiter, command_id: str, seconds: float) -> OutcomeView | None:
        """The outcome once its changes can be read; None after ``seconds``. Use it within ``reading(waiter)``."""
        return await self._subscriptions.until_ready(waiter, self._read_models.outcome_of(command_id), seconds)


class Outcomes:
    """The outcomes of submitted commands."""

    def __init__(
        self,
        *,
        commands: CommandService,
        waits: OutcomeWaits,
        responses: ResponseBuilder,
        visibility: Visibility,
        subjects: Subjects,
    ) -> None:
        self.waits = waits
        self._commands = commands
        self._responses = responses
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
        waiter: Waiter | None = None,
    ) -> CommandResponse | None:
        """The response to a submission, once everything that it changed can be read; None after ``seconds``.

        ``waiter`` is one that was made before the command was published. ``audit_status`` is the HTTP status of the
        request if it differs from the status of the response. Raises ``ProblemError`` if the caller may no longer see
        the response.
        """
        audit, command = current_audit(), submission.envelope.data
        if submission.response is not None:
            audit.add_response(submission.envelope)
            return await self._visibility.visible(caller, command, submission.response)
        if seconds <= 0 and not submission.replayed:
            return None  # the command was published a moment ago
        if waiter is None:
            with self.waits.waiter(submission.command_id) as new:
                response = await self._built(submission, language, seconds, new)
        else:
            response = await self._built(submission, language, seconds, waiter)
        if response is None:
            return None
        visible = await self._visibility.visible(caller, command, response)
        person = await self._subjects.person_of(command)
        # Both writes wait for a majority, if there is one for the audit log: run them at the same time.
        stored, _ = await asyncio.gather(
            self._commands.store_response(submission, response, person), audit.record(audit_status or response.status)
        )
        return visible if stored is response else await self._visibility.visible(caller, command, stored)

    async def _built(
        self, submission: Submission, language: Language, seconds: float, waiter: Waiter
    ) -> CommandResponse | None:
        with reading(waiter) as received:
            outcome = await self.waits.outcome(waiter, submission.command_id, seconds)
            if outcome is None:
                return None
            received.end_checks()
            current_audit().add_response(submission.envelope)
            return await self._responses.build(submission.envelope, outcome, language)
