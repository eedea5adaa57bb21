"""No personal data is in the clear: in a log, a metric, a topic, a database and its oplog, an extract or a span.

The CPR numbers and names of the other integration tests are searched for as they are. Those of a planted citizen, with
the birth date, a message and a contact person, are also searched for in other encodings.
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import bson
import pyarrow.parquet as pq
import pytest
from bson.raw_bson import RawBSONDocument
from frikort_contracts.cloudevents import Record
from pymongo import MongoClient

from tests.integration.planted import (
    CONTACT,
    MESSAGE,
    PLANTED,
    REASONS,
    REFERENCES,
    SEARCH,
    extract_with_the_planted_citizen,
    plant,
)
from tests.integration.scene import SECRET, World, accepted, refused
from tests.integration.topics import read_all
from tests.tracing import Receiver

pytestmark = pytest.mark.last

CPR = re.compile(rb"(?=(\d{6}[- ]?\d{4}))")
SERVICES: Final = ("gateway", "projections", "payroll", "issuance", "reporting", "balance", "exports")
PLANTED_IN: Final = "frikort_privacy_test"
ENCODINGS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "utf-8": lambda text: text.encode(),
    "utf-16": lambda text: text.encode("utf-16-le"),
    "hex": lambda text: text.encode().hex().encode(),
    "base64": lambda text: b64encode(text.encode()),
    "base64url": lambda text: urlsafe_b64encode(text.encode()),
}
NAMES = (SECRET.encode(), SECRET.lower().encode(), b"Testborger")


@pytest.fixture(autouse=True, scope="module")
def _something_personal_went_through(world: World) -> None:
    """Personal data exist even when these tests run alone."""
    plant(world)
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
    yield from (f"{trace.what}, in {trace.encoding}" for trace in SEARCH.find(content))


def test_the_search_finds_cpr_numbers_and_names(world: World, cprs: frozenset[bytes]) -> None:
    citizen = world.citizens[0]
    sent = f'{{"cpr":"x{citizen.cpr}","name":"{citizen.name}"}}'.encode()
    assert len(list(personal(sent, cprs))) == 2
    hyphened = f"{citizen.cpr[:6]}-{citizen.cpr[6:]}".encode()
    assert list(personal(hyphened, cprs)) == ["a CPR number"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "secret", [PLANTED.cpr, *PLANTED.name.split(), "1931-02-28", MESSAGE, *REASONS, *REFERENCES, *CONTACT.values()]
)
@pytest.mark.parametrize("before", ["", "1", "12"])
def test_the_search_finds_a_planted_secret_in_any_encoding(secret: str, encoding: str, before: str) -> None:
    encode = ENCODINGS[encoding]
    assert SEARCH.find(encode(f'{before}{{"value": "{secret}"}}'))
    assert not SEARCH.find(encode(f'{before}{{"value": "7402291118 Zebulon 1933-04-17"}}'))


async def test_the_search_finds_what_is_planted_in_a_topic_and_a_database(world: World, cprs: frozenset[bytes]) -> None:
    """Proof that the next tests would find it: a record and a document with a number in the clear."""
    hidden = b64encode(f"a note about {PLANTED.cpr}".encode())
    client: MongoClient[RawBSONDocument] = MongoClient(world.system.mongodb, document_class=RawBSONDocument)
    planted = client[PLANTED_IN]["planted"]
    try:
        planted.insert_one(RawBSONDocument(bson.encode({"_id": "planted", "note": hidden})))
        assert {what.partition(":")[0] for what in in_databases(client, cprs)} == {f"{PLANTED_IN}.planted"}
        assert "the CPR number of the citizen, in base64 of utf-8" in in_oplog(client, PLANTED_IN)
    finally:
        client.drop_database(PLANTED_IN)
    assert in_records([Record("topic", b"key", hidden, ())], cprs)


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
    assert in_records(records, cprs) == set()


def in_records(records: Iterable[Record], cprs: frozenset[bytes]) -> set[str]:
    """Where records contain personal data."""
    found = set()
    for record in records:
        headers = b"\n".join(value or b"" for _, value in record.headers)
        for what in personal(b"\n".join((record.key, record.value, headers)), cprs):
            found.add(f"{record.topic}: {what}")
    return found


def test_no_database_contains_personal_data(world: World, cprs: frozenset[bytes]) -> None:
    client: MongoClient[RawBSONDocument] = MongoClient(world.system.mongodb, document_class=RawBSONDocument)
    assert client["frikort_gateway"]["accesses"].estimated_document_count() > 10
    assert in_databases(client, cprs) == set()


def in_databases(client: MongoClient[RawBSONDocument], cprs: frozenset[bytes]) -> set[str]:
    """Where documents contain personal data."""
    found = set()
    for name in client.list_database_names():
        if name in ("local", "config", "admin"):
            continue
        for collection in client[name].list_collection_names():
            for document in client[name][collection].find():
                for what in personal(bytes(document.raw), cprs):
                    found.add(f"{name}.{collection}: {what}")
    return found


def test_the_log_of_operations_contains_no_personal_data(world: World) -> None:
    client: MongoClient[RawBSONDocument] = MongoClient(world.system.mongodb, document_class=RawBSONDocument)
    assert client["local"]["oplog.rs"].estimated_document_count() > 100
    assert in_oplog(client) == set()


def in_oplog(client: MongoClient[RawBSONDocument], database: str = "") -> set[str]:
    """What the log of operations contains about the planted citizen, also if it was deleted since.

    ``database``: of a test that plants something on purpose; else of all others.
    """
    planted = {"$regex": f"^{PLANTED_IN}"}
    entries = client["local"]["oplog.rs"].find({"ns": planted if database else {"$not": planted}})
    return {f"{trace.what}, in {trace.encoding}" for entry in entries for trace in SEARCH.find(bytes(entry.raw))}


@pytest.mark.parametrize("service", SERVICES)
def test_no_metric_contains_personal_data(world: World, cprs: frozenset[bytes], service: str) -> None:
    metrics = world.metrics(service)
    assert "frikort_" in metrics
    assert set(personal(metrics.encode(), cprs)) == set()


async def test_no_extract_contains_personal_data_in_the_clear(world: World, cprs: frozenset[bytes]) -> None:
    extract = await extract_with_the_planted_citizen(world)
    assert extract.count(b"\n") > 1
    assert set(personal(extract, cprs)) == set()
    files = [path for path in (world.system.config.data / "extracts").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".csv", ".jsonl", ".parquet"}
    assert {what for path in files for what in personal(uncompressed(path), cprs)} == set()


def uncompressed(path: Path) -> bytes:
    """The content of a file of an extract."""
    return str(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()


def test_no_span_contains_personal_data(traces: Receiver, cprs: frozenset[bytes]) -> None:
    assert len(traces.bodies) > 10
    assert {what for body in traces.bodies for what in personal(body, cprs)} == set()
