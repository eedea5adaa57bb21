"""The formats of the stored documents: a release refuses a database that a later format was written to.

A format is a whole number of each processor or projection. It is raised by a change that earlier releases could not
read; new fields with a default do not raise it. The highest format that was ever written is in the collection
``formats``, and each document has that of its last write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pymongo import UpdateOne

from services.runtime.mongo.driver import Database
from services.runtime.processing.decision import DocumentSet
from services.runtime.safety_checks import UnsafeSetting

COLLECTION: Final = "formats"


async def check_formats(database: Database, documents: Iterable[DocumentSet[Any]]) -> None:
    """Compare the formats in the database with those of this release, and store them.

    Raises ``UnsafeSetting`` that names a collection of a later format, and the errors of pymongo.
    """
    own = {each.name: each.format for each in documents}
    if not own:
        return
    stored = await database[COLLECTION].find({"_id": {"$in": list(own)}}).to_list(None)
    compare(database.name, own, {each["_id"]: each["format"] for each in stored})
    await database[COLLECTION].bulk_write(
        [UpdateOne({"_id": name}, {"$max": {"format": number}}, upsert=True) for name, number in own.items()],
        ordered=False,
    )


def compare(database: str, own: Mapping[str, int], stored: Mapping[str, int]) -> None:
    """Raise ``UnsafeSetting`` for the first collection whose stored format is later than that of this release."""
    for name, number in stored.items():
        if number > own[name]:
            raise UnsafeSetting(
                f"the collection {name} of {database}",
                f"of format {number} (this release reads up to {own[name]})",
                "start the release that wrote it, or a later one",
                risk="this release cannot read",
            )
