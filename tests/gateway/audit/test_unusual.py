"""Which look-ups are unusual, and that each finding is published once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from frikort_contracts.audit_log import UnusualAccess
from frikort_contracts.cloudevents import Record, decode
from frikort_contracts.http.roles import Role
from frikort_contracts.topics import UNUSUAL_ACCESSES

from services.gateway.audit import unusual
from services.gateway.audit.chain import SigningKey
from services.gateway.audit.chain_writer import CHAINS, ChainWriter
from services.gateway.audit.log import NO_MATCH, Access, MongoAuditLog, of_card
from services.gateway.audit.signer import CheckpointSigner
from services.gateway.audit.unusual import Limits
from services.gateway.audit.watcher import AccessWatcher
from services.gateway.ordering import order_of
from services.runtime.mongo.driver import Database
from tests.gateway.build import audit_entry, entry_reasons
from tests.gateway.memory import MemoryTopic

TUESDAY: Final = datetime(2025, 6, 3, 8, tzinfo=UTC)  # 10:00 in Denmark
LIMITS: Final = Limits(people=3, readers=2, hours=(6, 20))


def look_up(minute: float, card: str = "a", **changes: Any) -> Access:
    at = TUESDAY + timedelta(minutes=minute)
    return replace(audit_entry(order_of(at, f"{card} {minute} {changes.get('actor', '')}"), of_card(card)), **changes)


class TestManyPeople:
    def found(self, entries: Sequence[Access]) -> list[int]:
        return [finding.count for finding in unusual.many_people(entries, LIMITS)]

    def test_more_people_than_usual_within_an_hour_are_found(self) -> None:
        assert self.found([look_up(minute, str(minute)) for minute in range(0, 60, 15)]) == [4]

    def test_as_many_people_as_usual_are_not_found(self) -> None:
        assert self.found([look_up(minute, str(minute)) for minute in range(0, 45, 15)]) == []

    def test_the_same_person_counts_once(self) -> None:
        assert self.found([look_up(minute, "a") for minute in range(50)]) == []

    def test_people_more_than_an_hour_apart_are_not_counted_together(self) -> None:
        assert self.found([look_up(21 * number, str(number)) for number in range(20)]) == []

    def test_a_person_who_leaves_the_window_and_returns_is_counted_again(self) -> None:
        entries = [look_up(0, "a"), look_up(1, "a"), *(look_up(61.5 + n, card) for n, card in enumerate("abcd"))]
        assert self.found(entries) == [4]

    def test_the_order_of_the_entries_does_not_matter(self) -> None:
        entries = [look_up(minute, str(minute)) for minute in range(0, 75, 15)]
        assert self.found(entries) == self.found(entries[::-1]) == [4, 5]

    @pytest.mark.parametrize(
        "changes",
        [
            {"role": Role.EMPLOYER},
            {"action": "read-controls-due"},
            {"action": "deactivate-card"},
            {"subject": NO_MATCH},
        ],
    )
    def test_only_look_ups_of_a_person_by_a_caseworker_count(self, changes: dict[str, Any]) -> None:
        assert self.found([look_up(minute, str(minute), **changes) for minute in range(10)]) == []

    def test_the_findings_of_one_day_have_one_id(self) -> None:
        entries = [look_up(minute, str(minute)) for minute in range(10)]
        tomorrow = [look_up(24 * 60 + minute, str(minute)) for minute in range(10)]
        findings = [*unusual.many_people(entries + tomorrow, LIMITS)]
        assert len(findings) == 14
        assert len({finding.id for finding in findings}) == 2


class TestManyReaders:
    def found(self, entries: Sequence[Access]) -> list[int]:
        return [finding.count for finding in unusual.many_readers(entries, LIMITS)]

    def test_more_caseworkers_than_usual_within_a_day_are_found(self) -> None:
        assert self.found([look_up(60 * number, actor=f"worker-{number}") for number in range(3)]) == [3]

    def test_caseworkers_with_the_same_id_in_different_municipalities_are_different(self) -> None:
        assert self.found([look_up(number, organisation=str(number)) for number in range(3)]) == [3]

    def test_one_caseworker_counts_once(self) -> None:
        assert self.found([look_up(number) for number in range(20)]) == []

    def test_caseworkers_more_than_a_day_apart_are_not_counted_together(self) -> None:
        assert self.found([look_up(13 * 60 * number, actor=f"worker-{number}") for number in range(6)]) == []


class TestHours:
    @pytest.mark.parametrize(
        ("at", "odd"),
        [
            (datetime(2025, 6, 3, 3, 59, tzinfo=UTC), True),  # 05:59 in Denmark
            (datetime(2025, 6, 3, 4, 0, tzinfo=UTC), False),
            (datetime(2025, 6, 3, 17, 59, tzinfo=UTC), False),
            (datetime(2025, 6, 3, 18, 0, tzinfo=UTC), True),
            (datetime(2025, 1, 7, 18, 59, tzinfo=UTC), False),  # winter time
            (datetime(2025, 6, 7, 10, 0, tzinfo=UTC), True),  # a Saturday
        ],
    )
    def test_nights_and_weekends_are_odd(self, at: datetime, *, odd: bool) -> None:
        entry = replace(audit_entry(order_of(at, "x")))
        assert bool([*unusual.odd_hours([entry], LIMITS)]) == odd

    def test_a_night_is_one_finding_for_each_caseworker(self) -> None:
        entries = [look_up(13 * 60 - n, str(n), actor=actor) for n in range(5) for actor in ("one", "two")]
        assert [finding.count for finding in unusual.odd_hours(entries, LIMITS)] == [5, 5]


def test_a_caseworker_who_looks_themselves_up_is_found() -> None:
    (finding,) = unusual.own_person([look_up(0), look_up(1, own_person=True)])
    assert (finding.rule, finding.actor, finding.count) == ("own-person", "worker-1", 1)


class Topic(MemoryTopic):
    """The topic of findings."""

    @property
    def findings(self) -> list[Record]:
        return [record for record in self.records if record.topic == UNUSUAL_ACCESSES.name]

    @property
    def events(self) -> list[UnusualAccess]:
        return [decode(UNUSUAL_ACCESSES, record.value, record.headers).data for record in self.findings]


class Followed:
    """The log, its signer, and one instance after another that follows it."""

    def __init__(self, database: Database, topic: Topic) -> None:
        self.database = database
        self.topic = topic
        self.chain = ChainWriter(database)
        self.log = MongoAuditLog(database, self.chain, entry_reasons())
        self.signer = CheckpointSigner(database, topic, SigningKey(b"k" * 32), interval=1.0)

    def watcher(self) -> AccessWatcher:
        return AccessWatcher(self.database, self.topic, LIMITS, interval=1.0)

    async def add(self, entries: Sequence[Access]) -> None:
        await self.log.add(entries)
        await self.chain.renew()
        await self.signer.sign()


@pytest.fixture
async def followed(database: Database) -> Followed:
    followed = Followed(database, Topic())
    await followed.log.prepare()
    await followed.signer.prepare()
    await followed.watcher().prepare()
    return followed


async def test_a_finding_is_published_once_however_often_its_entries_are_followed(followed: Followed) -> None:
    await followed.add([look_up(minute, str(minute)) for minute in range(3)])
    await followed.watcher().follow()
    assert followed.topic.events == []

    await followed.add([look_up(10, "another"), look_up(11, "a third")])
    for _ in range(2):
        await followed.watcher().follow()
    await followed.database[CHAINS].update_many({}, {"$set": {"watched": 0}})  # as after a restored backup
    await followed.watcher().follow()

    (event,) = followed.topic.events
    assert (event.rule, event.organisation, event.actor, event.card_id) == ("many-people", "101", "worker-1", None)
    assert event.count == 4


async def test_a_finding_that_was_not_published_is_published_by_the_next_instance(followed: Followed) -> None:
    await followed.add([look_up(minute, actor=f"worker-{minute}") for minute in range(4)])
    followed.topic.unreachable = True
    with pytest.raises(ConnectionError):
        await followed.watcher().follow()
    followed.topic.unreachable = False
    await followed.watcher().follow()
    assert [(event.rule, event.card_id) for event in followed.topic.events] == [("many-readers", "a")]


async def test_entries_of_two_processes_are_counted_together(followed: Followed) -> None:
    other = Followed(followed.database, followed.topic)
    await followed.add([look_up(0, "1"), look_up(2, "2")])
    await other.add([look_up(1, "3"), look_up(3, "4")])
    await followed.watcher().follow()
    assert [event.count for event in followed.topic.events] == [4]


async def test_a_finding_holds_no_purpose_and_no_hash_of_a_person(followed: Followed) -> None:
    person = "person:" + "h" * 22
    await followed.add([replace(look_up(n, actor=f"worker-{n}"), subject=person, reason="sag 77") for n in range(3)])
    await followed.watcher().follow()
    (record,) = followed.topic.findings
    assert not any(secret in record.value for secret in (b"h" * 22, b"sag 77"))
