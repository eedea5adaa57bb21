"""Every statement is signed once, in an unbroken log, however the signers end."""

from __future__ import annotations

import asyncio

import pytest
from frikort_contracts.cloudevents import decode
from frikort_contracts.evidence import EvidenceRoot, digest_of_text
from frikort_contracts.topics import EVIDENCE
from frikort_contracts.verify import read_root, verify

from services.gateway.audit.chain import SigningKey
from services.gateway.evidence.signer import EvidenceSigner
from services.gateway.evidence.store import EvidenceStore
from services.gateway.projections import evidence
from services.runtime.mongo.driver import Database
from tests.gateway.build import envelope, reported
from tests.gateway.memory import MemoryTopic

KEY = SigningKey(b"k" * 32)


class Topic(MemoryTopic):
    """The topic of roots."""

    @property
    def roots(self) -> list[EvidenceRoot]:
        events = [decode(EVIDENCE, record.value, record.headers).data for record in self.records]
        return [read_root(event.signed_root, [KEY.public]) for event in events]


async def add_reports(database: Database, *ids: str) -> None:
    views = {report_id: evidence.project(None, envelope(reported(report_id=report_id))) for report_id in ids}
    await database[evidence.PROJECTION.name].insert_many(
        [
            {"_id": evidence.report_evidence_id(one, 1), "version": 1, "state": evidence.PROJECTION.to_stored(view)}
            for one, view in views.items()
        ]
    )


def signer(database: Database, topic: Topic) -> EvidenceSigner:
    return EvidenceSigner(EvidenceStore(database), topic, KEY, interval=1)


async def sign_all(database: Database, topic: Topic) -> None:
    while await signer(database, topic).sign():
        pass


async def test_roots_follow_each_other_and_prove_each_statement(database: Database) -> None:
    topic, store = Topic(), EvidenceStore(database)
    await store.prepare()
    await add_reports(database, "a", "b", "c")
    assert await store.file("report:a:1") is None
    await sign_all(database, topic)
    await add_reports(database, "d")
    await sign_all(database, topic)

    first, second = topic.roots
    (signed, _) = (decode(EVIDENCE, record.value, record.headers).data.signed_root for record in topic.records)
    assert (first.sequence, first.size, first.previous) == (1, 3, None)
    assert (second.sequence, second.size, second.previous) == (2, 1, digest_of_text(signed))
    for one in "abcd":
        file = await store.file(f"report:{one}:1")
        assert file is not None
        assert verify(file, [KEY.public]).model_dump()["report_id"] == one


async def test_two_signers_at_once_sign_each_statement_once(database: Database) -> None:
    topic = Topic()
    await add_reports(database, *map(str, range(20)))

    await asyncio.gather(*(sign_all(database, topic) for _ in range(4)))

    sizes = {root.sequence: root.size for root in topic.roots}
    assert sum(sizes.values()) == 20


async def test_after_a_crash_before_publishing_the_same_root_is_published(database: Database) -> None:
    topic, store = Topic(unreachable=True), EvidenceStore(database)
    await add_reports(database, "a")
    with pytest.raises(ConnectionError):
        await signer(database, topic).sign()
    assert await store.file("report:a:1") is None

    topic.unreachable = False
    await sign_all(database, topic)

    assert [root.size for root in topic.roots] == [1]
    assert await store.file("report:a:1") is not None


async def test_a_rebuilt_read_model_is_not_signed_again(database: Database) -> None:
    topic, store = Topic(), EvidenceStore(database)
    await add_reports(database, "a")
    await sign_all(database, topic)
    await database[evidence.PROJECTION.name].delete_many({})
    await add_reports(database, "a")

    await sign_all(database, topic)

    assert len(topic.roots) == 1
    assert await store.unsigned(10) == {}
    assert await store.file("report:a:1") is not None
