"""The OpenAPI document: rules that generated clients rely on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from deploy import generate_contracts
from deploy.contract_compatibility import Schema, operations, read
from services.gateway.problem_texts import CATALOGUE

DOCUMENT: Final = read(generate_contracts.ROOT / generate_contracts.OPENAPI)
SCHEMAS: Final[dict[str, Schema]] = DOCUMENT["components"]["schemas"]
OPERATIONS: Final = {operation["operationId"]: operation for _, _, operation in operations(DOCUMENT)}


def parts(document: Any) -> Iterator[Schema]:
    if isinstance(document, dict):
        yield document
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from parts(part)


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_property_has_a_description_and_amounts_are_64_bit(name: str) -> None:
    for field, schema in SCHEMAS[name].get("properties", {}).items():
        assert schema.get("description"), field
        if field.endswith("_ore"):
            whole = [part for part in parts(schema) if part.get("type") == "integer"]
            assert [part.get("format") for part in whole] == ["int64"], field


def test_no_schema_has_a_constant() -> None:
    assert not [part for part in parts(SCHEMAS) if "const" in part]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_requests_are_strict_and_answers_tolerate_new_fields(name: str) -> None:
    if "properties" in SCHEMAS[name]:
        is_request = name.endswith("Body")
        assert (SCHEMAS[name].get("additionalProperties", True) is False) == is_request


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_that_waits_for_an_outcome_documents_that_it_may_be_pending(name: str) -> None:
    parameters = {parameter["name"] for parameter in OPERATIONS[name].get("parameters", ())}
    if {"Prefer", "Idempotency-Key"} <= parameters:
        assert "202" in OPERATIONS[name]["responses"]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_names_its_problems_headers_tag_and_parameters(name: str) -> None:
    operation = OPERATIONS[name]
    codes = operation["x-problem-codes"]
    assert set(codes) <= set(CATALOGUE)
    assert {str(CATALOGUE[code].status) for code in codes} <= set(operation["responses"])
    assert len(operation["tags"]) == 1
    assert all(parameter["description"] for parameter in operation.get("parameters", ()))
    for status, response in operation["responses"].items():
        assert "Correlation-Id" in response["headers"]
        assert ("Retry-After" in response["headers"]) >= (status in {"429", "503"})
        assert ("Location" in response["headers"]) >= (status == "201")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_example_of_an_answer_satisfies_its_schema(name: str) -> None:
    for response in OPERATIONS[name]["responses"].values():
        content = response.get("content", {}).get("application/json", {})
        if "example" in content:
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            Draft202012Validator(schema).validate(content["example"])


def test_an_example_of_a_problem_satisfies_the_error_model() -> None:
    schema = {"$ref": "#/components/schemas/ProblemResource", "components": DOCUMENT["components"]}
    for example in DOCUMENT["components"]["examples"].values():
        Draft202012Validator(schema).validate(example["value"])


def test_tokens_come_from_the_addresses_of_the_oauth2_flows() -> None:
    flows = DOCUMENT["components"]["securitySchemes"]["oauth2"]["flows"]
    assert set(flows) == {"clientCredentials", "authorizationCode"}
    assert all(flow["tokenUrl"] for flow in flows.values())
    assert DOCUMENT["servers"]


def test_a_payroll_file_may_be_sent_as_bytes() -> None:
    assert "application/octet-stream" in OPERATIONS["send_batch"]["requestBody"]["content"]
