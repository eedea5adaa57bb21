"""What a service gives to the runtime: pure decisions over messages. No I/O, no clock, no randomness here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event
from frikort_contracts.topics import Topic
from pydantic import BaseModel

S = TypeVar("S", bound=BaseModel)


class Decision(NamedTuple, Generic[S]):
    """The state after a message, and the events that tell of it, in the order in which they happened."""

    state: S | None
    events: tuple[Event, ...] = ()


class Address(NamedTuple):
    """The one document that a message touches.

    It is the document that holds ``alias`` if there is one, else the document ``id`` (made if it is not there).
    ``asks`` are aliases about which the decision must know whether *another* document holds them.
    """

    id: str
    alias: str | None = None
    asks: tuple[str, ...] = ()


def no_aliases(_: Any) -> tuple[str, ...]:
    """For documents that are found by their id alone."""
    return ()


@dataclass(frozen=True)
class Processor(Generic[S]):
    """One stream of decisions: the topics it reads, the documents it keeps, and the rule between them.

    ``name`` is the collection, and part of the consumer group's name. ``address`` says which document a message
    touches; None passes it over. ``decide(state, message)`` gets the document's state (None before its first), and a
    third argument, the set of ``asks`` that are taken, when the address asks for some. ``aliases`` are names under
    which a state is also found; no two documents can hold the same one (a unique index guards it).
    ``indexes`` are fields of the state that readers search by.
    """

    name: str
    topics: tuple[Topic, ...]
    state: type[S]
    address: Callable[[Envelope[Any]], Address | None]
    decide: Callable[..., Decision[S]]
    aliases: Callable[[S], tuple[str, ...]] = no_aliases
    indexes: tuple[str, ...] = ()
