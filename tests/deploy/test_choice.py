"""The launcher takes an engine from the environment, then from Docker, then from its binary."""

from pathlib import Path

import pytest

from deploy.local import mongod
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
def test_the_first_available_source_is_used(environment: dict[str, str], docker: bool, expected: Source) -> None:
    assert choose("FRIKORT_KAFKA", environment, lambda: docker) is expected


def test_docker_is_not_tried_if_the_environment_has_an_address() -> None:
    def docker_answers() -> bool:
        raise AssertionError("Docker was tried")

    choose("FRIKORT_KAFKA", ADDRESS, docker_answers)


@pytest.mark.parametrize(("engine", "variable"), [("MongoDB", "FRIKORT_MONGODB"), ("Kafka", "FRIKORT_KAFKA")])
def test_an_address_in_the_environment_that_does_not_answer_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, variable: str
) -> None:
    if engine == "Kafka":
        monkeypatch.setattr(mongod, "answers_ping", lambda _: True)
    unused = f"127.0.0.1:{free_port()}"
    environment = {"FRIKORT_KAFKA": unused, "FRIKORT_MONGODB": f"mongodb://{unused}/"}
    engines = Engines(Config(data=tmp_path), environment=environment, docker_answers=lambda: False)
    with pytest.raises(LauncherError, match=f"No {engine} answers at .*{variable}"), engines:
        pass
