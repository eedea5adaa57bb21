"""Envelopes of messages that no other message causes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Message
from frikort_contracts.topics import source_of

M = TypeVar("M", bound=Message)


def new_envelope(message: M, *, writer: str) -> Envelope[M]:
    """The envelope of a message that the process ``writer`` sends of its own accord, with a new id and the time now."""
    message_id = uuid4()
    return Envelope(
        id=message_id,
        time=datetime.now(UTC),
        source=source_of(writer),
        data=message,
        correlation_id=message_id,
    )
