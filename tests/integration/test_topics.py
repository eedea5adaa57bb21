"""Invalid, repeated and early records on the topics: dead letters get a reason, and every total stays right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from frikort_contracts.cloudevents import Headers, Record, decode
from frikort_contracts.issuance import CardDeactivated, CardIssued
from frikort_contracts.messages import Message
from frikort_contracts.reporting import EarningsReported, RegisterEmployment, ReportEarnings
from frikort_contracts.topics import (
    BALANCES,
    CAP_WARNINGS,
    CARDS,
    EARNINGS,
    ISSUANCE_COMMANDS,
    OUTCOMES,
    REPORTING_COMMANDS,
    Topic,
    source_of,
)
from frikort_contracts.values import Components, Period, WorkPeriod
from pymongo import MongoClient

from services.gateway.people.texts import Contact
from services.gateway.person_encryption import Person, Persons, lookup_hashers
from services.runtime.encryption import Encryptor
from tests.integration.scene import ALLOWANCE, Citizen, Client, Job, World, accepted, issue_body, refused
from tests.integration.topics import dead_letters, message_record, publish, read_all, records_about
from tests.person_keys import KeysOnDemand, provider_of
from tests.waiting import eventually

JANUARY = datetime(2025, 1, 6, 12, tzinfo=UTC)
APRIL = datetime(2025, 4, 1, 12, tzinfo=UTC)
MARCH = WorkPeriod(first=date(2025, 3, 1), last=date(2025, 3, 31))

BOOKS = (ISSUANCE_COMMANDS, REPORTING_COMMANDS, CARDS, EARNINGS, BALANCES, CAP_WARNINGS)


def named(topic: Topic) -> str:
    return topic.name


def headers_of(kind: str, topic: Topic) -> Headers:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", str(uuid4()).encode()),
        ("ce_type", kind.encode()),
        ("ce_source", source_of(topic.writers[0]).encode()),
        ("ce_time", b"2025-09-30T12:00:00Z"),
    )


@pytest.mark.parametrize("topic", BOOKS, ids=named)
async def test_an_invalid_record_becomes_a_dead_letter_and_blocks_nothing(world: World, job: Job, topic: Topic) -> None:
    kind, key, mark = topic.messages[0].type, job.card.id.encode(), str(uuid4())
    poison = [
        Record(topic.name, key, f"no JSON {mark}".encode() + b"\xff\x00", headers_of(kind, topic)),
        Record(topic.name, key, f'{{"card_id": "{job.card.id}", "note": "{mark}"}}'.encode(), headers_of(kind, topic)),
        Record(topic.name, key, f'{{"unknown": "{mark}"}}'.encode(), headers_of("dk.frikort.nobody.knows.v1", topic)),
        Record(topic.name, key, f'{{"headless": "{mark}"}}'.encode(), ()),
    ]
    await publish(world.system.access, poison)
    job.report(100_000)
    assert job.card.balance()["reported_ore"] == 100_000
    accepted(job.card.caseworker.post(f"{job.card.path}/number", {"reason": "lost"}), 200)
    dead_letters_of = await dead_letters(world.system.access, topic, [record.value for record in poison])
    for record in poison:
        for dead in dead_letters_of[record.value]:
            headers = dict(dead.headers)
            assert dead.key == key
            assert headers["dead_topic"].decode() == topic.name
            assert headers["dead_reason"]
            assert mark.encode() not in headers["dead_reason"], "the reason repeats no content"
            assert set(record.headers) <= set(dead.headers)


async def test_a_float_amount_is_never_booked(world: World, job: Job) -> None:
    job.report(100_000)
    records = await records_about(world.system.access, EarningsReported, lambda event: event.card_id == job.card.id)
    broken = records[0].value.replace(b'"total":100000', b'"total":100000.0')
    headers = tuple((n, str(uuid4()).encode() if n == "ce_id" else v) for n, v in records[0].headers)
    await publish(world.system.access, [Record(EARNINGS.name, records[0].key, broken, headers)])
    dead = (await dead_letters(world.system.access, EARNINGS, [broken]))[broken]
    assert b"total" in dict(dead[0].headers)["dead_reason"]
    job.report(1)
    assert job.card.balance()["reported_ore"] == 100_001


@pytest.mark.parametrize("topic", BOOKS, ids=named)
async def test_redelivering_every_message_of_a_card_changes_nothing(world: World, topic: Topic) -> None:
    job = world.job()
    card, caseworker = job.card, job.card.caseworker
    report = job.report(4_200_000)
    job.report(90_000)
    correction = f"/v1/reports/{report['report_id']}/correction"
    accepted(job.employer.post(correction, job.correction(4_100_000)), 200)
    job.report(200_000)
    accepted(caseworker.post(f"{card.path}/deactivation", {"case_reference": "x"}), 200)
    accepted(caseworker.post(f"{card.path}/reactivation", {"case_reference": "x"}), 200)
    before = job.all_views()
    about = [r for r in await read_all(world.system.access, topic.name) if r.key == card.id.encode()]
    about += await _issue_command(world, topic, card.id)
    assert about
    await publish(world.system.access, [*about, *about])
    # Later commands on the same partitions are answered only when these have been read.
    refused(caseworker.post("/v1/cards", issue_body(card.citizen)), 409, "card-exists")
    refused(caseworker.post(f"{card.path}/reactivation", {"case_reference": "x"}), 409, "card-already-active")
    later = job.report(7)
    after = job.all_views()
    assert after["card"] == before["card"]
    assert after["employments"] == before["employments"]
    assert after["warnings"] == before["warnings"]
    assert after["reports"]["reports"][:-1] == before["reports"]["reports"]
    assert after["balances"]["balances"][0]["reported_ore"] == 4_390_007
    accepted(job.employer.post(f"/v1/reports/{later['report_id']}/withdrawal", {"reason": "other"}), 200)
    assert job.all_views()["balances"] == before["balances"]


async def _issue_command(world: World, topic: Topic, card_id: str) -> list[Record]:
    """The command that issued the card; its key is the citizen's hash, as there was no card yet."""
    if topic is not ISSUANCE_COMMANDS:
        return []
    issued = await records_about(world.system.access, CardIssued, lambda event: event.card_id == card_id)
    cause = dict(issued[0].headers)["ce_causationid"]
    return [r for r in await read_all(world.system.access, topic.name) if dict(r.headers).get("ce_id") == cause]


