"""The signed roots in MongoDB: which statements each has, and their leaves.

A root is stored before it is published, under its number, so two instances cannot sign the same statements in two ways.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from frikort_contracts.evidence import EvidenceFile, leaf_of, path_of
from pydantic import BaseModel
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from services.gateway.projections.evidence import PROJECTION
from services.runtime.mongo.driver import Database

ROOTS: Final = "evidence_roots"


class StoredRoot(BaseModel):
    """A signed root, its statements in their order, and whether it is published."""

    sequence: int
    statements: list[str]
    leaves: list[str]
    signed_root: str
    signed_at: datetime
    published: bool = False


class EvidenceStore:
    """Statements and signed roots."""

    def __init__(self, database: Database) -> None:
        self._statements = database[PROJECTION.name]
        self._roots = database[ROOTS]

    async def prepare(self) -> None:
        """Create the index by which the root of a statement is found."""
        await self._roots.create_index([("statements", ASCENDING)])

    async def unsigned(self, limit: int) -> dict[str, str]:
        """Statements that no root has yet, by id."""
        found = self._statements.find({"state.signed": False}, {"state.statement": 1}).limit(limit)
        return {stored["_id"]: stored["state"]["statement"] async for stored in found}

    async def latest(self) -> StoredRoot | None:
        """The root with the highest number, which is its id."""
        stored = await self._roots.find_one({}, {"_id": 0}, sort=[("_id", DESCENDING)])
        return None if stored is None else StoredRoot.model_validate(stored)

    async def signed_among(self, ids: Collection[str]) -> set[str]:
        """Those of ``ids`` that a root has: a crash came before they were marked, or the read model was rebuilt."""
        found = self._roots.find({"statements": {"$in": list(ids)}}, {"statements": 1})
        return {one async for root in found for one in root["statements"] if one in ids}

    async def add(self, root: StoredRoot) -> bool:
        """Store a root. False if there is one with its number."""
        try:
            await self._roots.insert_one({"_id": root.sequence, **root.model_dump(mode="json")})
        except DuplicateKeyError:
            return False
        return True

    async def mark_signed(self, ids: Sequence[str]) -> None:
        """Mark statements as signed."""
        await self._statements.update_many({"_id": {"$in": list(ids)}}, {"$set": {"state.signed": True}})

    async def mark_published(self, sequence: int) -> None:
        """Mark a root as published."""
        await self._roots.update_one({"_id": sequence}, {"$set": {"published": True}})

    async def file(self, statement_id: str) -> EvidenceFile | None:
        """The file that proves a statement; None while it is not signed and published."""
        stored = await self._roots.find_one({"statements": statement_id, "published": True}, {"_id": 0})
        found = None if stored is None else await self._statements.find_one({"_id": statement_id})
        if stored is None or found is None:
            return None
        root, statement = StoredRoot.model_validate(stored), found["state"]["statement"]
        index = root.statements.index(statement_id)
        if leaf_of(statement) != root.leaves[index]:
            raise RuntimeError(f"the statement {statement_id} is not the one that was signed")
        path = path_of(root.leaves, index)
        return EvidenceFile(statement=statement, index=index, path=path, signed_root=root.signed_root)
