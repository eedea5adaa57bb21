"""A change that would break a reader or a client of the released contracts is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from frikort_contracts import __version__
from frikort_contracts.messages import Command
from frikort_contracts.topics import MESSAGE_TYPES

from deploy import generate_contracts
from deploy.contract_compatibility import (
    EVENT,
    Schema,
    Use,
    api_broken_by,
    broken_by,
    operations,
    read,
)

RELEASES: Final = generate_contracts.releases(generate_contracts.ROOT)
DIGESTS: Final = {"0.2.0": "1bee7b159267bb6acfec91cacaa644286a23a94974f5be17a05e99330d7e999a"}
"""The digest of each release. A new release gets a row; a row never changes."""
API: Final = generate_contracts.openapi()
OPERATIONS: Final = {operation["operationId"]: (path, method) for path, method, operation in operations(API)}

Change = Callable[[Schema], bool]
"""Changes a copy of a schema; False if the schema has nothing of the kind."""


def use_of(message_type: str) -> Use:
    return Use.INPUT if issubclass(MESSAGE_TYPES[message_type], Command) else EVENT


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_the_contracts_keep_every_reader_and_client_of_a_release(release: Path) -> None:
    assert list(generate_contracts.breaks(release)) == []


def test_a_release_never_changes() -> None:
    assert {release.name: _digest(release) for release in RELEASES} == DIGESTS


def _digest(release: Path) -> str:
    files = sorted(release.iterdir())
    return sha256(b"\0".join(part for file in files for part in (file.name.encode(), file.read_bytes()))).hexdigest()


def test_a_release_has_every_message_header_topic_and_operation() -> None:
    for release in RELEASES:
        topics = read(release / generate_contracts.TOPIC_TABLE)
        types = {name for row in topics.values() for name in row["messages"]}
        assert {path.stem for path in release.glob("dk.*.json")} == types
        assert (release / generate_contracts.HEADERS).is_file()
        assert (release / generate_contracts.DEAD_LETTER_HEADERS).is_file()
        assert len(list(operations(read(release / generate_contracts.OPENAPI)))) > 90


def _topic_change(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> set[str]:
    """The topics that break a release which differs from the contracts by ``change``."""
    table = deepcopy(generate_contracts.released()[generate_contracts.TOPIC_TABLE])
    change(table)
    (tmp_path / generate_contracts.TOPIC_TABLE).write_text(json.dumps(table))
    return {one.subject for one in generate_contracts.breaks(tmp_path)}


@pytest.mark.parametrize(("field", "value"), [("key", "report id"), ("partitions", 1), ("retention_days", 3)])
def test_a_topic_may_not_change(tmp_path: Path, field: str, value: object) -> None:
    assert _topic_change(tmp_path, lambda table: table["frikort.cards.v1"].update({field: value})) == {
        "frikort.cards.v1"
    }


def test_a_topic_may_not_lose_a_message_type(tmp_path: Path) -> None:
    found = _topic_change(tmp_path, lambda table: table["frikort.cards.v1"]["messages"].append("dk.frikort.gone.v1"))
    assert found == {"frikort.cards.v1"}


def test_a_topic_may_not_be_removed(tmp_path: Path) -> None:
    found = _topic_change(tmp_path, lambda table: table.update({"frikort.gone.v1": table["frikort.cards.v1"]}))
    assert found == {"frikort.gone.v1"}


def test_a_topic_or_a_message_type_may_be_added(tmp_path: Path) -> None:
    def remove(table: dict[str, Any]) -> None:
        table["frikort.cards.v1"]["messages"].pop()
        del table["frikort.years.v1"]

    assert _topic_change(tmp_path, remove) == set()


# Changes to a copy: each must be refused, for every message type and every operation.


def _objects(schema: Schema) -> Iterator[Schema]:
    yield from (part for part in (schema, *schema.get("$defs", {}).values()) if part.get("properties"))


def _rename_field(schema: Schema) -> bool:
    for part in _objects(schema):
        name = next(iter(part["properties"]))
        part["properties"][f"{name}_renamed"] = part["properties"].pop(name)
        part["required"] = [f"{name}_renamed" if one == name else one for one in part.get("required", ())]
        return True
    return False


def _rename_optional_field(schema: Schema) -> bool:
    for part in _objects(schema):
        for name in part["properties"].keys() - set(part.get("required", ())):
            part["properties"][f"{name}_renamed"] = part["properties"].pop(name)
            return True
    return False


def _remove_field(schema: Schema) -> bool:
    for part in _objects(schema):
        name = list(part["properties"])[-1]
        del part["properties"][name]
        part["required"] = [one for one in part.get("required", ()) if one != name]
        return True
    return False


def _narrow_enum(schema: Schema) -> bool:
    for part in schema.get("$defs", {}).values():
        if len(part.get("enum", ())) > 1:
            part["enum"] = part["enum"][:-1]
            return True
    return False


def _change_type(schema: Schema) -> bool:
    for part in _objects(schema):
        name = next(iter(part["properties"]))
        was_array = part["properties"][name].get("type") == "array"
        part["properties"][name] = {"type": "integer"} if was_array else {"type": "array"}
        return True
    return False


def _add_required_field(schema: Schema) -> bool:
    for part in _objects(schema):
        part["properties"]["added"] = {"type": "string"}
        part["required"] = [*part.get("required", ()), "added"]
        return True
    return False


MESSAGE_CHANGES: Final = (
    _rename_field,
    _rename_optional_field,
    _remove_field,
    _narrow_enum,
    _change_type,
    _add_required_field,
)


def _applicable() -> Iterator[Any]:
    for message_type in sorted(MESSAGE_TYPES):
        for change in MESSAGE_CHANGES:
            if change(generate_contracts.schema_of(MESSAGE_TYPES[message_type])):
                yield pytest.param(message_type, change, id=f"{message_type} {change.__name__.strip('_')}")


@pytest.mark.parametrize(("message_type", "change"), list(_applicable()))
def test_a_breaking_change_of_a_message_is_refused(message_type: str, change: Change) -> None:
    schema = generate_contracts.schema_of(MESSAGE_TYPES[message_type])
    changed = deepcopy(schema)
    assert broken_by(message_type, schema, changed, use_of(message_type)) == []
    assert change(changed)
    assert broken_by(message_type, schema, changed, use_of(message_type)) != []


def _response(document: Schema, operation: str) -> Schema | None:
    path, method = OPERATIONS[operation]
    for status, response in document["paths"][path][method]["responses"].items():
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        if int(status) < 300 and "$ref" in schema:
            return _component(document, schema)
    return None


def _request(document: Schema, operation: str) -> Schema | None:
    path, method = OPERATIONS[operation]
    content = document["paths"][path][method].get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return _component(document, schema) if "$ref" in schema else None


def _component(document: Schema, schema: Schema) -> Schema:
    found: Schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


PARTS: Final[dict[str, Callable[[Schema, str], Schema | None]]] = {"answer": _response, "request": _request}


API_CHANGES: Final = (
    *(("answer", change) for change in (_rename_field, _remove_field, _change_type)),
    *(("request", change) for change in (_rename_field, _remove_field, _change_type, _add_required_field)),
)


def _applicable_to_the_api() -> Iterator[Any]:
    for operation in sorted(OPERATIONS):
        for part, change in API_CHANGES:
            if PARTS[part](API, operation) is not None:
                yield pytest.param(operation, part, change, id=f"{operation} {part} {change.__name__.strip('_')}")


def _alone(operation: str) -> Schema:
    """The document with one operation: to compare it takes a fiftieth of the time."""
    path, method = OPERATIONS[operation]
    return {**API, "paths": {path: {method: API["paths"][path][method]}}}


@pytest.mark.parametrize(("operation", "part", "change"), list(_applicable_to_the_api()))
def test_a_breaking_change_of_an_operation_is_refused(operation: str, part: str, change: Change) -> None:
    released = _alone(operation)
    changed = deepcopy(released)
    schema = PARTS[part](changed, operation)
    assert schema is not None
    assert change(schema)
    assert operation in {one.subject for one in api_broken_by(released, changed)}


@pytest.mark.parametrize("change", [_rename_field, _rename_optional_field, _remove_field, _change_type])
def test_the_error_model_may_not_change(change: Change) -> None:
    changed = deepcopy(API)
    assert change(changed["components"]["schemas"]["ProblemResource"])
    assert {one.subject for one in api_broken_by(API, changed)} >= {"ProblemResource"}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_an_operation_that_is_removed_or_loses_an_answer_or_header_is_refused(operation: str) -> None:
    path, method = OPERATIONS[operation]
    released = _alone(operation)
    without, fewer, silent = deepcopy(released), deepcopy(released), deepcopy(released)
    del without["paths"][path][method]
    answers = fewer["paths"][path][method]["responses"]
    success = next(status for status in answers if int(status) < 300)
    del answers[success]
    del silent["paths"][path][method]["responses"][success]["headers"]["Correlation-Id"]
    for changed in (without, fewer, silent):
        assert operation in {one.subject for one in api_broken_by(released, changed)}


def _enums(document: Schema) -> list[str]:
    return [name for name, part in document["components"]["schemas"].items() if len(part.get("enum", ())) > 1]


@pytest.mark.parametrize("name", _enums(API))
def test_an_enum_of_the_api_may_not_be_narrowed(name: str) -> None:
    changed = deepcopy(API)
    changed["components"]["schemas"][name]["enum"].pop()
    assert api_broken_by(API, changed) != []


@pytest.mark.parametrize("kind", ["query", "header", "path"])
def test_a_parameter_may_not_be_removed_or_become_required(kind: str) -> None:
    for operation, (path, method) in OPERATIONS.items():
        for index, parameter in enumerate(API["paths"][path][method].get("parameters", ())):
            if parameter["in"] != kind:
                continue
            removed, required = deepcopy(API), deepcopy(API)
            del removed["paths"][path][method]["parameters"][index]
            assert operation in {one.subject for one in api_broken_by(API, removed)}
            if not parameter.get("required"):
                required["paths"][path][method]["parameters"][index]["required"] = True
                assert operation in {one.subject for one in api_broken_by(API, required)}
            return
    pytest.fail(f"no parameter in {kind}")


def test_an_optional_field_may_be_added() -> None:
    event = generate_contracts.schema_of(MESSAGE_TYPES["dk.frikort.earnings.reported.v1"])
    more = deepcopy(event)
    more["properties"]["note"] = {"type": "string", "default": ""}
    assert broken_by("event", event, more, EVENT) == []

    document: Any = deepcopy(API)
    document["components"]["schemas"]["BalanceResource"]["properties"]["note"] = {"type": "string"}
    document["components"]["schemas"]["ReportBody"]["properties"]["note"] = {"type": "string"}
    assert api_broken_by(API, document) == []


def _problems(document: Schema, operation: str, status: str) -> Schema:
    path, method = OPERATIONS[operation]
    examples: Schema = document["paths"][path][method]["responses"][status]["content"]["application/problem+json"][
        "examples"
    ]
    return examples


def test_a_problem_code_that_disappears_from_the_api_is_refused() -> None:
    changed = deepcopy(API)
    del _problems(changed, "issue_card", "422")["citizen-under-age"]
    assert ("ProblemResource", "citizen-under-age") in {(one.subject, one.field) for one in api_broken_by(API, changed)}


def test_a_problem_code_with_another_status_is_refused() -> None:
    changed = deepcopy(API)
    _problems(changed, "issue_card", "409")["citizen-under-age"] = _problems(changed, "issue_card", "422").pop(
        "citizen-under-age"
    )
    assert ("ProblemResource", "citizen-under-age") in {(one.subject, one.field) for one in api_broken_by(API, changed)}


def test_an_operation_may_get_a_problem_code_and_lose_one_that_others_keep() -> None:
    changed = deepcopy(API)
    del _problems(changed, "get_card", "404")["card-unknown"]
    _problems(changed, "get_card", "404")["report-unknown"] = {}
    assert api_broken_by(API, changed) == []


def test_a_new_success_status_is_refused() -> None:
    changed = deepcopy(API)
    path, method = OPERATIONS["get_card"]
    changed["paths"][path][method]["responses"]["204"] = {"description": "Nothing"}
    assert ("get_card", "204") in {(one.subject, one.field) for one in api_broken_by(API, changed)}


def _field(document: Schema, component: str, name: str) -> Schema:
    found: Schema = document["components"]["schemas"][component]["properties"][name]
    return found


def _date_becomes_date_time(document: Schema) -> None:
    _field(document, "ReportResource", "payment_date")["format"] = "date-time"


def _format_is_removed(document: Schema) -> None:
    del _field(document, "ReportResource", "total_ore")["format"]


def _default_of_a_body_changes(document: Schema) -> None:
    _field(document, "ReportBody", "allow_duplicate")["default"] = True


def _default_of_a_parameter_changes(document: Schema) -> None:
    path, method = OPERATIONS["list_employments"]
    parameters = document["paths"][path][method]["parameters"]
    next(one for one in parameters if one["name"] == "limit")["schema"]["default"] = 1


def _token_is_needed(document: Schema) -> None:
    path, method = OPERATIONS["allowances"]
    document["paths"][path][method]["security"] = [{"oauth2": []}]


def _security_scheme_is_renamed(document: Schema) -> None:
    schemes = document["components"]["securitySchemes"]
    schemes["oauth"] = schemes.pop("oauth2")


def _security_scheme_is_removed(document: Schema) -> None:
    del document["components"]["securitySchemes"]["oauth2"]


def _answer_is_closed(document: Schema) -> None:
    document["components"]["schemas"]["ReportResource"]["additionalProperties"] = False


def _server_path_changes(document: Schema) -> None:
    document["servers"][0]["url"] += "/api"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_date_becomes_date_time, "format is removed or changed"),
        (_format_is_removed, "format is removed or changed"),
        (_default_of_a_body_changes, "the default is changed"),
        (_default_of_a_parameter_changes, "the default is changed"),
        (_token_is_needed, "released credentials no longer suffice"),
        (_security_scheme_is_renamed, "the security scheme is removed or renamed"),
        (_security_scheme_is_removed, "the security scheme is removed or renamed"),
        (_answer_is_closed, "further fields are refused now"),
        (_server_path_changes, "the address is removed or changed"),
    ],
)
def test_a_breaking_change_of_the_document_is_refused(change: Callable[[Schema], None], reason: str) -> None:
    changed = deepcopy(API)
    change(changed)
    assert {one.reason for one in api_broken_by(API, changed)} == {reason}


def test_the_order_of_the_alternatives_of_a_union_is_free() -> None:
    released = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "maxLength": 9}, {"type": "null"}]}
    assert broken_by("union", {"properties": {"a": released}}, {"properties": {"a": _reversed(released)}}, EVENT) == []


def _reversed(union: Schema) -> Schema:
    return {"anyOf": union["anyOf"][::-1]}


@pytest.fixture
def contracts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of contracts, without a release."""
    monkeypatch.setattr(generate_contracts, "ROOT", tmp_path)
    return tmp_path


def test_a_version_is_released_once(contracts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate_contracts.main(["--release"]) == 0
    before = _digest(contracts / generate_contracts.RELEASED / __version__)

    assert generate_contracts.main(["--release"]) == 1
    assert "is released and never changes; raise the version" in capsys.readouterr().err
    assert _digest(contracts / generate_contracts.RELEASED / __version__) == before


def test_a_version_that_breaks_an_earlier_release_is_not_released(
    contracts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate_contracts.main(["--release"]) == 0
    earlier = contracts / generate_contracts.RELEASED / __version__ / "dk.frikort.card.issued.v1.json"
    schema = read(earlier)
    schema["properties"]["gone"] = {"type": "string"}
    earlier.write_text(json.dumps(schema))
    monkeypatch.setattr(generate_contracts, "__version__", "9.9.9")

    assert generate_contracts.main(["--release"]) == 1
    assert "`dk.frikort.card.issued.v1` `gone`: the field is removed" in capsys.readouterr().err
    assert [release.name for release in generate_contracts.releases(contracts)] == [__version__]
