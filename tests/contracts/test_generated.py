"""The committed schemas and documents are up to date and valid."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from frikort_contracts.cloudevents import encode
from frikort_contracts.messages import Message
from frikort_contracts.topics import MESSAGE_TYPES, TOPICS
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError

from deploy import asyncapi, generate_contracts
from tests.contracts.examples import EXAMPLES, envelope

HERE = Path(__file__).parent
OFFICIAL = json.loads((HERE / "asyncapi-3.0.0.schema.json").read_text(encoding="utf-8"))
DOCUMENT: dict[str, Any] = json.loads(
    (generate_contracts.ROOT / generate_contracts.ASYNCAPI).read_text(encoding="utf-8")
)


def test_the_committed_documents_are_up_to_date() -> None:
    assert generate_contracts.differing(generate_contracts.ROOT) == [], "run: make schemas"


def test_a_changed_a_missing_and_an_extra_file_are_reported(tmp_path: Path) -> None:
    shutil.copytree(generate_contracts.ROOT / asyncapi.SCHEMAS, tmp_path / asyncapi.SCHEMAS)
    for name in (generate_contracts.ASYNCAPI, generate_contracts.OPENAPI):
        shutil.copy(generate_contracts.ROOT / name, tmp_path / name)
    changed, missing = "dk.frikort.card.issued.v1.json", "dk.frikort.card.deactivated.v1.json"
    (tmp_path / asyncapi.SCHEMAS / changed).write_text("{}")
    (tmp_path / asyncapi.SCHEMAS / missing).unlink()
    (tmp_path / asyncapi.SCHEMAS / "dk.frikort.gone.v1.json").write_text("{}")

    assert generate_contracts.differing(tmp_path) == sorted(
        f"schemas/{name}" for name in (changed, missing, "dk.frikort.gone.v1.json")
    )
    generate_contracts.write(tmp_path)
    assert generate_contracts.differing(tmp_path) == []


def test_the_check_names_an_outdated_file_and_exits_with_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate_contracts, "ROOT", tmp_path)
    assert generate_contracts.main(["--check"]) == 1
    assert "contracts/asyncapi.json is not as generated" in capsys.readouterr().err
    assert generate_contracts.main([]) == 0
    assert generate_contracts.main(["--check"]) == 0


def test_the_asyncapi_document_is_valid() -> None:
    Draft7Validator(OFFICIAL).validate(DOCUMENT)


def test_the_asyncapi_schema_refuses_an_invalid_document() -> None:
    first = next(iter(DOCUMENT["operations"]))
    broken = {**DOCUMENT, "operations": {first: {**DOCUMENT["operations"][first], "action": "unknown"}}}
    with pytest.raises(ValidationError):
        Draft7Validator(OFFICIAL).validate(broken)


def test_every_reference_of_the_document_exists() -> None:
    for reference in _references(DOCUMENT):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_every_topic_and_its_dead_letters_are_channels() -> None:
    assert set(DOCUMENT["channels"]) == {name for topic in TOPICS for name in (topic.name, topic.dead)}
    for topic in TOPICS:
        channel = DOCUMENT["channels"][topic.name]
        assert channel["bindings"]["kafka"]["partitions"] == topic.partitions
        assert set(channel["messages"]) == {message.__name__ for message in topic.messages}
        for service in topic.writers:
            assert DOCUMENT["operations"][f"{service}.send.{topic.name}"]["action"] == "send"
        for service in topic.readers:
            assert DOCUMENT["operations"][f"{service}.receive.{topic.name}"]["action"] == "receive"


def test_every_server_requires_a_user_and_the_one_in_production_tls() -> None:
    servers = DOCUMENT["servers"]
    assert {name: server["protocol"] for name, server in servers.items()} == {
        "production": "kafka-secure",
        "local": "kafka",
    }
    assert DOCUMENT["components"]["securitySchemes"]["scram"]["type"] == "scramSha512"
    for server in servers.values():
        assert server["security"] == [{"$ref": "#/components/securitySchemes/scram"}]


def test_written_headers_match_their_schema() -> None:
    headers = DOCUMENT["components"]["schemas"]["Headers"]
    validator = Draft202012Validator(headers)
    for example in EXAMPLES:
        sent = envelope(example, causation_id=envelope(example, "cause").id, traceparent="00-a-b-01")
        written = {name: value.decode() for name, value in encode(sent).headers}
        validator.validate(written)
        assert set(written) == set(headers["properties"]) - {"traceparent"}, "the runtime adds that of its span"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.type))
def test_a_written_body_satisfies_its_schema_and_a_body_without_a_required_field_does_not(example: Message) -> None:
    schema = json.loads(
        (generate_contracts.ROOT / asyncapi.SCHEMAS / f"{example.type}.json").read_text(encoding="utf-8")
    )
    assert schema["$id"] == f"urn:frikort:schema:{example.type}"
    assert schema["description"]
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    body = json.loads(encode(envelope(example)).value)
    validator.validate(body)
    for field in schema["required"]:
        with pytest.raises(ValidationError):
            validator.validate({name: value for name, value in body.items() if name != field})


def test_there_is_an_example_of_every_message() -> None:
    assert {example.type for example in EXAMPLES} == set(MESSAGE_TYPES)


def _references(document: Any) -> list[str]:
    if isinstance(document, dict):
        own = [document["$ref"]] if isinstance(document.get("$ref"), str) else []
        return own + [reference for part in document.values() for reference in _references(part)]
    if isinstance(document, list):
        return [reference for part in document for reference in _references(part)]
    return []
