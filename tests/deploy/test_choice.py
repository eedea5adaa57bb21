"""Which engine the launcher takes: the environment's address, then Docker, then the binary."""

from pathlib import Path

import pytest

from deploy.local.config import Config
from deploy.local.engines import Engines, Source, choose
from deploy.local.errors import LauncherError
from deploy.local.ports import free_port

ADDRESS = {"FRIKORT_KAFKA": "broker.example:9092"}


@pytest.mark.parametrize(
    ("environment", "docker", "expected"),
    [
        (ADDRESS, True, Source.ENVIRONMENT),
        (ADDRESS, False, Source.ENVIRONMENT),
        ({}, True, Source.DOCKER),
        ({"FRIKORT_KAFKA": ""}, True, Source.DOCKER),
        ({}, False, Source.BINARY),
    ],
)
def test_first_that_is_there_wins(environment: dict[str, str], docker: bool, expected: Source) -> None:
    assert choose("FRIKORT_KAFKA", environment, lambda: docker) is expected


def test_docker_is_not_asked_when_the_environment_has_the_address() -> None:
    def asked() -> bool:
        raise AssertionError("asked")

    choose("FRIKORT_KAFKA", ADDRESS, asked)


def test_silent_addresses_of_the_environment_are_refused_clearly(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    environment = {"FRIKORT_KAFKA": nobody, "FRIKORT_MONGODB": f"mongodb://{nobody}/"}
    engines = Engines(Config(data=tmp_path), environment=environment, docker_answers=lambda: False)
    with pytest.raises(LauncherError, match=f"No Kafka answers at {nobody}.*FRIKORT_KAFKA"), engines:
        pass
