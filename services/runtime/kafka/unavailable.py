"""The error of a call that Kafka did not answer in time."""

from __future__ import annotations


class KafkaUnavailable(RuntimeError):
    """Kafka did not acknowledge in time. The records may still arrive: publish them again with the same ids."""
