"""Signs statements every few seconds: one root for all new ones, chained to the root before and published."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope, encode
from frikort_contracts.evidence import EvidenceRoot, EvidenceSigned, digest_of_text, leaf_of, root_of
from frikort_contracts.topics import source_of

from services.gateway.audit.chain import SigningKey
from services.gateway.evidence.store import EvidenceStore, StoredRoot
from services.runtime.mongo.instance_lock import InstanceLock
from services.runtime.processing.producer import Producer
from services.runtime.service import Runtime
from services.runtime.uninterrupted import uninterrupted

_MOST: Final = 2000
_ROOT_IDS: Final = UUID("b1c5a0f2-6d0e-4f6c-9b52-0a8f5f3f7d10")


class EvidenceSigner:
    """One instance of the API at a time signs for all. ``interval``: seconds between two looks for new statements."""

    def __init__(self, store: EvidenceStore, producer: Producer, key: SigningKey, *, interval: float) -> None:
        self._store = store
        self._producer = producer
        self._key = key
        self._interval = interval

    async def run(self, runtime: Runtime) -> None:
        """Sign until the process stops. A background task."""
        async with InstanceLock(runtime.database, "evidence-signer") as lock:
            while not runtime.stopping.is_set():
                await lock.run(self.sign_all)
                await asyncio.sleep(self._interval)

    async def sign_all(self) -> None:
        """Sign and publish until nothing is left."""
        while await self.sign():
            pass

    async def sign(self) -> bool:
        """Sign what is stored by now, and publish. Whether there was something to sign."""
        statements = await self._store.unsigned(_MOST)
        latest = await self._store.latest()  # after the statements: a root that has them is seen, or its number taken
        if latest is not None:
            await uninterrupted(self._publish(latest))
        signed = await self._store.signed_among(statements.keys()) if statements else set()
        await self._store.mark_signed(sorted(signed))
        new = {one: text for one, text in sorted(statements.items()) if one not in signed}
        if not new:
            return bool(signed)
        root = self._signed(new, latest)
        if await self._store.add(root):
            await uninterrupted(self._publish(root))
            await self._store.mark_signed(root.statements)
        return True

    def _signed(self, statements: dict[str, str], latest: StoredRoot | None) -> StoredRoot:
        leaves = [leaf_of(text) for text in statements.values()]
        root = EvidenceRoot(
            sequence=1 if latest is None else latest.sequence + 1,
            previous=None if latest is None else digest_of_text(latest.signed_root),
            size=len(leaves),
            root=root_of(leaves),
        )
        return StoredRoot(
            sequence=root.sequence,
            statements=list(statements),
            leaves=leaves,
            signed_root=self._key.sign(root),
            signed_at=datetime.now(UTC),
        )

    async def _publish(self, root: StoredRoot) -> None:
        """Publish a root, unless it is published. After a crash the same bytes are published again."""
        if root.published:
            return
        event_id = uuid5(_ROOT_IDS, str(root.sequence))
        event = EvidenceSigned(sequence=root.sequence, signed_root=root.signed_root)
        signed = Envelope(
            id=event_id, time=root.signed_at, source=source_of("gateway"), data=event, correlation_id=event_id
        )
        await self._producer.publish([encode(signed)])
        await self._store.mark_published(root.sequence)
