"""The contestants, how each is started, and the ratio that balance must reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.bench.packages import bench_python
from tests.bench.peers.streams import kafka_streams

_SLOW_EVENTS: Final = 30_000  # half a minute; its rate is constant


@dataclass(frozen=True)
class Peer:
    """A contestant. ``least`` is the ratio that balance must reach; None where its totals are not exact after a kill,
    and for Kafka Streams without ``exactly_once_v2``. ``events``: how many it processes, None for all."""

    name: str
    argv: Callable[[], list[str]]
    guarantee: str
    least: float | None = None
    events: int | None = None

    @property
    def settings(self) -> Mapping[str, str]:
        """Its environment variables beyond those of every contestant."""
        return {"BENCH_GUARANTEE": self.guarantee}


def _python(module: str) -> Callable[[], list[str]]:
    return lambda: [str(bench_python()), "-m", f"tests.bench.peers.{module}"]


PEERS: Final = (
    Peer("Quix Streams", _python("quix_ledgers"), "exactly-once", least=1.0),
    Peer("Quix Streams at least once", _python("quix_ledgers"), "at-least-once", least=1.0),
    Peer("faust-streaming", _python("faust_ledgers"), "at-least-once", least=6.0, events=_SLOW_EVENTS),
    Peer("faust-streaming exactly once", _python("faust_ledgers"), "exactly-once", events=_SLOW_EVENTS),
    Peer("Bytewax", _python("bytewax_ledgers"), "at-least-once", least=1.5),
    Peer("Kafka Streams", kafka_streams, "exactly-once", least=0.65),
    Peer("Kafka Streams at least once", kafka_streams, "at-least-once"),
)
