"""A card has a limited number of reports and corrections, so its documents stay far below what MongoDB stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final
from uuid import UUID

import bson
import pytest
from frikort_contracts.report_checks import CheckedReport, CheckReports
from frikort_contracts.reporting import DisputeDecision, ReportEarnings
from frikort_contracts.values import Components, Period, WorkPeriod

from services.reporting.card_state import CardState, Employment, Report
from services.reporting.processor import card_states
from services.reporting.rules import LARGEST_REPORT, MOST_A_CARD, Rules
from services.runtime.mongo.document_store import document_of
from services.runtime.processing.applied_ids import AppliedIds
from services.runtime.processing.apply import Document
from services.runtime.processing.batch_processor import LARGE_OUTBOX
from tests.reporting.build import CARD, EMPLOYMENT, RULES, A, CardHistory, correct, employed, refused, report, withdraw

TWO: Final = replace(RULES, most_a_year=2)
MONGODB_STORES: Final = 16 * 1024 * 1024  # bytes in a document


def monthly(month: int, **changes: Any) -> ReportEarnings:
    return report(f"month {month}", f"0{month}-02", f"0{month}-03", f"0{month}-04", **changes)


def with_two(rules: Rules = TWO) -> CardHistory:
    return employed(monthly(1), monthly(2), rules=rules)


def test_a_report_beyond_the_limit_of_the_year_is_refused_and_changes_nothing() -> None:
    history = with_two()
    before = history.state

    assert refused(history.apply(monthly(3))) == ("too-many-reports", {"most": 2, "year": 2025})
    assert history.state == before


def test_a_dry_run_beyond_the_limit_is_refused() -> None:
    assert refused(with_two().apply(monthly(3, dry_run=True)))[0] == "too-many-reports"


def checked(*reports: ReportEarnings) -> CheckReports:
    """The check of a file with these reports."""
    return CheckReports(
        card_id=CARD,
        cvr=A,
        actor="p",
        employment_id=EMPLOYMENT,
        card_revision=1,
        reports=tuple(
            CheckedReport(
                command_id=str(UUID(int=number)),
                reference=one.reference,
                work=one.work,
                payment_date=one.payment_date,
                components=one.components,
                allow_duplicate=one.allow_duplicate,
            )
            for number, one in enumerate(reports)
        ),
    )


def test_the_check_of_a_file_refuses_each_report_beyond_the_limit_and_takes_no_room() -> None:
    history = employed(monthly(1), rules=TWO)
    before = history.state
    march = monthly(3, allow_duplicate=True)
    outcomes = history.apply(checked(monthly(1), monthly(2), march))

    assert [outcome.model_dump().get("problem") for outcome in outcomes] == [None, None, "too-many-reports"]
    assert history.state == before


def test_a_correction_counts_as_a_report() -> None:
    history = employed(report(), correct(), rules=TWO)

    assert refused(history.apply(monthly(1)))[0] == "too-many-reports"
    assert refused(history.apply(correct(wage=300_000)))[0] == "too-many-reports"


def test_a_report_that_was_accepted_is_accepted_again_beyond_the_limit() -> None:
    (outcome,) = with_two().apply(monthly(2))

    assert outcome.model_dump()["already_reported"]


def test_a_report_can_be_withdrawn_beyond_the_limit_and_leaves_no_room() -> None:
    history = with_two()

    assert history.apply(withdraw("month 1"))[0].type == "dk.frikort.earnings.withdrawn.v1"
    assert refused(history.apply(monthly(3)))[0] == "too-many-reports"


def test_a_dry_run_and_a_refused_report_take_no_room() -> None:
    history = employed(monthly(1), monthly(2, dry_run=True), monthly(2, wage=0), rules=TWO)

    assert len(history.apply(monthly(2))) == 2


def test_each_year_has_its_own_limit() -> None:
    january = report("january", "2026-01-02", "2026-01-30", "2026-01-30")

    assert len(with_two().apply(january, on=date(2026, 2, 1))) == 2


def test_a_card_has_a_limit_for_all_years_together() -> None:
    history = with_two(replace(RULES, most_a_card=2))
    january = report("january", "2026-01-02", "2026-01-30", "2026-01-30")

    assert refused(history.apply(january, on=date(2026, 2, 1))) == ("too-many-reports", {"most": 2})


@pytest.mark.parametrize("reports", [MOST_A_CARD, 1], ids=["reports", "corrections of one report"])
def test_the_document_of_a_card_at_its_limit_can_be_stored(reports: int) -> None:
    """Each report has the longest content, and its withdrawal was a message too."""
    day = date(2025, 12, 31)
    largest = Report(
        revision=1,
        reference="\U0001f600" * 64,
        year=2025,
        payment_date=day,
        work=WorkPeriod(first=day, last=day),
        components=Components(wage=LARGEST_REPORT, holiday_pay=1, atp=1, pension=1),
        fingerprints=("f" * 16,) * (MOST_A_CARD // reports),
        withdrawn=True,
        disputed=True,
        dispute_revision=1,
        decision=max(DisputeDecision, key=len),
    )
    employment = Employment(
        cvr="10000009",
        revision=1,
        period=Period(first=day),
        contact="k." + "c" * 400,
        reports={str(UUID(int=number)): largest for number in range(reports)},
    )
    state = CardState(card_id=CARD, employments={str(UUID(int=0)): employment})
    applied = AppliedIds("\n".join(str(UUID(int=number)) for number in range(MOST_A_CARD + reports)))
    stored = bson.encode(document_of(Document(CARD, 1, state, (), applied), card_states(RULES)))

    assert len(stored) < 11_000_000
    assert len(stored) + LARGE_OUTBOX < MONGODB_STORES
