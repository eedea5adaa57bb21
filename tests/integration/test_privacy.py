"""The other integration tests left no CPR number and no name in the clear: in a log, a topic, a database or a span."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from tests.integration.scene import SECRET, World, accepted, refused
from tests.integration.topics import read_all
from tests.tracing import Receiver

pytestmark = pytest.mark.last

CPR = re.compile(rb"(?=(\d{6}[- ]?\d{4}))")
NAMES = (SECRET.encode(), SECRET.lower().encode(), b"Testborger")


@pytest.fixture(autouse=True, scope="module")
def _something_personal_went_through(world: World) -> None:
    """Personal data exist even when these tests run alone."""
    job = world.job()
    job.report(4_300_000)
    accepted(job.card.caseworker.post("/v1/cards/search", {"cpr": job.card.citizen.cpr}), 200)
    body = {"cpr": job.card.citizen.cpr, "name": job.card.citizen.name, "case_reference": job.card.citizen.cpr}
    refused(job.card.caseworker.post("/v1/cards", body), 422, "invalid-request")
    refused(job.card.caseworker.get(f"/v1/cards/{job.card.citizen.cpr}"), 404, "card-unknown")


@pytest.fixture(scope="module")
def cprs(world: World) -> frozenset[bytes]:
    """Every CPR number that the tests used."""
    people = [person.cpr for person in world.system.people.values() if person.cpr is not None]
    return frozenset(cpr.encode() for cpr in [*people, *(citizen.cpr for citizen in world.citizens)])


def personal(content: bytes, cprs: frozenset[bytes]) -> Iterator[str]:
    """Personal data in ``content``."""
    for match in CPR.finditer(content):
        digits = match[1].replace(b"-", b"").replace(b" ", b"")
        if digits in cprs:
            yield "a CPR number"
    yield from (f"the name {name.decode()}" for name in NAMES if name in content)


def test_the_search_finds_cpr_numbers_and_names(world: World, cprs: frozenset[bytes]) -> None:
    citizen = world.citizens[0]
    sent = f'{{"cpr":"x{citizen.cpr}","name":"{citizen.name}"}}'.encode()
    assert len(list(personal(sent, cprs))) == 2
    hyphened = f"{citizen.cpr[:6]}-{citizen.cpr[6:]}".encode()
    assert list(personal(hyphened, cprs)) == ["a CPR number"]


def test_no_log_contains_personal_data(world: World, cprs: frozenset[bytes]) -> None:
    logs = sorted((world.system.config.data / "logs").glob("*.log"))
    assert {"gateway.log", "issuance.log", "reporting.log", "balance.log", "exports.log"} <= {log.name for log in logs}
    found = {
        f"{log.name}:{number}: {what}"
        for log in logs
        for number, line in enumerate(log.read_bytes().splitlines(), start=1)
        for what in personal(line, cprs)
    }
    assert found == set()


def test_the_gateway_logs_the_template_of_a_path_and_not_the_path(world: World) -> None:
    text = (world.system.config.data / "logs" / "gateway.log").read_text()
    assert "/v1/cards/{card_id}" in text
    assert not re.search(r"/v1/cards/[0-9]", text)


async def test_no_topic_contains_personal_data(world: World, cprs: frozenset[bytes]) -> None:
    records = await read_all(world.system.access)
    assert len({record.topic for record in records}) >= 8
    found = set()
    for record in records:
        headers = b"\n".join(value or b"" for _, value in record.headers)
        for what in personal(b"\n".join((record.key, record.value, headers)), cprs):
            found.add(f"{record.topic}: {what}")
    assert found == set()


def test_no_database_contains_personal_data(world: World, cprs: frozenset[bytes]) -> None:
    client: MongoClient[RawBSONDocument] = MongoClient(world.system.mongodb, document_class=RawBSONDocument)
    found, documents = set(), 0
    for name in client.list_database_names():
        if name in ("local", "config", "admin"):
            continue
        for collection in client[name].list_collection_names():
            for document in client[name][collection].find():
                documents += 1
                for what in personal(bytes(document.raw), cprs):
                    found.add(f"{name}.{collection}: {what}")
    assert documents > 10
    assert found == set()


def test_no_span_contains_personal_data(traces: Receiver, cprs: frozenset[bytes]) -> None:
    assert len(traces.bodies) > 10
    assert {what for body in traces.bodies for what in personal(body, cprs)} == set()
