"""The employer's own reference, in the clear or encrypted: the id that follows from it names the report."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from frikort_contracts.references import report_id_of
from frikort_contracts.report_checks import CheckedReport, CheckReports
from frikort_contracts.reporting import EarningsCorrected, EarningsReported, ReportEarnings
from pydantic import ValidationError

from services.reporting.look_alikes import find_look_alikes
from services.reporting.rules import DUPLICATE_PAYMENT_DAYS
from tests.reporting.build import CARD, EMPLOYMENT, A, accepted, correct, employed, refused, report, withdraw

MAY = report_id_of(EMPLOYMENT, "may")
_numbers = count()


def encrypted(reference: str = "may", **changes: Any) -> ReportEarnings:
    """As ``report``, with the reference encrypted: each time to another ciphertext."""
    parts = {"report_id": report_id_of(EMPLOYMENT, reference), "reference_ciphertext": f"k.{next(_numbers)}"}
    return ReportEarnings.model_validate({**report(reference, **changes).model_dump(exclude={"reference"}), **parts})


def only(events: tuple[Any, ...], kind: type[Any]) -> Any:
    (found,) = (event for event in events if isinstance(event, kind))
    return found


def test_an_encrypted_reference_is_published_as_it_came() -> None:
    sent = encrypted()
    event = only(employed().apply(sent), EarningsReported)
    assert (event.report_id, event.reference, event.reference_ciphertext) == (MAY, None, sent.reference_ciphertext)


def test_a_reference_in_the_clear_is_published_in_the_clear() -> None:
    event = only(employed().apply(report()), EarningsReported)
    assert (event.report_id, event.reference, event.reference_ciphertext) == (MAY, "may", None)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param(encrypted(), encrypted(), id="both encrypted, to different ciphertexts"),
        pytest.param(report(), encrypted(), id="in the clear, then encrypted"),
        pytest.param(encrypted(), report(), id="encrypted, then in the clear"),
    ],
)
def test_the_same_reference_names_the_same_report_in_either_form(first: ReportEarnings, again: ReportEarnings) -> None:
    history = employed(first)
    before = history.state
    (outcome,) = history.apply(again)
    assert accepted((outcome,)).already_reported
    assert history.state == before


def test_a_correction_keeps_the_encrypted_reference() -> None:
    sent = encrypted()
    event = only(employed(sent).apply(correct()), EarningsCorrected)
    assert (event.reference, event.reference_ciphertext) == (None, sent.reference_ciphertext)


@pytest.mark.parametrize(
    "refused_command",
    [
        pytest.param(encrypted(wage=1), id="other content under a used reference"),
        pytest.param(encrypted("again"), id="a possible duplicate"),
    ],
)
def test_a_refusal_names_the_report_and_no_reference(refused_command: ReportEarnings) -> None:
    assert refused(employed(encrypted()).apply(refused_command))[1] == {"report_id": MAY}


def test_the_reference_of_a_withdrawn_report_stays_used() -> None:
    assert refused(employed(encrypted(), withdraw()).apply(encrypted())) == ("report-withdrawn", {"report_id": MAY})


def test_an_id_that_another_employment_has_given_is_refused() -> None:
    history = employed(encrypted(), withdraw())
    assert history.state is not None
    other = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    history.state = history.state.with_employment(other, history.state.employments[EMPLOYMENT])
    assert refused(history.apply(encrypted(employment_id=other)))[0] == "report-unknown"


def test_no_ciphertext_is_stored_among_the_reports_that_a_new_one_may_repeat() -> None:
    sent = encrypted()
    history = employed(sent)
    assert history.state is not None
    assert str(sent.reference_ciphertext) not in str(history.state.to_stored()["look_alikes"])
    ((found,), _) = find_look_alikes(history.state.look_alikes, sent, DUPLICATE_PAYMENT_DAYS)
    assert found.report_id == MAY


def test_the_check_of_a_file_counts_encrypted_reports_before_a_later_one() -> None:
    first, again = encrypted(), encrypted("again")
    reports = tuple(
        CheckedReport(
            command_id=f"00000000-0000-0000-0000-00000000000{number}",
            employment_id=one.employment_id,
            report_id=one.report_id,
            reference_ciphertext=one.reference_ciphertext,
            work=one.work,
            payment_date=one.payment_date,
            components=one.components,
        )
        for number, one in enumerate((first, again))
    )
    outcomes = employed().apply(CheckReports(card_id=CARD, cvr=A, actor="p", card_revision=1, reports=reports))
    assert accepted(outcomes[:1]).report_id == MAY
    assert refused(outcomes[1:]) == ("possible-duplicate", {"report_id": MAY})


@pytest.mark.parametrize(
    "forms",
    [
        pytest.param({}, id="no reference"),
        pytest.param({"reference": "may", "report_id": MAY, "reference_ciphertext": "k.0"}, id="both forms"),
        pytest.param({"reference": "may", "report_id": MAY}, id="in the clear with an id"),
        pytest.param({"report_id": MAY}, id="an id alone"),
        pytest.param({"reference_ciphertext": "k.0"}, id="a ciphertext without an id"),
        pytest.param({"report_id": "may", "reference_ciphertext": "k.0"}, id="an id that is no UUID"),
    ],
)
def test_a_command_has_one_whole_form_of_the_reference(forms: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ReportEarnings.model_validate({**report().model_dump(exclude={"reference"}), **forms})


def test_a_command_in_the_clear_is_written_as_before() -> None:
    """The release before reads commands strictly, so a new field without a value is left out."""
    assert {"report_id", "reference_ciphertext"}.isdisjoint(report().model_dump(mode="json"))
    assert "reference" not in encrypted().model_dump(mode="json")
