"""A production start as docs/operations.md says: a report reaches the authority, unsafe settings are refused."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from secrets import token_bytes, token_hex
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer
from frikort_contracts.cloudevents import decode
from frikort_contracts.extracts import TaxStatementUpdated
from frikort_contracts.topics import AUTHORITY_SKAT, STATISTICS
from frikort_contracts.values import danish_day
from pydantic import SecretStr
from pymongo import MongoClient

from deploy.local import kafka
from deploy.local.config import REPOSITORY
from deploy.local.demo_data import birth_date_of
from deploy.local.errors import LauncherError
from deploy.local.process import Process
from deploy.local.system import SERVICES, TOPICS
from services.runtime import exit_codes
from tests import agency
from tests.certificates import Authority
from tests.chaos.pages import Person
from tests.operations import kafka_tools
from tests.operations.page_commands import written_with
from tests.production.system import MONGODB, Production, allowances_of_this_year
from tests.waiting import eventually

pytestmark = [pytest.mark.verify, pytest.mark.timeout(600)]

SERVICE: Final = {service.name: service for service in SERVICES}
EXAMPLE: Final = dict(re.findall(r"^(FRIKORT_\w+)=(.+)$", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
SAME_KEY: Final = b64encode(token_bytes(32)).decode()
ZEROS: Final = b64encode(bytes(32)).decode()

_FEED_SECONDS: Final = 60


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    """The running system."""
    directory = tmp_path_factory.mktemp("production")
    authority = Authority(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.file))
        with Production(directory, authority, allowances_of_this_year(directory / "allowances.toml")) as running:
            yield running


def test_the_commands_of_the_provisioner_find_nothing_to_change(production: Production) -> None:
    production.run_command(TOPICS, "--check")
    production.run_command(MONGODB, "--check")


async def test_a_report_reaches_the_feed_of_the_authority(production: Production) -> None:
    today = danish_day(datetime.now(UTC))
    citizen = production.people["citizen-1"]
    issued = production.caller("caseworker-101-a").post(
        "/v1/cards", {"cpr": citizen.cpr, "name": citizen.name, "case_reference": "S-1"}
    )
    assert issued.status == 201, issued
    employer = production.caller("employer-a")
    registered = employer.post(
        "/v1/employments",
        {
            "card_number": issued["number"],
            "birth_date": birth_date_of(citizen).isoformat(),
            "period": {"first": today.isoformat()},
            "contact": {"name": "Kontor", "email": "kontor@example.dk", "phone": "+45 12 34 56 78"},
        },
    )
    assert registered.status == 201, registered
    reported = employer.post(
        "/v1/reports",
        {
            "employment_id": registered["employment_id"],
            "reference": "production",
            "work": {"first": today.isoformat(), "last": today.isoformat()},
            "payment_date": today.isoformat(),
            "components": {"wage_ore": 100_000},
        },
    )
    assert reported.status == 201, reported
    statement = await statement_of_skat(production)
    assert statement.card_id == issued["card_id"]
    assert (statement.year, statement.reported, statement.exempt) == (today.year, 100_000, 100_000)
    key = agency.private_key(production.keys.authority_private_keys)
    assert agency.cpr_of(statement.cpr, key, statement.card_id) == citizen.cpr


async def test_the_documented_command_changes_a_password(production: Production) -> None:
    password = token_hex(32)
    await asyncio.to_thread(production.change_kafka_password, "authority-star", password)
    settings = production.engines.access.settings("authority-star")
    changed = settings.model_copy(update={"kafka_password_file": None, "kafka_password": SecretStr(password)})

    async def answers() -> bool:
        return await asyncio.to_thread(kafka.answers_metadata, changed)

    await eventually(answers, what="a login with the new password")
    assert not await asyncio.to_thread(kafka.answers_metadata, settings)


async def test_a_topic_with_too_few_replicas_gets_more_by_the_commands_of_the_page(production: Production) -> None:
    await _reassign(production, [[1 + number % 3] for number in range(STATISTICS.partitions)])
    with pytest.raises(LauncherError):
        production.run_command(TOPICS, "--check")
    assert f"the replication of {STATISTICS.name} is 1" in production.log_of(TOPICS)
    await _reassign(
        production, [[1 + (number + step) % 3 for step in range(3)] for number in range(STATISTICS.partitions)]
    )
    production.run_command(TOPICS, "--check")


async def _reassign(production: Production, replicas: Sequence[Sequence[int]]) -> None:
    """Move a topic's partitions to these brokers, and wait until that is complete."""
    directory, address = production.write_kafka_login().parent, production.engines.kafka
    found = [{"topic": STATISTICS.name, "partition": n, "replicas": [*on]} for n, on in enumerate(replicas)]
    (directory / "replicas.json").write_text(json.dumps({"version": 1, "partitions": found}))
    execute, verify = (written_with("kafka-reassign-partitions", word) for word in ("--execute", "--verify"))
    done = await asyncio.to_thread(kafka_tools.run_with_login, execute, address, directory)
    assert "Successfully started partition reassignments" in done.stdout, done.stderr

    async def completed() -> bool:
        answer = await asyncio.to_thread(kafka_tools.run_with_login, verify, address, directory)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.count("is completed.") == len(found)

    await eventually(completed, within=60, what="the reassignment")


