"""How a service joins its consumer group."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from services.balance.processor import LEDGERS
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


async def test_a_try_that_fails_leaves_nothing_behind_and_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that was left behind would hold partitions and read nothing; one that joined does not join again."""
    settings = RuntimeSettings(environment="local", kafka="one:9092", mongodb="mongodb://one/?replicaSet=r")
    runtime = Runtime(service="joining", settings=settings, processors=[LEDGERS])
    joining = Joining(failures=1)
    monkeypatch.setattr(runtime.consumer, "_subscriber", joining)

    async def connect() -> None:
        """The broker itself is there."""

    monkeypatch.setattr(runtime._broker, "connect", connect)
    with pytest.raises(KafkaConnectionError):
        await runtime._consume()
    assert joining.consumer is None
    await runtime._consume()
    await runtime._consume()
    assert joining.tries == 2
