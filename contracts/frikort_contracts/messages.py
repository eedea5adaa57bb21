"""Base classes of commands and events.

Commands are imperative and strict: an unknown field breaks the contract. Events are past tense and tolerant:
a reader ignores fields that a newer writer added, so that services can be upgraded one at a time. Value types
(``values.py``) and closed lists are strict in both: a change to them needs a new version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple, ParamSpec, cast

from pydantic import ConfigDict

from frikort_contracts.fields import DescribedModel


class Message(DescribedModel):
    """Body of a Kafka record. ``type`` is the CloudEvents type; ``key`` is the record key that orders it."""

    # Nearly every value is an id: remembered, it only pushes out another that will not come again.
    model_config = ConfigDict(frozen=True, cache_strings="keys")

    type: ClassVar[str]

    @property
    def key(self) -> str:
        raise NotImplementedError

    @property
    def topic_name(self) -> str | None:
        """The topic of a message whose type several topics carry; None if its type has one."""
        return None


class Command(Message):
    """A request to change something, sent by the gateway to the service that owns the subject."""

    model_config = ConfigDict(extra="forbid")


class Event(Message):
    """Something that happened, published by the service that owns the subject."""

    model_config = ConfigDict(extra="ignore")

    key_field: ClassVar[str]

    @property
    def key(self) -> str:
        return str(getattr(self, self.key_field))


class CardCommand(Command):
    """A command about a card that exists; ``card_id`` is its key."""

    card_id: str

    @property
    def key(self) -> str:
        return self.card_id


class CardKeyedEvent(Event):
    """An event about one person's card; everything about a person is keyed by ``card_id`` and stays in order."""

    key_field: ClassVar[str] = "card_id"

    card_id: str


class EventFields(NamedTuple):
    """An event made of values that are valid already. ``fields`` has every field of ``message``, in its order.

    ``type`` and ``key`` are those of the message.
    """

    message: type[Event]
    type: str
    key: str
    fields: Mapping[str, object]

    @property
    def topic_name(self) -> None:
        """None: a message whose type several topics carry is not made of fields."""
        return


_Fields = ParamSpec("_Fields")


def unvalidated(message: Callable[_Fields, Event]) -> Callable[_Fields, EventFields]:
    """A constructor with the parameters of ``message`` that validates nothing, for computing with valid values.

    Its callers name every field, in the order of the contract, so that the JSON is that of ``message``. Tests and the
    simulation validate what is published.
    """
    model = cast("type[Event]", message)
    message_type, key_field = model.type, model.key_field

    def construct(*_: _Fields.args, **fields: _Fields.kwargs) -> EventFields:
        return EventFields(model, message_type, str(fields[key_field]), fields)

    return construct