async def test_a_person_logs_in_at_the_portals(production: Production) -> None:
    person = Person()
    try:
        await person.sign_in(production.addresses["portals"], "kommune", "caseworker-101-a")
    finally:
        await person.close()


@pytest.mark.parametrize(
    ("process", "changes", "named"),
    [
        ("gateway", {"FRIKORT_ENCRYPTION_KEYS": EXAMPLE["FRIKORT_ENCRYPTION_KEYS"]}, "the key example-1 in {}"),
        ("gateway", {"FRIKORT_LOOKUP_KEY": EXAMPLE["FRIKORT_LOOKUP_KEY"]}, "{}"),
        ("portals", {"FRIKORT_SESSION_KEYS": f"k1:{ZEROS}"}, "the key k1 in {}"),
        ("gateway", {"FRIKORT_LOOKUP_KEY": SAME_KEY, "FRIKORT_ENCRYPTION_KEYS": f"k1:{SAME_KEY}"}, "{}"),
        ("gateway", {"FRIKORT_ISSUER": "http://login.example.dk"}, "{}"),
        ("portals", {"FRIKORT_PUBLIC_URL": "http://frikort.example.dk"}, "{}"),
        ("payroll", {"FRIKORT_MONGODB_USER": None, "FRIKORT_MONGODB_PASSWORD_FILE": None}, "{}"),
        ("balance", {"FRIKORT_MONGODB_TLS": None, "FRIKORT_MONGODB_CA_FILE": None}, "{}"),
        ("reporting", {"FRIKORT_KAFKA_USER": None, "FRIKORT_KAFKA_PASSWORD_FILE": None}, "{}"),
        ("issuance", {"FRIKORT_KAFKA_TLS": None, "FRIKORT_KAFKA_CA_FILE": None}, "{}"),
        ("projections", {"FRIKORT_TOPIC_REPLICATION": "1"}, "{}"),
        ("gateway", {"FRIKORT_LOOKUP_KEY": b64encode(token_bytes(32)).decode()}, "{}"),
        ("payroll", {"FRIKORT_ENCRYPTION_KEYS": f"k2:{b64encode(token_bytes(32)).decode()}"}, "{}"),
    ],
)
async def test_a_process_with_an_unsafe_setting_does_not_start_and_names_it(
    production: Production, process: str, changes: Mapping[str, str | None], named: str
) -> None:
    unsafe = production.process(SERVICE[process], f"unsafe-{process}", **changes)
    assert await refused(unsafe) == named.format(next(iter(changes)))


async def test_a_database_whose_clock_a_local_run_has_set_is_refused(production: Production) -> None:
    with MongoClient[dict[str, Any]](production.engines.mongodb) as client:
        clock = client["frikort_gateway"]["clock"]
        clock.insert_one({"_id": "offset", "microseconds": 1})
        try:
            unsafe = production.process(SERVICE["gateway"], "unsafe-clock")
            assert await refused(unsafe) == "the collection clock of frikort_gateway"
        finally:
            clock.delete_one({"_id": "offset"})


@pytest.mark.last
def test_every_process_stops_when_it_is_asked_to(production: Production) -> None:
    codes = {name: process.terminate() for name, process in production.processes.items()}
    assert set(codes.values()) == {exit_codes.DONE}, codes


async def statement_of_skat(production: Production) -> TaxStatementUpdated:
    """The first statement with a report on the feed of the tax agency, read as the agency reads it."""
    consumer = AIOKafkaConsumer(
        AUTHORITY_SKAT.name,
        **production.engines.access.options("authority-skat"),
        group_id="authority-skat.production",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        async with asyncio.timeout(_FEED_SECONDS):
            async for record in consumer:
                statement = decode(AUTHORITY_SKAT, record.value, tuple(record.headers)).data
                if isinstance(statement, TaxStatementUpdated) and statement.reported:
                    return statement
    finally:
        await consumer.stop()
    raise AssertionError("the feed ended")


async def refused(process: Process) -> str:
    """Start a process that is refused. Returns the setting that its log names."""
    already = process.log.stat().st_size if process.log.exists() else 0

    async def has_ended() -> bool:
        return not process.alive

    process.start()
    try:
        await eventually(has_ended, within=60, what=f"the end of {process.name}")
    finally:
        process.kill()
    with process.log.open(encoding="utf-8") as log:
        log.seek(already)
        lines = [json.loads(line) for line in log if line.startswith("{")]
    assert process.exit_code == exit_codes.UNSAFE_SETTING, lines
    (refusal,) = [line for line in lines if line["event"] == "runtime.refused"]
    return str(refusal["setting"])
