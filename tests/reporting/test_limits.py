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
from frikort_contracts.values import Components, WorkPeriod

from services.reporting.card_state import CardState, Report
from services.reporting.processor import card_states
from services.reporting.rules import LARGEST_REPORT, MOST_A_CARD, Rules
from services.runtime.mongo.document_store import document_of
from services.runtime.processing.apply import APPLIED, Document
from services.runtime.processing.batch_processor import LARGE_OUTBOX
from services.runtime.processing.entries import MOST_INSIDE, EntryMap
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
        card_revision=1,
        reports=tuple(
            CheckedReport(
                command_id=str(UUID(int=number)),
                employment_id=one.employment_id,
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


def numbered(count: int) -> list[str]:
    return [str(UUID(int=number)) for number in range(count)]


def largest(corrections: int) -> Any:
    """A report with the longest content, as it is stored."""
    last_day = date(2025, 12, 31)
    report = Report(
        employment_id=EMPLOYMENT,
        place=MOST_A_CARD,
        revision=MOST_A_CARD,
        reference=None,
        year=2025,
        payment_date=last_day,
        work=WorkPeriod(first=last_day, last=last_day),
        components=Components(wage=LARGEST_REPORT, holiday_pay=1, atp=1, pension=1),
        fingerprints=("f" * 16,) * (1 + corrections),
        disputed=True,
        dispute_revision=1,
        decision=max(DisputeDecision, key=len),
        reference_ciphertext="c" * 402,  # of 64 characters that have four bytes each
    )
    return CardState(card_id=CARD).with_report("report", report).reports.get("report")


@pytest.mark.parametrize(("reports", "most"), [(0, 60_000), (750, 2_000_000)], ids=["between files", "in a file"])
def test_the_document_of_a_card_at_its_limit_is_small_however_many_commands_were_refused(
    reports: int, most: int
) -> None:
    def entries(name: str, value: Any) -> EntryMap:
        inside, recent = numbered(MOST_INSIDE), numbered(MOST_INSIDE + reports)[MOST_INSIDE:]
        return EntryMap(name, dict.fromkeys(inside, value), 1_000_000, dict.fromkeys(recent, value)).with_entries(
            dict.fromkeys(recent, value)
        )

    state = CardState(
        card_id=CARD, reports=entries("reports", largest(0)), look_alikes=entries("look_alikes", [["x" * 400]])
    )
    stored = document_of(Document(CARD, 1, state, (), entries(APPLIED, True)), card_states(RULES))

    assert len(bson.encode(stored)) < most
    assert most + LARGE_OUTBOX < MONGODB_STORES / 2


def test_a_report_with_all_corrections_of_its_card_can_be_stored() -> None:
    inside = dict.fromkeys(numbered(MOST_INSIDE), largest(0)) | {"corrected": largest(MOST_A_CARD)}

    assert len(bson.encode(inside)) + LARGE_OUTBOX < MONGODB_STORES / 2
