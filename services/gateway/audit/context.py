"""The audit context of a request: the persons whose data it reads or changes.

Reads of personal data are recorded here automatically, and ``AuditMiddleware`` writes the entries before any of the
response is sent. No endpoint can forget it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, cast
from uuid import uuid4

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extract_files import ExtractKind, RequestExtractFiles
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import IssueCard
from frikort_contracts.messages import CardCommand, Command

from services.gateway.audit.actions import READ_OUTCOME, Action
from services.gateway.audit.log import NO_MATCH, Access, everyone_in, of_card, of_extract, of_person
from services.gateway.auth import Caller
from services.gateway.ordering import order_of
from services.gateway.projections.cards import CardView, alias_of_person
from services.gateway.projections.extracts import ExtractPartView
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import States, StatesOf
from services.runtime.processing.decision import DocumentSet, S

_PERSON_ALIAS: Final = alias_of_person("")
_PERSON: Final = of_person("")


class UnattributedAccess(RuntimeError):
    """A person's data were read without a caller, or by a route without a declared action: no response may be sent."""


async def _record_nothing(_: Any) -> None:
    return


@dataclass
class AuditContext:
    """The persons whose data one request reads or changes."""

    caller: Caller | None = None
    reason: str | None = None
    reason_of: Callable[[Envelope[Any]], str | None] = lambda _: None
    """The reason that a command states: the reference of its case."""
    record: Callable[[int], Awaitable[None]] = _record_nothing
    """Writes the entries that are not written yet, for a response with this HTTP status."""
    record_command: Callable[[Envelope[Any]], Awaitable[None]] = _record_nothing
    """Writes the entry of a command, which is not published yet."""
    _subjects: Counter[str] = field(default_factory=Counter)
    _orders: dict[str, str] = field(default_factory=dict)
    """The orders of entries that are not entries of now."""
    _people: dict[str, str] = field(default_factory=dict)
    _recorded: set[str] = field(default_factory=set)
    _commanded_at: datetime | None = None
    _replayed: bool = False

    def add_subject(self, subject: str) -> None:
        """Add a subject whose data were read or will be changed."""
        self._subjects[subject] += 1

    def add_extract(self, extract_id: str, subjects: Sequence[str], made_at: datetime) -> None:
        """Add everyone in an extract whose file is sent. Their entries have the time at which it was made.

        Only then is it known who was in it. Their order follows from the extract, so a second download adds no others.
        """
        for number, subject in enumerate(subjects):
            self.add_subject(subject)
            self._orders[subject] = order_of(made_at, f"{extract_id}-{number:02}")

    def add_state(self, state: Any) -> None:
        """Add the subject of a state that was read. Outcomes have none: the response to their command adds it."""
        if isinstance(state, CardView):
            self._people[of_card(state.card_id)] = of_person(state.person.cpr_hash)
        if (subject := _subject_of(state)) is not None:
            self.add_subject(subject)

    def discard_state(self, state: Any) -> None:
        """Remove the subject of a state that was read and is not shown."""
        if (subject := _subject_of(state)) is not None:
            self.discard_subject(subject)

    def discard_subject(self, subject: str) -> None:
        """Remove a subject that was read, and whose entry is written elsewhere or not needed."""
        self._subjects[subject] -= 1

    def add_command(self, message: Envelope[Any], *, replayed: bool) -> None:
        """Add the subject of a submitted command. ``replayed``: an earlier request submitted it.

        The entry of the command is written already (``command_entry``); a replay reads its outcome.
        """
        self.add_response(message)
        self._replayed = replayed
        if not replayed:
            self._commanded_at = message.time
            if (subject := _subject_of_command(message.data)) is not None:
                self._recorded.add(subject)

    def command_entries(self, message: Envelope[Any], *, action: Action | None, request: str) -> list[Access]:
        """The entries of a command: it is attempted. Only an extract of a period has several, one for each month.

        Their order follows from the command, so a repeated command has no others. Raises ``UnattributedAccess``.
        """
        subjects = _attempted_subjects(message.data)
        if self.caller is None or action is None or not subjects:
            raise UnattributedAccess("a command without a caller, a declared action or a person")
        return [
            Access(
                order=order_of(message.time, message.id.hex if number == 0 else f"{message.id.hex}-{number:02}"),
                subject=subject,
                own=self._is_own(subject, self.caller),
                own_person=self._is_person(subject, self.caller.person),
                action=action.code,
                refused=False,
                role=self.caller.role,
                organisation=self.caller.organisation,
                actor=self.caller.subject,
                reason=self.reason_of(message) or self.reason,
                request=request,
                command=str(message.id),
                person=self._person_in(subject),
            )
            for number, subject in enumerate(subjects)
        ]

    def add_response(self, message: Envelope[Any]) -> None:
        """Add the subject of a command whose response is sent."""
        self.reason = self.reason or self.reason_of(message)
        if (subject := _subject_of_command(message.data)) is not None:
            self.add_subject(subject)

    def collect(self, *, action: Action | None, refused: bool, at: datetime, request: str) -> list[Access]:
        """Entries for the subjects that have none yet. Raises ``UnattributedAccess``."""
        subjects = list(self._unrecorded())
        if not subjects:
            return []
        if self.caller is None or action is None:
            raise UnattributedAccess(
                "a person's data were read without a caller, or by a route without a declared action"
            )
        self._recorded.update(subjects)
        return [
            Access(
                order=self._orders.get(subject) or order_of(at, uuid4().hex),
                subject=subject,
                own=self._is_own(subject, self.caller),
                own_person=self._is_person(subject, self.caller.person),
                action=(READ_OUTCOME if self._replayed else action).code,
                refused=refused,
                role=self.caller.role,
                organisation=self.caller.organisation,
                actor=self.caller.subject,
                reason=self.reason,
                request=request,
                person=self._person_in(subject),
            )
            for subject in subjects
        ]

    @property
    def at(self) -> datetime | None:
        """The time of the request's command, if it submitted one."""
        return self._commanded_at

    @property
    def is_pending(self) -> bool:
        """Whether a subject has no entry yet."""
        return any(True for _ in self._unrecorded())

    def _unrecorded(self) -> Iterator[str]:
        people = {self._people.get(subject) for subject in self._recorded}
        for subject, count in self._subjects.items():
            # A newly issued card first counts under its person, and one entry is enough for both.
            person = self._people.get(subject)
            has_entry = subject in self._recorded or subject in people
            if count > 0 and not has_entry and (person is None or person not in self._subjects):
                yield subject

    def _is_own(self, subject: str, caller: Caller) -> bool:
        return caller.role is Role.CITIZEN and self._is_person(subject, caller.organisation)

    def _is_person(self, subject: str, cpr_hash: str | None) -> bool:
        return cpr_hash is not None and self._person_in(subject) == cpr_hash

    def _person_in(self, subject: str) -> str | None:
        """The CPR hash of the person that a subject is about, if the request has read it."""
        person = self._people.get(subject, subject)
        return person.removeprefix(_PERSON) if person.startswith(_PERSON) else None


