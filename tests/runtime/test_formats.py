"""A release refuses documents of a later format."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from frikort_contracts.balance import Threshold
from frikort_contracts.rules.allowances import AllowanceTable

from services.balance.ledger import Ledger
from services.balance.processor import LEDGERS
from services.exports.card_year import CardYear
from services.exports.processor import statements
from services.exports.statements import CardStatements
from services.reporting.card_state import CardState
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.mongo.document_store import LaterFormat, document_from, document_of
from services.runtime.mongo.formats import compare
from services.runtime.processing.apply import Document
from services.runtime.processing.decision import Processor
from services.runtime.retryable import RETRYABLE
from services.runtime.safety_checks import UnsafeSetting

LATER = replace(LEDGERS, format=LEDGERS.format + 1)
DOCUMENT = Document("card-1:2025", state=Ledger("card-1", 2025))


def test_a_document_has_the_format_of_the_release_that_wrote_it() -> None:
    assert document_of(DOCUMENT, LEDGERS)["format"] == LEDGERS.format


def test_a_document_of_a_later_format_is_not_read() -> None:
    stored = document_of(DOCUMENT, LATER)
    with pytest.raises(LaterFormat, match="card-1:2025 of ledgers is of format 2"):
        document_from(stored, LEDGERS)
    assert not issubclass(LaterFormat, RETRYABLE), "a retry reads the same document"


def test_a_document_of_an_earlier_format_is_read() -> None:
    stored = document_of(DOCUMENT, LEDGERS)
    assert document_from(stored, LATER).state == DOCUMENT.state


@pytest.mark.parametrize(
    ("processor", "state"),
    [
        (LEDGERS, Ledger("card-1", 2025, revision=2, warned=(Threshold.NEAR,))),
        (card_states(Rules(AllowanceTable(years={}), provisional_accepted=True)), CardState(card_id="card-1")),
        (statements(lambda person, card_id: ""), CardStatements(card_id="card-1", years={2025: CardYear()})),
    ],
    ids=["balance", "reporting", "exports"],
)
def test_a_field_that_only_a_later_release_knows_is_ignored(processor: Processor[Any], state: Any) -> None:
    stored = document_of(Document("card-1", state=state), processor)
    stored["state"]["later"] = 1
    stored["later"] = 2
    assert document_from(stored, processor).state == state


def test_a_collection_of_a_later_format_is_refused_by_name() -> None:
    with pytest.raises(UnsafeSetting) as refused:
        compare("frikort_balance", {"ledgers": 1}, {"ledgers": 2})
    assert refused.value.setting == "the collection ledgers of frikort_balance"
    assert "of format 2 (this release reads up to 1)" in str(refused.value)


@pytest.mark.parametrize("stored", [{}, {"ledgers": 1}, {"ledgers": 2}])
def test_a_collection_of_the_same_or_an_earlier_format_is_accepted(stored: dict[str, int]) -> None:
    compare("frikort_balance", {"ledgers": 2}, stored)