@dataclass
class Early:
    """Commands and card events that a test publishes itself, in an order of its own."""

    world: World
    citizen: Citizen
    employer: Client
    number: str
    card_id: str

    @property
    def persons(self) -> Persons:
        found = self.world.system.keys
        return Persons(
            Encryptor.from_setting(found.encryption_keys),
            lookup_hashers(found.lookup_key),
            KeysOnDemand(provider_of(found.key_encryption_keys)),
        )

    async def send(self, message: Message, at: datetime, message_id: UUID | None = None) -> UUID:
        message_id = message_id or uuid4()
        await publish(self.world.system.access, [message_record(message, at=at, message_id=message_id)])
        return message_id

    async def register(self) -> tuple[UUID, str]:
        """The command's id, and the id that the employment will have."""
        person = self.persons.encrypt(Person(self.citizen.cpr, self.citizen.name), self.card_id)
        persons, keys = self.persons, KeysOnDemand(provider_of(self.world.system.keys.key_encryption_keys))
        persons.keys = keys
        contact = persons.encrypt_contact(
            Contact(self.citizen.name, "nobody@example.dk", "12345678"), self.card_id, self.employer.cvr
        )
        await publish(self.world.system.access, keys.take_records())
        command = RegisterEmployment(
            card_id=self.card_id,
            cvr=self.employer.cvr,
            actor="test",
            card_revision=1,
            number=self.number,
            birth_check=person.birth_check,
            period=Period(first=date(2025, 1, 10)),
            contact=contact,
        )
        command_id = await self.send(command, APRIL)
        return command_id, str(uuid5(command_id, "employment"))

    async def report(self, employment_id: str, amount: int, *, card_revision: int) -> UUID:
        command = ReportEarnings(
            card_id=self.card_id,
            cvr=self.employer.cvr,
            actor="test",
            employment_id=employment_id,
            card_revision=card_revision,
            reference=str(uuid4()),
            work=MARCH,
            payment_date=MARCH.last,
            components=Components(wage=amount),
        )
        return await self.send(command, APRIL)

    async def issued(self) -> None:
        persons, keys = self.persons, KeysOnDemand(provider_of(self.world.system.keys.key_encryption_keys))
        persons.keys = keys
        person = persons.encrypt(Person(self.citizen.cpr, self.citizen.name), self.card_id)
        await publish(self.world.system.access, keys.take_records())
        event = CardIssued(
            card_id=self.card_id,
            revision=1,
            municipality="101",
            actor="test",
            number=self.number,
            person=person,
            active_from=JANUARY.date(),
            control_due=2027,
            case_reference="x",
        )
        await self.send(event, JANUARY)

    async def deactivated(self, last: date) -> None:
        event = CardDeactivated(
            card_id=self.card_id,
            revision=2,
            municipality="101",
            actor="test",
            last_active_day=last,
            case_reference="x",
        )
        await self.send(event, JANUARY)

    async def deferred(self, count: int) -> None:
        """Wait until reporting has deferred this many commands for the card."""
        states = self.card_states()

        async def are_deferred() -> bool:
            stored = states.find_one({"_id": self.card_id})
            return stored is not None and len(stored["state"]["deferred"]) == count

        await eventually(are_deferred, what=f"{count} deferred commands")

    def card_states(self) -> Any:
        client: MongoClient[dict[str, Any]] = MongoClient(self.world.system.mongodb)
        return client["frikort_reporting"]["card_states"]

    async def outcomes(self, *command_ids: UUID) -> list[Any]:
        """The outcomes of these commands, in this order, when all are there."""

        async def all_there() -> list[Any] | None:
            found = {}
            for record in await read_all(self.world.system.access, OUTCOMES.name):
                if record.key in {str(command_id).encode() for command_id in command_ids}:
                    found[record.key.decode()] = decode(OUTCOMES, record.value, record.headers).data
            return [found[str(c)] for c in command_ids] if len(found) == len(command_ids) else None

        return await eventually(all_there, what="the outcomes")

    async def no_outcome(self, command_ids: Sequence[UUID]) -> bool:
        keys = {str(command_id).encode() for command_id in command_ids}
        return not [r for r in await read_all(self.world.system.access, OUTCOMES.name) if r.key in keys]


