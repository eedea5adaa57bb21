"""The topic command grants the rights of the topic table, and finds what is missing and what is too much."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from frikort_contracts.access import PROVISIONER
from frikort_contracts.topics import EARNINGS

from deploy.local.config import REPOSITORY
from services.runtime import exit_codes
from services.runtime.kafka.connection import librdkafka_options
from tests.operations import kafka_tools
from tests.operations.harness import Harness
from tests.operations.page_commands import written_with

_TOPIC = (ResourceType.TOPIC, EARNINGS.name, ResourcePatternType.LITERAL)


def acl(principal: str, operation: AclOperation) -> AclBinding:
    return AclBinding(*_TOPIC, f"User:{principal}", "*", operation, AclPermissionType.ALLOW)


def delete(admin: AdminClient, binding: AclBinding) -> None:
    exactly = AclBindingFilter(*_TOPIC, binding.principal, binding.host, binding.operation, binding.permission_type)
    for deleted in admin.delete_acls([exactly]).values():
        deleted.result()


@contextmanager
def granted(admin: AdminClient, binding: AclBinding) -> Iterator[None]:
    admin.create_acls([binding])[binding].result()
    try:
        yield
    finally:
        delete(admin, binding)


async def topics(harness: Harness, *arguments: str, principal: str = PROVISIONER) -> tuple[int, dict[str, object]]:
    """Run the command as ``principal``. Returns its exit code and its last log line."""
    environment = harness.environment() | harness.engines.access.environment(principal)
    argv = [sys.executable, "-m", "services.runtime.kafka.topics", *arguments]
    done = await asyncio.to_thread(
        subprocess.run, argv, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return done.returncode, json.loads(done.stderr.splitlines()[-1])


def administrator(harness: Harness) -> AdminClient:
    return AdminClient(librdkafka_options(harness.settings))


async def test_a_right_that_the_table_does_not_have_is_refused_by_name(harness: Harness) -> None:
    with granted(administrator(harness), acl("payroll", AclOperation.READ)):
        code, last = await topics(harness)
        assert code == exit_codes.UNSAFE_SETTING
        assert f"User:payroll may read topic {EARNINGS.name}" in str(last["problem"])
    code, last = await topics(harness, "--check")
    assert (code, last["event"]) == (exit_codes.DONE, "topics.ready")


@pytest.mark.verify
async def test_a_right_that_was_granted_by_hand_is_removed_by_the_command_of_the_page(
    harness: Harness, tmp_path: Path
) -> None:
    admin, binding = administrator(harness), acl("payroll", AclOperation.READ)
    admin.create_acls([binding])[binding].result()
    assert (await topics(harness, "--check"))[0] == exit_codes.UNSAFE_SETTING
    line = written_with("kafka-acls", "--remove").replace("User:x", "User:payroll").replace(" y", f" {EARNINGS.name}")
    done = await asyncio.to_thread(kafka_tools.run_line, line, harness.engines, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (await topics(harness, "--check"))[0] == exit_codes.DONE


@pytest.mark.verify
async def test_a_partition_is_read_by_the_command_of_the_page(harness: Harness, tmp_path: Path) -> None:
    async with AIOKafkaProducer(**harness.engines.access.options()) as producer:
        await producer.send_and_wait(EARNINGS.name, b"written by somebody else", partition=5)
    line = written_with("kafka-console-consumer", "earliest").replace("<topic>", EARNINGS.name).replace("<number>", "5")
    done = await asyncio.to_thread(kafka_tools.run_line, line, harness.engines, tmp_path)
    assert "written by somebody else" in done.stdout.splitlines(), done.stderr


@pytest.mark.verify
async def test_the_record_of_a_message_is_read_by_the_command_of_the_page(harness: Harness, tmp_path: Path) -> None:
    async with AIOKafkaProducer(**harness.engines.access.options()) as producer:
        for name in (b"before", b"this one", b"after"):
            headers = [("ce_causationid", name)]
            record = await producer.send_and_wait(EARNINGS.name, b"{}", partition=4, headers=headers)
    line = written_with("kafka-console-consumer", "<offset>").replace("<topic>", EARNINGS.name).replace("<number>", "4")
    line = line.replace("<offset>", str(record.offset - 1))
    done = await asyncio.to_thread(kafka_tools.run_line, line, harness.engines, tmp_path)
    assert "ce_causationid:this one\t{}" in done.stdout.splitlines(), done.stderr


async def test_a_right_for_everyone_is_refused(harness: Harness) -> None:
    with granted(administrator(harness), acl("*", AclOperation.DESCRIBE)):
        code, last = await topics(harness, "--check")
    assert code == exit_codes.UNSAFE_SETTING
    assert f"User:* may describe topic {EARNINGS.name}" in str(last["problem"])


async def test_a_missing_right_is_named_and_granted_again(harness: Harness) -> None:
    delete(administrator(harness), acl("balance", AclOperation.READ))
    code, last = await topics(harness, "--check")
    assert code == exit_codes.NOT_DONE
    assert last["problem"] == f"not granted: User:balance may read topic {EARNINGS.name}"
    code, last = await topics(harness)
    assert (code, last["granted"]) == (exit_codes.DONE, 1)
    code, last = await topics(harness)
    assert (code, last["granted"]) == (exit_codes.DONE, 0)


async def test_another_principal_cannot_run_the_command(harness: Harness) -> None:
    code, last = await topics(harness, principal="balance")
    assert code == exit_codes.NOT_DONE
    assert last["event"] == "topics.wrong"
