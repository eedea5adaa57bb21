"""What a request looks at. Whoever reads a person's state from a read model has it noted here, unasked.

The door (``door.py``) records what was noted before any of the answer leaves. So an endpoint cannot forget it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Generic, cast
from uuid import uuid4

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import IssueCard
from frikort_contracts.messages import CardCommand, Command
from frikort_contracts.values import check_no_cpr

from services.gateway.audit.actions import Act
from services.gateway.audit.log import NOBODY, Access, of_card, of_extract, of_person, stamp
from services.gateway.auth import Caller, Role
from services.gateway.projections.cards import CardView, alias_of_person
from services.gateway.projections.extracts import ExtractPartView
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import States, StatesOf
from services.runtime.processing.decision import Processor, S

_SHORTEST: Final = 3
_LONGEST: Final = 200
_PERSON_ALIAS: Final = alias_of_person("")


class UnattributedAccess(RuntimeError):
    """A person's data were read, and it is not known by whom or what for: nothing may be answered."""


async def _nobody_records(_: int) -> None:
    return


@dataclass
class AuditContext:
    """The persons that one request has to do with."""

    caller: Caller | None = None
    reason: str | None = None
    record: Callable[[int], Awaitable[None]] = _nobody_records
    """Records what was noted and is not recorded yet, for an answer with this status."""
    _noted: Counter[str] = field(default_factory=Counter)
    _people: dict[str, str] = field(default_factory=dict)
    _recorded: set[str] = field(default_factory=set)
    _commanded: dict[str, str] = field(default_factory=dict)
    _commanded_at: datetime | None = None
    _replayed: bool = False

    def note(self, subject: str) -> None:
        """This subject's data were read, or are to be changed."""
        self._noted[subject] += 1

    def note_state(self, state: Any) -> None:
        """A state was read. Outcomes are no one's data; their command is noted by who answers it."""
        if isinstance(state, CardView):
            self._people[of_card(state.card_id)] = of_person(state.person.cpr_hash)
        if (subject := _subject_of(state)) is not None:
            self.note(subject)

    def forget(self, state: Any) -> None:
        """A state was read only to see whether there are more, and is not shown."""
        if (subject := _subject_of(state)) is not None:
            self._noted[subject] -= 1

    def note_command(self, message: Envelope[Any], *, replayed: bool) -> None:
        """A command was taken in, now or (``replayed``) by an earlier request.

        Its line follows from the command, so that there is one, also where the earlier request died before recording.
        """
        self.note_answer(message.data)
        if (subject := _subject_of_command(message.data)) is not None:
            self._commanded[subject] = f"{stamp(message.time)}|{message.id.hex}"
            self._commanded_at = None if replayed else message.time
            self._replayed = replayed

    def note_answer(self, command: Command) -> None:
        """The answer to a command is given, which shows what it was about."""
        self.reason = self.reason or getattr(command, "case_reference", None)
        if (subject := _subject_of_command(command)) is not None:
            self.note(subject)

    def take(self, *, act: Act | None, refused: bool, at: datetime, request: str) -> list[Access]:
        """The lines for what was noted and not taken yet. Raises ``UnattributedAccess``."""
        subjects = [subject for subject in +self._noted if self._is_new(subject)]
        if not subjects:
            return []
        if self.caller is None or act is None:
            raise UnattributedAccess(
                "a person's data were read without a caller, or by a route that does not say what for"
            )
        self._recorded.update(subjects)
        lines: list[Access] = []
        for subject in subjects:
            line = Access(
                order=self._commanded.get(subject) or f"{stamp(at)}|{uuid4().hex}",
                subject=subject,
                own=self._is_own(subject, self.caller),
                act=act.value,
                refused=refused,
                role=self.caller.role,
                organisation=self.caller.organisation,
                actor=self.caller.subject,
                reason=self.reason,
                request=request,
            )
            lines.append(line)
            if self._replayed:
                lines.append(replace(line, order=f"{stamp(at)}|{uuid4().hex}", act=Act.READ_OUTCOME.value))
        return lines

    @property
    def at(self) -> datetime | None:
        """When it looked, if that is known: the time of the command that it brought."""
        return self._commanded_at

    @property
    def is_pending(self) -> bool:
        """Whether something was noted that is not taken yet."""
        return any(self._is_new(subject) for subject in +self._noted)

    def _is_new(self, subject: str) -> bool:
        # A card that was just issued is noted by its person first.
        person = self._people.get(subject)
        return subject not in self._recorded and (person is None or person not in self._noted)

    def _is_own(self, subject: str, caller: Caller) -> bool:
        return caller.role is Role.CITIZEN and self._people.get(subject, subject) == of_person(caller.organisation)


_LOOK: ContextVar[AuditContext | None] = ContextVar("look", default=None)


def current_audit() -> AuditContext:
    """The look of the request in hand; outside of one, a look that nobody records."""
    return _LOOK.get() or AuditContext()


def begin(look: AuditContext) -> Any:
    """From here on, in this request, ``look`` is noted in. Returns what ``end`` needs."""
    return _LOOK.set(look)


def end(token: Any) -> None:
    """The request is over."""
    _LOOK.reset(token)


def stated_reason(header: str) -> str:
    """The reason in an Access-Reason header. Raises ``ValueError``; never repeats what it refuses."""
    try:
        # HTTP hands bytes over as Latin-1; what people send is UTF-8.
        reason = header.encode("latin-1").decode()
    except UnicodeError:
        reason = header
    reason = " ".join(reason.split())
    if not _SHORTEST <= len(reason) <= _LONGEST or not reason.isprintable():
        raise ValueError("not a reason of 3 to 200 characters")
    return check_no_cpr(reason)


class NotingStates(Generic[S]):
    """Read access to a read model that notes whose states it gives."""

    def __init__(self, states: States[S]) -> None:
        self._states = states

    async def get(self, document_id: str) -> S | None:
        return self._seen(await self._states.get(document_id))

    async def by_alias(self, alias: str) -> S | None:
        state = self._seen(await self._states.by_alias(alias))
        if state is None:
            person = alias.startswith(_PERSON_ALIAS)
            current_audit().note(of_person(alias.removeprefix(_PERSON_ALIAS)) if person else NOBODY)
        return state

    async def find(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0, skip: int = 0
    ) -> list[S]:
        found = await self._states.find(query, sort=sort, limit=limit, skip=skip)
        look = current_audit()
        for state in found:
            look.note_state(state)
        return found

    def _seen(self, state: S | None) -> S | None:
        if state is not None:
            current_audit().note_state(state)
        return state


def noting(states_of: StatesOf) -> StatesOf:
    """Read access to the read models that notes whose states it gives."""

    def states(processor: Processor[S]) -> States[S]:
        return NotingStates(states_of(processor))

    return cast("StatesOf", states)


def _subject_of_command(command: Command) -> str | None:
    match command:
        case IssueCard():
            return of_person(command.person.cpr_hash)
        case CardCommand():
            return of_card(command.card_id)
    return None


def _subject_of(state: Any) -> str | None:
    if isinstance(state, OutcomeView):
        return None
    if isinstance(state, ExtractPartView):
        return of_extract(state.extract_id)
    card_id = getattr(state, "card_id", None)
    return None if card_id is None else of_card(card_id)
