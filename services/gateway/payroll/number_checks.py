"""Limits and records the card numbers in payroll files under which the company has registered no employment.

A file is compared with the company's own employments only, so its lines reveal nothing about other cards. Unknown
numbers count as wrong attempts all the same, and the audit log of the person whose number it is has the attempt.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from uuid import uuid4

from services.gateway.attempts import rules
from services.gateway.attempts.limiter import AttemptLimiter
from services.gateway.attempts.rules import Attempt
from services.gateway.audit.actions import TRY_NUMBER
from services.gateway.audit.context import current_audit
from services.gateway.audit.log import NO_MATCH, Access, AuditLog, of_card
from services.gateway.auth import Caller
from services.gateway.ordering import order_of
from services.gateway.person_encryption import Persons
from services.gateway.problems import ProblemError
from services.gateway.read_models import ReadModels


class NumberChecks:
    """Checks unknown numbers until a limit is reached. ``now`` gives the time of the records."""

    def __init__(
        self,
        limiter: AttemptLimiter,
        read_models: ReadModels,
        audit_log: AuditLog,
        persons: Persons,
        now: Callable[[], Awaitable[datetime]],
    ) -> None:
        self._limiter = limiter
        self._read_models = read_models
        self._audit_log = audit_log
        self._persons = persons
        self._now = now

    def for_file(self, caller: Caller, request: str) -> FileNumberChecks:
        """The checks of one upload. ``request`` is the id in its audit entries."""
        return FileNumberChecks(self, caller, request)

    async def check(self, caller: Caller, request: str, number: str) -> bool:
        """Count and record an unknown number. False if a limit is reached."""
        target = rules.number(self._persons.fingerprint("number", number))
        try:
            acquired = await self._limiter.acquire(Attempt(caller.organisation, caller.owners, (target,), in_file=True))
        except ProblemError:
            return False
        await self._limiter.record_wrong(acquired)
        await self._audit_log.add([await self._entry(caller, request, number)])
        return True

    async def _entry(self, caller: Caller, request: str, number: str) -> Access:
        """The audit log entry of the person who has the number now. The response does not depend on it."""
        card = await self._read_models.card_of_number(number)
        audit = current_audit()
        if card is None:
            audit.discard_subject(NO_MATCH)
        else:
            audit.discard_state(card)
        return Access(
            order=order_of(await self._now(), uuid4().hex),
            subject=NO_MATCH if card is None else of_card(card.card_id),
            own=False,
            action=TRY_NUMBER.code,
            refused=True,
            role=caller.role,
            organisation=caller.organisation,
            actor=caller.subject,
            reason=None,
            request=request,
        )


class FileNumberChecks:
    """The unknown numbers of one file, each checked once. After a limit is reached, no more are checked."""

    def __init__(self, checks: NumberChecks, caller: Caller, request: str) -> None:
        self._checks = checks
        self._caller = caller
        self._request = request
        self._checked: set[str] = set()
        self._stopped = False

    async def unchecked(self, numbers: Iterable[str]) -> frozenset[str]:
        """Those of ``numbers`` that a limit left unchecked."""
        found: set[str] = set()
        for number in numbers:
            if number in self._checked:
                continue
            self._stopped = self._stopped or not await self._checks.check(self._caller, self._request, number)
            (found if self._stopped else self._checked).add(number)
        return frozenset(found)
