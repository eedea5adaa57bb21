"""A change that would break a reader or a client of the released contracts is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from frikort_contracts.messages import Command
from frikort_contracts.topics import MESSAGE_TYPES, TOPICS

from deploy import generate_contracts
from deploy.contract_compatibility import (
    EVENT,
    Breaking,
    Schema,
    Use,
    allowed_by,
    api_broken_by,
    broken_by,
    operations,
    read,
)

CONTRACTS: Final = generate_contracts.ROOT
RELEASED: Final = CONTRACTS / generate_contracts.RELEASED
API: Final = read(RELEASED / generate_contracts.OPENAPI)
OPERATIONS: Final = {operation["operationId"]: (path, method) for path, method, operation in operations(API)}
ALLOWED: Final = allowed_by((CONTRACTS / "CHANGELOG.md").read_text(encoding="utf-8"))
UNRELEASED: Final = set((CONTRACTS / "unreleased.txt").read_text(encoding="utf-8").split())

Change = Callable[[Schema], bool]
"""Changes a copy of a schema; False if the schema has nothing of the kind."""


def refused(found: list[Breaking]) -> list[Breaking]:
    """The findings that the changelog does not allow."""
    return [one for one in found if (one.subject, one.field) not in ALLOWED]


def use_of(message_type: str) -> Use:
    return Use.INPUT if issubclass(MESSAGE_TYPES[message_type], Command) else EVENT


def released_types() -> set[str]:
    return {path.stem for path in RELEASED.glob("dk.*.json")}


@pytest.mark.parametrize("message_type", sorted(set(MESSAGE_TYPES) - UNRELEASED))
def test_a_message_is_compatible_with_its_released_schema(message_type: str) -> None:
    current = generate_contracts.schema_of(MESSAGE_TYPES[message_type])
    assert (
        refused(broken_by(message_type, read(RELEASED / f"{message_type}.json"), current, use_of(message_type))) == []
    )


def test_the_api_is_compatible_with_its_released_document() -> None:
    assert refused(api_broken_by(API, generate_contracts.openapi())) == []


def test_every_type_and_operation_is_released_or_marked_as_unreleased() -> None:
    current = {operation["operationId"] for _, _, operation in operations(generate_contracts.openapi())}
    assert set(MESSAGE_TYPES) - released_types() == UNRELEASED & set(MESSAGE_TYPES)
    assert current - set(OPERATIONS) == UNRELEASED & current
    assert set(MESSAGE_TYPES) | current >= UNRELEASED, "a mark without a type or operation"


def test_no_released_type_is_removed() -> None:
    removed = released_types() - set(MESSAGE_TYPES)
    assert {name for name in removed if (name, "") not in ALLOWED} == set()


@pytest.mark.parametrize("name", [generate_contracts.HEADERS, generate_contracts.DEAD_LETTER_HEADERS])
def test_record_headers_are_compatible_with_their_released_schema(name: str) -> None:
    assert refused(broken_by(name, read(RELEASED / name), generate_contracts.released()[name], EVENT)) == []


def test_released_topics_keep_their_key_partitions_retention_and_messages() -> None:
    current = generate_contracts.released()[generate_contracts.TOPIC_TABLE]
    for name, row in read(RELEASED / generate_contracts.TOPIC_TABLE).items():
        if (name, "") in ALLOWED:
            continue
        assert {key: value for key, value in current[name].items() if key != "messages"} == {
            key: value for key, value in row.items() if key != "messages"
        }
        assert set(row["messages"]) <= set(current[name]["messages"])
    assert set(current) == {topic.name for topic in TOPICS}


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
    del _problems(changed, "register_employment", "422")["own-business"]
    assert ("ProblemResource", "own-business") in {(one.subject, one.field) for one in api_broken_by(API, changed)}


def test_a_problem_code_with_another_status_is_refused() -> None:
    changed = deepcopy(API)
    _problems(changed, "register_employment", "409")["own-business"] = _problems(
        changed, "register_employment", "422"
    ).pop("own-business")
    assert ("ProblemResource", "own-business") in {(one.subject, one.field) for one in api_broken_by(API, changed)}


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


def test_a_release_with_a_breaking_change_needs_a_line_in_the_changelog(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate_contracts, "ROOT", tmp_path)
    assert generate_contracts.main(["--release"]) == 0
    baseline = tmp_path / generate_contracts.RELEASED / "dk.frikort.card.issued.v1.json"
    schema = read(baseline)
    schema["properties"]["gone"] = {"type": "string"}
    baseline.write_text(json.dumps(schema))

    assert generate_contracts.main(["--release"]) == 1
    assert "`dk.frikort.card.issued.v1` `gone`: the field is removed" in capsys.readouterr().err
    assert "gone" in read(baseline)["properties"]

    (tmp_path / "CHANGELOG.md").write_text("### Breaking\n\n- `dk.frikort.card.issued.v1` `gone`: not used.\n")
    assert generate_contracts.main(["--release"]) == 0
    assert "gone" not in read(baseline)["properties"]


def test_the_changelog_allows_what_its_breaking_sections_name() -> None:
    breaking = "### Breaking\n\n- `a.type` `old.field`: renamed.\n- `an_operation`: removed.\n"
    text = f"# 0.2.0\n\n{breaking}\n### Added\n\n- `b`: new."
    assert allowed_by(text) == {("a.type", "old.field"), ("an_operation", "")}
