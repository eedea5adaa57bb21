"""A change that would break a reader of the last release is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from frikort_contracts.messages import Command
from frikort_contracts.topics import MESSAGE_TYPES

from deploy import generate_contracts
from tests.contracts.compatibility import Schema, broken_by, missing_from

RELEASED = generate_contracts.ROOT / generate_contracts.RELEASED
EVENT = "dk.frikort.earnings.reported.v1"
COMMAND = "dk.frikort.earnings.report.v1"


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.json")), ids=lambda path: str(path.stem))
def test_the_contract_still_fits_the_last_release(path: Path) -> None:
    message = MESSAGE_TYPES[path.stem]
    current = generate_contracts.schema_of(message)
    assert broken_by(_read(path), current, is_command=issubclass(message, Command)) == []


def test_no_released_message_is_gone() -> None:
    assert any(RELEASED.glob("*.json"))
    assert missing_from(RELEASED, set(MESSAGE_TYPES)) == set()
    assert missing_from(RELEASED, set(MESSAGE_TYPES) - {EVENT}) == {EVENT}


def _add_optional(schema: Schema) -> None:
    schema["properties"]["note"] = {"type": "string", "default": ""}


def _add_required(schema: Schema) -> None:
    _add_optional(schema)
    schema["required"].append("note")


def _remove(schema: Schema) -> None:
    del schema["properties"]["reference"]
    schema["required"].remove("reference")


def _change_type(schema: Schema) -> None:
    schema["properties"]["reference"] = {"type": "integer"}


def _narrow_text(schema: Schema) -> None:
    schema["properties"]["reference"]["maxLength"] = 32


def _add_to_a_strict_value(schema: Schema) -> None:
    schema["$defs"]["Components"]["properties"]["bonus"] = {"type": "integer", "default": 0}


NEW_READER, OLD_READER = "a new reader cannot read old data", "an old reader cannot read new data"


@pytest.mark.parametrize(
    ("change", "for_event", "for_command"),
    [
        pytest.param(_add_optional, [], [], id="an optional field more"),
        pytest.param(_add_required, [NEW_READER], [NEW_READER], id="a required field more"),
        pytest.param(_remove, [OLD_READER], [NEW_READER], id="a field less"),
        pytest.param(_change_type, [NEW_READER, OLD_READER], [NEW_READER], id="another type"),
        pytest.param(_narrow_text, [NEW_READER], [NEW_READER], id="a shorter text"),
        # Values inside an event are strict, unlike the event itself.
        pytest.param(_add_to_a_strict_value, [OLD_READER], [], id="an optional field more in a value"),
    ],
)
def test_a_change_is_judged(change: Callable[[Schema], None], for_event: list[str], for_command: list[str]) -> None:
    for name, is_command, expected in ((EVENT, False, for_event), (COMMAND, True, for_command)):
        released = generate_contracts.schema_of(MESSAGE_TYPES[name])
        changed = deepcopy(released)
        change(changed)
        assert broken_by(released, changed, is_command=is_command) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(["near", "reached"], [NEW_READER], id="narrowed"),
        pytest.param(["near", "reached", "exceeded", "far"], [OLD_READER], id="widened"),
    ],
)
def test_an_enum_may_not_change_in_an_event(values: list[str], expected: list[str]) -> None:
    released = generate_contracts.schema_of(MESSAGE_TYPES["dk.frikort.cap-warning.raised.v1"])
    changed = deepcopy(released)
    changed["$defs"]["Threshold"]["enum"] = values
    assert broken_by(released, changed, is_command=False) == expected


def _read(path: Path) -> Schema:
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema
