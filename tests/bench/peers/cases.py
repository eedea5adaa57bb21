"""The same totals in three Python stream processors and in Kafka Streams."""

from __future__ import annotations

from typing import Final

from tests.bench.bench import Bench
from tests.bench.case import Case, Figures, Ratio
from tests.bench.contest import compete
from tests.bench.peers.contestants import PEERS, Peer
from tests.bench.peers.exactness import exactness

ROW: Final = "balance, replay, peers"
KILLED: Final = "peers through kill -9"
RATE: Final = "events/s"


def _replay(peer: Peer) -> Case:
    async def run(bench: Bench) -> Figures:
        return await compete(bench, peer.name, peer.argv(), settings=peer.settings, events=peer.events)

    return Case(peer.name, ROW, run)


def _killed(peer: Peer) -> Case:
    async def run(bench: Bench) -> Figures:
        return await exactness(bench, peer)

    return Case(f"{peer.name}, killed", KILLED, run)


CASES: Final = (*map(_replay, PEERS), *map(_killed, PEERS))
RATIOS: Final = tuple(
    Ratio(ROW, f"times {peer.name}", ("balance", RATE), (peer.name, RATE), least=peer.least) for peer in PEERS
)