@pytest.fixture
def early(world: World) -> Early:
    """A card to be, with a number that was replaced elsewhere, so that issuance never gives it to anyone."""
    freed = world.card()
    accepted(freed.caseworker.post(f"{freed.path}/number", {"reason": "lost"}), 200)
    return Early(world, world.citizen(), world.employer(), freed.number, str(uuid4()))


async def test_commands_that_arrive_before_their_card_are_decided_when_it_arrives(world: World, early: Early) -> None:
    register, employment_id = await early.register()
    report = await early.report(employment_id, 100_000, card_revision=1)
    await early.deferred(2)
    assert await early.no_outcome([register, report])
    await early.issued()
    registered, reported = await early.outcomes(register, report)
    assert registered.type == reported.type == "dk.frikort.command.accepted.v1"
    owner = world.client("citizen", cpr=early.citizen.cpr)

    async def seen() -> bool:
        answer = owner.get("/v1/me/balances")
        return answer.status == 200 and answer["balances"][0]["reported_ore"] == 100_000

    await eventually(seen)
    assert accepted(early.employer.get(f"/v1/employments/{employment_id}"), 200)["period"]["first"] == "2025-01-10"


async def test_a_report_based_on_a_later_card_revision_waits_for_it(early: Early) -> None:
    await early.issued()
    register, employment_id = await early.register()
    await early.outcomes(register)
    report = await early.report(employment_id, 100_000, card_revision=2)
    await early.deferred(1)
    await early.deactivated(date(2025, 3, 15))
    (outcome,) = await early.outcomes(report)
    assert (outcome.problem, outcome.detail) == ("card-not-active", {"first_day_not_active": "2025-03-16"})


async def test_later_commands_queue_behind_a_deferred_command(early: Early) -> None:
    await early.issued()
    register, employment_id = await early.register()
    await early.outcomes(register)
    first = await early.report(employment_id, ALLOWANCE, card_revision=2)
    second = await early.report(employment_id, 1, card_revision=1)
    await early.deferred(2)
    await early.deactivated(date(2025, 6, 30))
    await early.outcomes(first, second)
    records = await records_about(
        early.world.system.access, EarningsReported, lambda event: event.card_id == early.card_id
    )
    amounts = [decode(EARNINGS, record.value, record.headers).data.total for record in records]
    assert amounts == [ALLOWANCE, 1]
