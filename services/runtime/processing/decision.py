"""The interface between a service and the runtime: pure decisions, without I/O, clock or randomness."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import UnionType
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar, cast

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event, EventFields, Message
from frikort_contracts.topics import Topic
from pydantic import BaseModel

from services.runtime.processing.entries import EntryMap


class PlainState(Protocol):
    """A state that gives its stored form itself, and is not validated when it is loaded: a ``NamedTuple``, for example.

    It costs a fraction of a pydantic model. The stored form holds JSON values.
    """

    def to_stored(self) -> dict[str, Any]:
        """The stored form."""
        ...

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any], /) -> Self:
        """The state of a stored form."""
        ...


S = TypeVar("S", bound=BaseModel | PlainState)


class Decision(NamedTuple, Generic[S]):
    """The state after a message, and the events to emit, in order."""

    state: S | None
    events: tuple[Event | EventFields, ...] = ()


class Address(NamedTuple):
    """The one document that a message touches.

    It is the document that holds ``alias`` if there is one, else the document ``id`` (created if it does not exist).
    ``candidates`` are aliases that the decision may choose from; it gets those that *another* document holds.
    """

    id: str
    alias: str | None = None
    candidates: tuple[str, ...] = ()


class Decide(Protocol[S]):
    """A rule: the decision on a message, given the document's state (None before its first message).

    ``taken_aliases`` are those of the address's ``candidates`` that another document holds.
    """

    def __call__(
        self, state: S | None, message: Envelope[Any], taken_aliases: Collection[str] = (), /
    ) -> Decision[S]: ...


def no_aliases(_: Any) -> tuple[str, ...]:
    """For documents that are found by their id alone."""
    return ()


def no_entry_maps(_: Any) -> tuple[EntryMap, ...]:
    """For states that do not grow."""
    return ()


def no_entry_keys(_state: Any, _message: Envelope[Any]) -> Mapping[str, Collection[str] | None]:
    """For rules that need no entries outside the document."""
    return {}


def unprepared(message: Envelope[Any]) -> Envelope[Any]:
    """The message itself; for processors that need no preparation."""
    return message


@dataclass(frozen=True, kw_only=True)
class DocumentSet(Generic[S]):
    """Documents of one collection, and the topics that they are built from.

    ``name`` is the name of the collection and part of the name of the consumer group. ``aliases`` are further names of
    a state; a unique index guarantees that no two documents hold the same one. ``indexes`` are fields of the state that
    readers search by. ``format`` is the number of the stored form: raise it with a change that the release before could
    not read. ``consumes`` are the types of messages, or base classes of them, that can touch a document: a rebuild does
    not decode the others.
    """

    name: str
    topics: tuple[Topic, ...]
    state: type[S]
    aliases: Callable[[S], tuple[str, ...]] = no_aliases
    indexes: tuple[str, ...] = ()
    format: int = 1
    consumes: type | UnionType = object

    @cached_property
    def to_stored(self) -> Callable[[S], dict[str, Any]]:
        """Gives the stored form of a state."""
        state: Any = self.state
        if issubclass(state, BaseModel):
            return partial(state.__pydantic_serializer__.to_python, mode="json")
        return cast("Callable[[S], dict[str, Any]]", state.to_stored)

    @cached_property
    def from_stored(self) -> Callable[[Mapping[str, Any]], S]:
        """Gives the state of a stored form."""
        state: Any = self.state
        return state.model_validate if issubclass(state, BaseModel) else state.from_stored  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True)
class Processor(DocumentSet[S]):
    """Documents that record decisions, and the rule that decides.

    ``address`` gives the document that a message touches, or None to skip the message. ``prepare`` runs outside the
    decision and may use keys and randomness, to encrypt for example; ``decide`` gets the message that it returns. One
    guarded write stores the state and the events that follow, and an applied message is not decided again, so a second
    delivery publishes the same bytes whatever ``prepare`` returns for it. ``cached`` keeps documents in memory after
    they were written; only for documents without aliases whose messages all come from one partition number, so that one
    instance writes them. ``idempotent`` are types of messages whose ids are not stored: a second decision on one gives
    the state that it was given, the same object, and no events, because the state has the revision of its subject.

    ``entry_maps`` are the maps of a state that grow without limit. ``entry_keys`` are the keys, by the name of the map,
    that the rule needs for a message, or None for all; entries that it does not name are loaded when the rule asks for
    them, at the cost of a second attempt.
    """

    address: Callable[[Envelope[Any]], Address | None]
    decide: Decide[S]
    prepare: Callable[[Envelope[Any]], Envelope[Any]] = unprepared
    cached: bool = False
    idempotent: frozenset[type[Message]] = frozenset()
    entry_maps: Callable[[S], Iterable[EntryMap]] = no_entry_maps
    entry_keys: Callable[[S, Envelope[Any]], Mapping[str, Collection[str] | None]] = no_entry_keys

    def __post_init__(self) -> None:
        if self.cached and self.aliases is not no_aliases:
            raise ValueError(f"{self.name} has aliases: a document of another partition could take one unseen")

    def address_of(self, message: Envelope[Any]) -> Address | None:
        """The address of the document that ``message`` touches."""
        return self.address(message)
