"""The sender of a message that a test makes up."""

from __future__ import annotations

from frikort_contracts.messages import Message
from frikort_contracts.topics import source_of, topic_of


def source_for(message: Message) -> str:
    """The ``ce_source`` of a process that may write this message."""
    return source_of(topic_of(type(message)).writers[0])
