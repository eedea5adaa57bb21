"""Base classes of commands and events.

Commands are imperative and strict: an unknown field breaks the contract. Events are past tense and tolerant:
a reader ignores fields that a newer writer added, so that services can be upgraded one at a time. Value types
(``values.py``) and closed lists are strict in both: a change to them needs a new version.
"""

from __future__ import annotations

from typing import ClassVar

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


class Command(Message):
    """A request to change something, sent by the gateway to the service that owns the subject."""

    model_config = ConfigDict(extra="forbid")


class Event(Message):
    """Something that happened, published by the service that owns the subject."""

    model_config = ConfigDict(extra="ignore")


class CardCommand(Command):
    """A command about a card that exists; ``card_id`` is its key."""

    card_id: str

    @property
    def key(self) -> str:
        return self.card_id


class CardKeyedEvent(Event):
    """An event about one person's card; everything about a person is keyed by ``card_id`` and stays in order."""

    card_id: str

    @property
    def key(self) -> str:
        return self.card_id
