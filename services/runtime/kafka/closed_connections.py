"""Makes aiokafka notice connections that uvloop has closed (aiokafka#1038).

uvloop raises ``RuntimeError`` for a write to a closed connection, which asyncio ignores and aiokafka does not expect:
the error ends its background tasks, and a consumer or producer waits for them without end. Here it becomes what
aiokafka expects of a broken connection. Delete this module when aiokafka does the same.
"""

from __future__ import annotations

from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError

_send: Final = AIOKafkaConnection.send


def install() -> None:
    """Replace ``AIOKafkaConnection.send`` in this process. Safe to call twice."""
    AIOKafkaConnection.send = _send_or_close


def _send_or_close(self: AIOKafkaConnection, request: Any, expect_response: bool = True) -> Any:
    try:
        return _send(self, request, expect_response)
    except KafkaError:
        raise
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"connection at {self.host}:{self.port} broken: {error}") from error
