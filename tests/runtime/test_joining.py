"""How a service joins its consumer groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from services.balance.decide import LEDGERS
from services.runtime.service import Runtime
from services.runtime.settings import RuntimeSettings


class Joining:
    """Stands for a FastStream subscriber, which would need a broker that fails at the right moment."""

    def __init__(self, failures: int) -> None:
        self.consumer: Any = None
        self.tries = 0
        self._failures = failures

    async def start(self) -> None:
        self.tries += 1
        self.consumer = object()
        if self.tries <= self._failures:
            raise KafkaConnectionError

    async def stop(self) -> None:
        self.consumer = None


async def test_a_try_that_fails_is_made_again_only_for_who_did_not_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """Joined twice, a consumer would leave one behind that holds partitions and reads nothing."""
    settings = RuntimeSettings(environment="local", kafka="one:9092", mongodb="mongodb://one/?replicaSet=r")
    processors = [replace(LEDGERS, name="first"), replace(LEDGERS, name="second")]
    runtime = Runtime(service="joining", settings=settings, processors=processors)
    first, second = Joining(failures=0), Joining(failures=1)
    for consumer, joining in zip(runtime.consumers, (first, second), strict=True):
        monkeypatch.setattr(consumer, "_subscriber", joining)

    async def connect() -> None:
        """The broker itself is there."""

    monkeypatch.setattr(runtime._broker, "connect", connect)
    with pytest.raises(KafkaConnectionError):
        await runtime._consume()
    await runtime._consume()
    assert (first.tries, second.tries) == (1, 2)