_CURRENT: ContextVar[AuditContext | None] = ContextVar("audit", default=None)


def current_audit() -> AuditContext:
    """The audit context of the current request; outside a request, one that is never written."""
    return _CURRENT.get() or AuditContext()


def begin(audit: AuditContext) -> Token[AuditContext | None]:
    """Make ``audit`` the current context. Returns the token for ``end``."""
    return _CURRENT.set(audit)


def end(token: Token[AuditContext | None]) -> None:
    """Restore the context before ``begin``."""
    _CURRENT.reset(token)


class AuditedReader(Generic[S]):
    """Read access to a read model that adds the subjects of its states to the current audit context."""

    def __init__(self, states: States[S]) -> None:
        self._states = states

    async def get(self, document_id: str) -> S | None:
        return self._added(await self._states.get(document_id))

    async def by_alias(self, alias: str) -> S | None:
        state = self._added(await self._states.by_alias(alias))
        if state is None:
            person = alias.startswith(_PERSON_ALIAS)
            current_audit().add_subject(of_person(alias.removeprefix(_PERSON_ALIAS)) if person else NO_MATCH)
        return state

    async def find(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0, skip: int = 0
    ) -> list[S]:
        found = await self._states.find(query, sort=sort, limit=limit, skip=skip)
        audit = current_audit()
        for state in found:
            audit.add_state(state)
        return found

    def _added(self, state: S | None) -> S | None:
        if state is not None:
            current_audit().add_state(state)
        return state


def audited_reads(states_of: StatesOf) -> StatesOf:
    """Read access to the read models that adds the subjects of their states to the current audit context."""

    def states(processor: DocumentSet[S]) -> States[S]:
        return AuditedReader(states_of(processor))

    return cast("StatesOf", states)


def _subject_of_command(command: Command) -> str | None:
    match command:
        case IssueCard():
            return of_person(command.person.cpr_hash)
        case CardCommand():
            return of_card(command.card_id)
    return None


def _attempted_subjects(command: Command) -> list[str]:
    """The subjects of a command's own entries: everyone in an extract reads that it was requested."""
    if not isinstance(command, RequestExtractFiles):
        subject = _subject_of_command(command)
        return [] if subject is None else [subject]
    match command.kind:
        case ExtractKind.STATISTICS:
            return [of_extract(command.extract_id)]
        case ExtractKind.CITIZEN:
            return [] if command.card_id is None else [of_card(command.card_id)]
    whose = command.cvr if command.kind is ExtractKind.EMPLOYER else command.municipality
    return everyone_in(command.year, command.period, whose)


def _subject_of(state: Any) -> str | None:
    if isinstance(state, OutcomeView):
        return None
    if isinstance(state, ExtractPartView):
        return of_extract(state.extract_id)
    card_id = getattr(state, "card_id", None)
    return None if card_id is None else of_card(card_id)
