"""How far a database has applied the topics of its service: collection ``applied_positions``.

The positions are written before the consumer group commits the same offsets, so what the group has committed, the
database has applied. A database that was restored from a backup while its group was not reset is behind the group: the
records between the two would never be applied.
"""

from __future__ import annotations

from typing import Any, Final

from pymongo import UpdateOne

from services.runtime.mongo.driver import Collection, Database
from services.runtime.processing.positions import Offsets, Partition

COLLECTION: Final = "applied_positions"


class MongoAppliedPositions:
    """The positions of one consumer group. Another group reads the topics from the beginning, and has its own."""

    def __init__(self, database: Database, group: str) -> None:
        self._positions: Collection = database[COLLECTION]
        self._group = group

    async def add(self, offsets: Offsets) -> None:
        """Store durably that all records before ``offsets`` are applied. A position never moves back."""
        await self._positions.bulk_write(
            [
                UpdateOne({"_id": self._id(partition)}, {"$max": {"next": end}}, upsert=True)
                for partition, end in offsets.items()
            ],
            ordered=False,
        )

    async def read(self) -> Offsets:
        """The next offset to apply of each partition that has been applied."""
        prefix = f"{self._group}/"
        found = self._positions.find({"_id": {"$gte": prefix, "$lt": f"{prefix}\uffff"}})
        return {_partition(stored): stored["next"] for stored in await found.to_list(None)}

    def _id(self, partition: Partition) -> str:
        return f"{self._group}/{partition.topic}/{partition.partition}"


def _partition(stored: dict[str, Any]) -> Partition:
    _, topic, number = stored["_id"].rsplit("/", 2)
    return Partition(topic, int(number))
