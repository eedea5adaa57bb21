"""A broker that speaks TLS: clients check its certificate, and a service works as without TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from frikort_contracts.access import PROVISIONER, rights

from deploy.local import kafka, kafka_users, ports
from deploy.local.kafka_users import KafkaAccess
from deploy.local.progress import Silent
from services.runtime import exit_codes
from services.runtime.kafka.topics.provisioning import check_all, provision
from tests.certificates import Authority
from tests.operations.harness import Harness

pytestmark = pytest.mark.verify


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def access(harness: Harness, authority: Authority, tmp_path: Path) -> AsyncIterator[KafkaAccess]:
    """A broker whose listener for clients is closed to all but TLS, and how principals connect to it."""
    port, certificates = ports.free_port(), authority.issue("broker")
    users = kafka_users.passwords(tmp_path / "keys")
    access = KafkaAccess(f"127.0.0.1:{port}", users, KafkaAccess.tls(certificates))
    broker = kafka.process(
        kafka.install(harness.engines.config.cache, Silent()),
        data=tmp_path / "kafka",
        log=tmp_path / "kafka.log",
        kafka_port=port,
        controller_port=ports.free_port(),
        users=users,
        certificates=certificates,
    )
    broker.start()
    try:
        await asyncio.to_thread(broker.wait_ready)
        yield access
    finally:
        await asyncio.to_thread(broker.terminate)


async def test_topics_rights_and_services_work_over_tls(harness: Harness, access: KafkaAccess) -> None:
    settings = harness.settings.model_copy(update=access.settings().model_dump())
    assert (await provision(settings)).rights == len(rights())
    await check_all(settings)
    given = {name.removeprefix("FRIKORT_").lower(): text for name, text in access.environment(PROVISIONER).items()}
    service = harness.service("over-tls", **given)
    service.process.start()
    await asyncio.to_thread(service.process.wait_ready)
    assert service.process.terminate() == exit_codes.DONE


async def test_a_client_trusts_only_a_certificate_of_its_authority_for_the_address(
    access: KafkaAccess, tmp_path: Path
) -> None:
    async def answers(settings: dict[str, object]) -> bool:
        return await asyncio.to_thread(kafka.answers_metadata, access.settings().model_copy(update=settings))

    assert await answers({})
    assert not await answers({"kafka_tls": False})
    assert not await answers({"kafka_ca_file": Authority(tmp_path, "foreign").file})
    assert not await answers({"kafka": access.address.replace("127.0.0.1", "localhost")})
