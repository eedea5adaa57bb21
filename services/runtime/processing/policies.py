"""When records become a batch, and when offsets are committed. ``docs/performance.md`` has the measurements."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BatchPolicy:
    """How many records go together.

    A small batch costs almost as much as a large one. So there is at most one batch of fewer than ``min_records`` each
    ``max_wait`` seconds on average, and it takes the records that arrive meanwhile. The first ``burst`` batches after a
    quiet time start at once: the events of one command arrive one after another. ``max_records`` bounds the memory and
    the time of a batch.
    """

    min_records: int
    max_records: int
    max_wait: float
    burst: int = 1


@dataclass(frozen=True)
class CommitPolicy:
    """How often offsets are committed.

    A commit costs the client and the broker as much as a fetch. There are at least ``min_interval`` seconds between two
    commits. After a crash the records of that interval are redelivered, which changes nothing.
    """

    min_interval: float
