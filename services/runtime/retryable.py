"""The errors that are retried: MongoDB or Kafka did not answer, or not in time."""

from __future__ import annotations

from typing import Final

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from services.runtime.kafka.producer import KafkaUnavailable

RETRYABLE: Final = (PyMongoError, KafkaError, KafkaUnavailable, OSError, TimeoutError)
"""Every other error stops the service: a retry would fail again, and skipping the batch would lose it."""
