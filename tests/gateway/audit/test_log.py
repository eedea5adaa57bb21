"""The audit log keeps what it is given and gives it back in order: the same in MongoDB as in the tests' memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from frikort_contracts.http.roles import Role

from services.gateway.audit.chain_writer import ChainWriter
from services.gateway.audit.log import Access, AuditLog, Criteria, MongoAuditLog, Span, query, search_query
from services.gateway.ordering import stamp
from services.runtime.mongo.driver import Database
from services.runtime.person_keys import is_person_key
from tests.gateway.build import NOON, audit_entry, entry_reasons, persons
from tests.gateway.memory import MemoryAuditLog


@pytest.fixture(params=["memory", "mongodb"])
def log(request: pytest.FixtureRequest) -> AuditLog:
    return MemoryAuditLog() if request.param == "memory" else _in(request.getfixturevalue("database"))


def _in(database: Database) -> MongoAuditLog:
    return MongoAuditLog(database, ChainWriter(database), entry_reasons())


@pytest.fixture(autouse=True)
async def _prepared(log: AuditLog) -> None:
    await log.prepare()


def line(minute: int, subject: str, *, own: bool = False, reason: str | None = None) -> Access:
    return audit_entry(f"{stamp(NOON + timedelta(minutes=minute))}|{subject}", subject, own=own, reason=reason)


async def minutes(
    log: AuditLog, *spans: Span, own: bool = True, before: str | None = None, limit: int = 100
) -> list[int]:
    found = await log.latest(spans, own=own, before=before, limit=limit)
    return [(access.at - NOON) // timedelta(minutes=1) for access in found]


async def test_an_entry_is_read_as_it_was_added(log: AuditLog) -> None:
    given = [line(1, "card:a", reason="sag 1"), line(2, "card:a", own=True)]
    await log.add(given)
    assert await log.latest([Span("card:a")], own=True, before=None, limit=10) == given[::-1]


@pytest.mark.parametrize("log", ["mongodb"], indirect=True)
async def test_a_reason_is_stored_encrypted_and_found_by_its_hash(log: AuditLog, database: Database) -> None:
    keys, person = persons().keys, "e" * 22  # of no other test: the keys are erased
    persons().encrypt_label("", person, "card", "cvr")  # the person has keys
    about = replace(line(1, "card:a", reason="Karlas mor har ringet"), person=person)
    await log.add([about, replace(line(2, "card:b", reason="Karlas mor har ringet"))])

    stored = await database["accesses"].find().to_list(None)
    assert "Karla" not in str(stored)
    assert is_person_key(stored[0]["reason_ciphertext"])
    wanted = Criteria(reason="Karlas mor har ringet")
    assert [entry.reason for entry in await log.search(wanted, before=None, limit=10)] == [wanted.reason] * 2

    for keys_id in keys.ids_of(person):
        keys.erase(keys_id)
    assert [entry.reason for entry in await log.search(wanted, before=None, limit=10)] == [wanted.reason, None]


@pytest.mark.parametrize("log", ["mongodb"], indirect=True)
async def test_a_reason_from_before_is_read_and_found(log: AuditLog, database: Database) -> None:
    await log.add([line(1, "card:a")])
    await database["accesses"].update_one({}, {"$set": {"reason": "sag 7"}})
    assert [entry.reason for entry in await log.search(Criteria(reason="sag 7"), before=None, limit=10)] == ["sag 7"]


async def test_an_existing_entry_stays_unchanged(log: AuditLog) -> None:
    await log.add([line(1, "card:a", reason="first")])
    await log.add([line(1, "card:a", reason="second"), line(2, "card:a")])
    found = await log.latest([Span("card:a")], own=True, before=None, limit=10)
    assert [access.reason for access in found] == [None, "first"]


async def test_the_entries_of_several_subjects_are_one_list_newest_first(log: AuditLog) -> None:
    await log.add(
        [line(n, subject) for n, subject in enumerate(["card:a", "year:2025", "card:b", "person:a", "card:a"])]
    )
    assert await minutes(log, Span("card:a"), Span("person:a"), Span("year:2025")) == [4, 3, 1, 0]
    assert await minutes(log, Span("card:c")) == []


async def test_own_entries_are_excluded_by_default(log: AuditLog) -> None:
    await log.add([line(n, "card:a", own=n % 2 == 0) for n in range(4)])
    assert await minutes(log, Span("card:a"), own=False) == [3, 1]
    assert await minutes(log, Span("card:a"), own=True) == [3, 2, 1, 0]


async def test_a_span_includes_its_start_and_excludes_its_end(log: AuditLog) -> None:
    await log.add([line(n, "year:2025") for n in range(5)])
    since, until = stamp(NOON + timedelta(minutes=1)), stamp(NOON + timedelta(minutes=3))
    assert await minutes(log, Span("year:2025", since, until)) == [2, 1]
    assert await minutes(log, Span("year:2025", until)) == [4, 3]


async def test_a_page_continues_after_the_previous_one(log: AuditLog) -> None:
    await log.add([line(n, "card:a") for n in range(5)])
    first = await log.latest([Span("card:a")], own=True, before=None, limit=2)
    assert await minutes(log, Span("card:a"), before=first[-1].order, limit=2) == [2, 1]


@pytest.mark.parametrize("log", ["mongodb"], indirect=True)
async def test_mongodb_merges_index_ranges_without_a_sort(log: AuditLog, database: Database) -> None:
    await log.add([line(n, f"card:{n % 3}") for n in range(60)])
    spans = [Span("card:0"), Span("card:1"), Span("year:2025", "2025", "2026")]
    asked = database["accesses"].find(query(spans, own=True, before="2026")).sort("_id", -1).limit(5)
    plan = str((await asked.explain())["queryPlanner"]["winningPlan"])
    assert "SORT_MERGE" in plan
    assert "'SORT'" not in plan


SEARCHED = [
    line(0, "card:a", reason="S-1"),
    replace(line(1, "card:b", reason="S-2"), organisation="751"),
    replace(line(2, "card:a"), role=Role.EMPLOYER, organisation="99000007", actor="bookkeeper-1"),
    line(3, "card:a", own=True, reason="S-1"),
]


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        (Criteria(), [3, 2, 1, 0]),
        (Criteria(reason="S-1"), [3, 0]),
        (Criteria(organisation="751"), [1]),
        (Criteria(actor="bookkeeper-1", role=Role.EMPLOYER), [2]),
        (Criteria(spans=[Span("card:a")]), [3, 2, 0]),
        (Criteria(spans=[Span("card:a")], role=Role.CASEWORKER, until=stamp(NOON + timedelta(minutes=3))), [0]),
        (Criteria(since=stamp(NOON + timedelta(minutes=1)), until=stamp(NOON + timedelta(minutes=3))), [2, 1]),
        (Criteria(spans=[]), []),
    ],
)
async def test_a_search_finds_the_entries_for_which_everything_holds(
    log: AuditLog, criteria: Criteria, found: list[int]
) -> None:
    await log.add(SEARCHED)
    entries = await log.search(criteria, before=None, limit=10)
    assert [(entry.at - NOON) // timedelta(minutes=1) for entry in entries] == found


@pytest.mark.parametrize("log", ["mongodb"], indirect=True)
@pytest.mark.parametrize(
    ("field", "indexed"), [("organisation", "organisation"), ("actor", "actor"), ("reason", "reason_hash")]
)
async def test_a_search_by_one_field_is_a_range_of_its_index(
    log: AuditLog, database: Database, field: str, indexed: str
) -> None:
    values: list[dict[str, Any]] = [{field: f"{n % 20}"} for n in range(200)]
    await log.add([replace(line(n, "card:a"), **value) for n, value in enumerate(values)])
    wanted: dict[str, Any] = {field: "3"}
    hashes = persons().reason_hashes("3")
    asked = database["accesses"].find(search_query(Criteria(**wanted), before="2026", reason_hashes=hashes))
    plan = str((await asked.sort("_id", -1).limit(5).explain())["queryPlanner"]["winningPlan"])
    assert f"'{indexed}_1__id_-1'" in plan
    assert "'SORT'" not in plan
