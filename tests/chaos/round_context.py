"""What a fault of a round acts on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from services.runtime.kafka.producer import KafkaProducer
from tests.chaos.disk import Disk
from tests.chaos.environment import Environment
from tests.chaos.load import Load
from tests.chaos.topic_contents import DeadLetter


class NotPossible(Exception):
    """The machine does not allow this fault."""


@dataclass
class RoundContext:
    """What a fault acts on. ``turn`` counts the rounds of this kind; ``dead`` are the expected dead letters."""

    environment: Environment
    log: KafkaProducer
    load: Load
    disks: Mapping[str, Disk] = field(default_factory=dict)
    turn: int = 0
    dead: set[DeadLetter] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


Action = Callable[[RoundContext], Awaitable[None]]
