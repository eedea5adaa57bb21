"""A broker with the topics and rights of the topic table, and no service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.config import Config
from deploy.local.engines import Engines
from deploy.local.kafka_users import KafkaAccess
from services.runtime.kafka.topics.provisioning import provision
from services.runtime.settings import RuntimeSettings


@pytest.fixture(scope="package")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Engines of these tests alone: an attack that succeeds would harm other tests."""
    with Engines(Config(tmp_path_factory.mktemp("attacked")), environment={}, docker_answers=lambda: False) as running:
        yield running


@pytest.fixture(scope="package")
async def settings(attacked: Engines) -> RuntimeSettings:
    """How the provisioner connects. The topics exist and the rights are granted."""
    settings = RuntimeSettings(
        **attacked.access.settings().model_dump(), environment="local", mongodb=attacked.mongodb, topic_replication=1
    )
    await provision(settings)
    return settings


@pytest.fixture(scope="package")
def access(attacked: Engines, settings: RuntimeSettings) -> KafkaAccess:
    """How each principal connects to the broker, once the rights are granted."""
    return attacked.access
