"""Events made of valid values have the form of their contract."""

from __future__ import annotations

import pytest
from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import to_json_bytes
from frikort_contracts.messages import Event, unvalidated
from frikort_contracts.outcomes import CommandAccepted

from tests.contracts.examples import EXAMPLES, validated


@pytest.mark.parametrize("model", [ReportSettled, BalanceChanged, CommandAccepted])
def test_an_unvalidated_event_has_the_record_of_the_validated_one(model: type[Event]) -> None:
    example = next(example for example in EXAMPLES if isinstance(example, model))
    made = unvalidated(model)(**example.model_dump(mode="json"))

    assert (made.type, made.key) == (example.type, example.key)
    assert to_json_bytes(made) == to_json_bytes(example)
    assert validated(made) == example


def test_a_missing_or_misplaced_field_of_an_unvalidated_event_is_found_by_validating_it() -> None:
    example = next(example for example in EXAMPLES if isinstance(example, BalanceChanged))
    fields = example.model_dump(mode="json")

    with pytest.raises(AssertionError):
        validated(unvalidated(BalanceChanged)(**dict(reversed(fields.items()))))
    with pytest.raises(ValueError, match="year"):
        validated(unvalidated(BalanceChanged)(**{name: fields[name] for name in fields if name != "year"}))
