"""Read models: tables of events, in order and out of order across topics."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from frikort_contracts.balance import CapWarningRaised, CapWarningWithdrawn, Threshold
from frikort_contracts.extracts import ExtractCompleted, ExtractFile, ExtractFormat, ExtractPartWritten, ExtractStarted
from frikort_contracts.issuance import (
    CardDeactivated,
    CardHandedOver,
    CardNumberReplaced,
    CardReactivated,
    ControlRecorded,
    ControlResult,
    MandateGranted,
    MandateScope,
    MandateWithdrawn,
    ReplacementReason,
)
from frikort_contracts.messages import Event
from frikort_contracts.outcomes import CommandAccepted, CommandRefused, Problem
from frikort_contracts.reporting import (
    AnswerReason,
    DisputeDecision,
    DisputeEnd,
    EmploymentChanged,
    EmploymentRegistered,
    NoWorkDeclared,
)
from frikort_contracts.values import CitizenSide, Components, Period, WorkPeriod

from services.gateway.projections import PROJECTIONS, cards, employments, extracts, ledgers, outcomes, reports
from tests.gateway.build import (
    CARD,
    CVR,
    EMPLOYMENT,
    NOON,
    PERSON,
    REPORT,
    after,
    balance,
    corrected,
    dispute_answered,
    dispute_decided,
    dispute_ended,
    disputed,
    envelope,
    fields_of,
    issued,
    reported,
    settled,
    withdrawn,
)

HOLDER = PERSON.model_copy(update={"cpr_hash": "m" * 22})
BY = {"card_id": CARD, "municipality": "101", "actor": "caseworker"}


def deactivated(revision: int, last: date) -> CardDeactivated:
    return CardDeactivated(**BY, revision=revision, last_active_day=last, case_reference="S-2")


def reactivated(revision: int, first: date) -> CardReactivated:
    return CardReactivated(**BY, revision=revision, active_from=first, case_reference="S-3")


class TestCards:
    def test_an_issued_card_is_active_and_found_by_person_and_number(self) -> None:
        card = after(cards.PROJECTION, [issued()])

        assert card.active
        assert card.active_periods == [Period(first=date(2025, 1, 6))]
        assert cards.PROJECTION.aliases(card) == ("cpr:" + "h" * 22, "number:12345")

    @pytest.mark.parametrize(
        ("events", "active", "periods"),
        [
            pytest.param(
                [deactivated(2, date(2025, 3, 1))],
                False,
                [Period(first=date(2025, 1, 6), last=date(2025, 3, 1))],
                id="deactivated",
            ),
            pytest.param(
                [deactivated(2, date(2025, 3, 1)), reactivated(3, date(2025, 5, 1))],
                True,
                [Period(first=date(2025, 1, 6), last=date(2025, 3, 1)), Period(first=date(2025, 5, 1))],
                id="reactivated later",
            ),
            pytest.param(
                [deactivated(2, date(2025, 3, 1)), reactivated(3, date(2025, 3, 1))],
                True,
                [Period(first=date(2025, 1, 6))],
                id="reactivated the same day",
            ),
            pytest.param(
                [deactivated(2, date(2025, 3, 1)), reactivated(3, date(2025, 3, 2))],
                True,
                [Period(first=date(2025, 1, 6))],
                id="reactivated the next day",
            ),
            pytest.param([deactivated(2, date(2025, 1, 5))], False, [], id="deactivated before it began"),
        ],
    )
    def test_a_card_event_changes_the_active_periods(
        self, events: list[Event], active: bool, periods: list[Period]
    ) -> None:
        card = after(cards.PROJECTION, [issued(), *events])

        assert (card.active, card.active_periods) == (active, periods)

    def test_a_new_number_replaces_the_old_one(self) -> None:
        replaced = CardNumberReplaced(
            **BY, revision=2, number="54321", previous_number="12345", reason=ReplacementReason.LOST
        )

        card = after(cards.PROJECTION, [issued(), replaced])

        assert cards.PROJECTION.aliases(card) == ("cpr:" + "h" * 22, "number:54321", "previous-number:12345")
        assert [(one.number, one.replaced_at) for one in card.previous_numbers] == [("12345", NOON)]

    def test_a_hand_over_changes_the_municipality_and_keeps_the_history(self) -> None:
        moved = CardHandedOver(**BY | {"municipality": "849"}, revision=2, from_municipality="101")

        card = after(cards.PROJECTION, [issued(), moved])

        assert card.municipality == "849"
        assert [(entry.event, entry.municipality) for entry in card.history] == [
            ("issued", "101"),
            ("handed-over", "849"),
        ]

    def test_a_control_sets_the_next_due_year(self) -> None:
        control = ControlRecorded(**BY, revision=2, year=2027, result=ControlResult.UPHELD, control_due=2029)

        card = after(cards.PROJECTION, [issued(), control])

        assert card.control_due == 2029
        assert card.last_control is not None
        assert (card.last_control.year, card.last_control.result) == (2027, "upheld")

    def test_a_mandate_is_in_force_through_its_last_day(self) -> None:
        card = after(cards.PROJECTION, [issued(), self.granted(2, "m-1")])

        (mandate,) = card.mandates
        assert (mandate.holder, mandate.scope, mandate.granted_by) == (HOLDER, "view", "citizen")
        assert mandate.in_force(date(2025, 12, 31))
        assert not mandate.in_force(date(2026, 1, 1))

    def test_a_withdrawn_mandate_ends_and_stays_in_the_list(self) -> None:
        withdrawn = MandateWithdrawn(**BY, revision=4, mandate_id="m-1", by=CitizenSide.MUNICIPALITY)

        card = after(cards.PROJECTION, [issued(), self.granted(2, "m-1"), self.granted(3, "m-2"), withdrawn])

        assert [(m.mandate_id, m.in_force(date(2025, 6, 1))) for m in card.mandates] == [("m-1", False), ("m-2", True)]
        assert [entry.event for entry in card.history[1:]] == [
            "mandate-granted",
            "mandate-granted",
            "mandate-withdrawn",
        ]

    @staticmethod
    def granted(revision: int, mandate_id: str) -> MandateGranted:
        return MandateGranted(
            **BY,
            revision=revision,
            mandate_id=mandate_id,
            holder=HOLDER,
            scope=MandateScope.VIEW,
            until=date(2025, 12, 31),
            by=CitizenSide.CITIZEN,
        )

    def test_an_older_revision_changes_nothing(self) -> None:
        card = after(cards.PROJECTION, [issued(), deactivated(2, date(2025, 3, 1)), issued(number="99999")])

        assert (card.revision, card.number, card.active) == (2, "12345", False)

    def test_a_card_event_without_its_issue_creates_no_card(self) -> None:
        assert cards.project(None, envelope(deactivated(2, date(2025, 3, 1)))) is None

    @pytest.mark.parametrize(
        ("period", "usable"),
        [
            (Period(first=date(2025, 2, 1)), True),
            (Period(first=date(2025, 3, 1), last=date(2025, 3, 1)), True),
            (Period(first=date(2025, 3, 2)), False),
            (Period(first=date(2024, 1, 1), last=date(2025, 1, 5)), False),
        ],
    )
    def test_a_card_can_be_used_in_a_period_that_touches_its_active_days(self, period: Period, usable: bool) -> None:
        card = after(cards.PROJECTION, [issued(), deactivated(2, date(2025, 3, 1))])

        assert card.active_during(period) is usable


class TestEmployments:
    def test_the_latest_event_replaces_the_employment(self) -> None:
        about = {"card_id": CARD, "employment_id": EMPLOYMENT, "cvr": CVR, "contact": "k.ciphertext"}
        first = EmploymentRegistered(**about, revision=1, period=Period(first=date(2025, 1, 10)))
        ended = Period(first=date(2025, 1, 10), last=date(2025, 8, 31))
        second = EmploymentChanged(**about, revision=2, period=ended)

        employment = after(employments.PROJECTION, [first, second, first])

        assert (employment.revision, employment.period) == (2, ended)
        assert employment.order.endswith(EMPLOYMENT)

    def test_days_without_work_are_part_of_the_employment(self) -> None:
        may = WorkPeriod(first=date(2025, 5, 1), last=date(2025, 5, 31))
        declared = NoWorkDeclared(
            card_id=CARD,
            employment_id=EMPLOYMENT,
            cvr=CVR,
            contact="k.ciphertext",
            revision=2,
            period=Period(first=date(2025, 1, 10)),
            card_number="12345",
            label="k.label",
            no_work=(may,),
            days=may,
        )

        employment = after(employments.PROJECTION, [declared])

        assert (employment.card_number, employment.label, employment.no_work) == ("12345", "k.label", [may])

    def test_reports_do_not_change_an_employment(self) -> None:
        for event in (reported(), disputed(1)):
            assert employments.PROJECTION.document_id(envelope(event)) is None


class TestReports:
    EARNINGS = (
        reported(),
        disputed(1),
        corrected(total=80_000, components=Components(wage=80_000)),
        dispute_ended(2, DisputeEnd.REPORT_CORRECTED, report_revision=2),
        withdrawn(revision=3),
    )
    BALANCES = (settled(1, 1, 100_000), settled(2, 2, 80_000), settled(5, 3, 0))

    def test_any_interleaving_of_the_two_topics_gives_the_same_report(self) -> None:
        """Each topic keeps its own order; how the two interleave must not matter."""
        seen = set()
        for places in itertools.combinations(range(8), 5):
            earnings, balances = iter(self.EARNINGS), iter(self.BALANCES)
            events: list[Event] = [next(earnings) if i in places else next(balances) for i in range(8)]
            seen.add(after(reports.PROJECTION, events).model_dump_json())
        assert len(seen) == 1

    def test_the_history_has_the_replaced_contents(self) -> None:
        report = after(reports.PROJECTION, [*self.EARNINGS, *self.BALANCES])

        assert [(entry.event, entry.revision) for entry in report.history] == [
            ("reported", 1),
            ("disputed", 1),
            ("corrected", 2),
            ("dispute-ended", 2),
            ("withdrawn", 3),
        ]
        assert [entry.booked.total for entry in report.history if entry.booked] == [100_000, 80_000]
        assert [s.exempt for s in report.settlements] == [100_000, 80_000, 0]
        assert report.withdrawn

    def test_a_dispute_lasts_until_it_ends(self) -> None:
        standing = after(reports.PROJECTION, [reported(), disputed(1)])

        assert standing.dispute is not None
        assert (standing.dispute.reason, standing.dispute.message, standing.dispute.raised_by) == (
            "wrong-amount",
            "k.message",
            "mandate-holder",
        )
        assert (standing.revision, standing.dispute_revision) == (1, 1)
        ended = after(reports.PROJECTION, [reported(), disputed(1), dispute_ended(2), disputed(1)])
        assert (ended.dispute, ended.dispute_revision) == (None, 2)
        assert [(e.event, e.reason, e.message, e.side) for e in ended.history[1:]] == [
            ("disputed", "wrong-amount", "k.message", "mandate-holder"),
            ("dispute-ended", "dispute-withdrawn", None, "citizen"),
        ]

    def test_the_municipality_s_decision_is_shown_until_it_is_superseded(self) -> None:
        must_correct = dispute_decided(2, DisputeDecision.EMPLOYER_MUST_CORRECT)
        waiting = after(reports.PROJECTION, [reported(), disputed(1), must_correct])
        assert waiting.dispute is not None
        assert waiting.dispute.decision is not None
        assert (waiting.dispute.decision.decision, waiting.stands_since) == (must_correct.decision, None)
        decided = [dispute_decided(2, DisputeDecision.REPORT_STANDS), dispute_ended(3, DisputeEnd.REPORT_STANDS)]
        stands = after(reports.PROJECTION, [reported(), disputed(1), *decided])
        assert (stands.dispute, stands.stands_since) == (None, NOON)
        assert [(entry.event, entry.reason) for entry in stands.history[2:]] == [
            ("dispute-decided", "report-stands"),
            ("dispute-ended", "report-stands"),
        ]
        for later in (corrected(components=Components(wage=1), total=1), disputed(4)):
            assert after(reports.PROJECTION, [reported(), disputed(1), *decided, later]).stands_since is None

    def test_a_correction_without_a_change_leaves_the_decision_that_a_report_stands(self) -> None:
        decided = [dispute_decided(2, DisputeDecision.REPORT_STANDS), dispute_ended(3, DisputeEnd.REPORT_STANDS)]
        before = [reported(), disputed(1), *decided]
        other = corrected(revision=3, components=Components(wage=1), total=1)
        assert after(reports.PROJECTION, [*before, corrected()]).stands_since == NOON
        assert after(reports.PROJECTION, [*before, corrected(), other]).stands_since is None

    def test_a_dispute_has_the_employers_latest_answer_and_the_history_has_every_answer(self) -> None:
        answers = [dispute_answered(2), dispute_answered(3, AnswerReason.WAGE_PAID), dispute_answered(2)]

        report = after(reports.PROJECTION, [reported(), disputed(1), *answers])

        assert report.dispute is not None
        assert report.dispute.answer is not None
        assert (report.dispute.answer.reason, report.dispute.answer.answered_at) == ("wage-paid", NOON)
        assert (report.dispute.reason, report.dispute_revision) == ("wrong-amount", 3)
        assert [(entry.event, entry.reason) for entry in report.history[2:]] == [
            ("dispute-answered", "matches-payslip"),
            ("dispute-answered", "wage-paid"),
        ]

    def test_a_dispute_that_is_raised_again_has_no_answer(self) -> None:
        first = [disputed(1), dispute_answered(2), dispute_ended(3)]

        report = after(reports.PROJECTION, [reported(), *first, disputed(4)])

        assert report.dispute is not None
        assert report.dispute.answer is None

    def test_a_correction_without_a_dispute_event_does_not_end_the_dispute(self) -> None:
        report = after(reports.PROJECTION, [reported(), disputed(1), corrected()])

        assert (report.revision, report.dispute is None) == (2, False)

    def test_a_moved_split_is_marked_until_the_report_changes(self) -> None:
        moved = [reported(), settled(1, 1, 100_000), settled(2, 1, 60_000, 40_000, caused_by="another")]

        assert after(reports.PROJECTION, moved[:2]).moved_at is None
        assert after(reports.PROJECTION, moved).moved_at is not None
        assert after(reports.PROJECTION, [*moved, corrected(), settled(3, 2, 50_000)]).moved_at is None

    def test_a_split_without_its_report_is_not_shown(self) -> None:
        report = after(reports.PROJECTION, [settled(1, 1, 100_000)])

        assert (report.revision, report.order, report.booked) == (0, "", None)

    def test_a_split_of_an_older_ledger_changes_nothing(self) -> None:
        report = after(reports.PROJECTION, [settled(2, 1, 90_000, 10_000), settled(1, 1, 100_000)])

        assert report.settlement is not None
        assert (report.settlement.exempt, report.settlement.excess) == (90_000, 10_000)

    def test_the_order_of_a_report_is_that_of_its_first_acceptance(self) -> None:
        first = after(reports.PROJECTION, [reported()])
        later = reports.project(first, envelope(corrected()))

        assert later is not None
        assert later.order == first.order


class TestLedgers:
    RAISED = CapWarningRaised(
        card_id=CARD, year=2025, revision=2, threshold=Threshold.NEAR, allowance=4_276_600, reported=3_500_000
    )
    WITHDRAWN = CapWarningWithdrawn(
        card_id=CARD, year=2025, revision=3, threshold=Threshold.NEAR, allowance=4_276_600, reported=3_000_000
    )

    def test_a_warning_may_come_before_the_totals(self) -> None:
        early = after(ledgers.PROJECTION, [self.RAISED, balance(2, 3_500_000)])
        late = after(ledgers.PROJECTION, [balance(2, 3_500_000), self.RAISED])

        assert early == late
        assert early.totals is not None
        assert early.totals.remaining == 776_600

    def test_a_warning_can_be_withdrawn_and_given_again(self) -> None:
        again = self.RAISED.model_copy(update={"revision": 4})

        ledger = after(ledgers.PROJECTION, [self.RAISED, self.WITHDRAWN, again])

        assert [(w.ledger_revision, w.withdrawn_at is None) for w in ledger.warnings] == [(2, False), (4, True)]

    def test_older_totals_change_nothing(self) -> None:
        ledger = after(ledgers.PROJECTION, [balance(2, 200), balance(1, 100)])

        assert ledger.totals is not None
        assert (ledger.revision, ledger.totals.exempt) == (2, 200)

    def test_splits_do_not_change_totals(self) -> None:
        assert ledgers.PROJECTION.document_id(envelope(settled(1, 1, 1))) is None


class TestOutcomes:
    def test_the_first_outcome_of_a_command_stays(self) -> None:
        refused = CommandRefused(command_id="c", problem=Problem.CARD_EXISTS, detail={"municipality": "101"})
        accepted = CommandAccepted(command_id="c", card_id=CARD, revision=1)

        outcome = after(outcomes.PROJECTION, [refused, accepted])

        assert (outcome.problem, outcome.detail) == (Problem.CARD_EXISTS, {"municipality": "101"})

    def test_an_accepted_command_keeps_its_details(self) -> None:
        accepted = CommandAccepted(
            command_id="c",
            report_id=REPORT,
            mandate_id="m",
            revision=3,
            dispute_revision=2,
            year=2025,
            already_reported=True,
        )

        outcome = after(outcomes.PROJECTION, [accepted])

        assert (outcome.report_id, outcome.revision, outcome.already_reported, outcome.problem) == (
            REPORT,
            3,
            True,
            None,
        )
        assert (outcome.mandate_id, outcome.dispute_revision) == ("m", 2)


class TestExtracts:
    STARTED = ExtractStarted(extract_id="x", attempt=1, statements=3)
    COMPLETED = ExtractCompleted(
        extract_id="x",
        attempt=2,
        authority="skat",
        year=2025,
        provisional=False,
        count=3,
        reported=6,
        exempt=5,
        excess=1,
        files=(ExtractFile(format=ExtractFormat.CSV, parts=2, size=10, sha256="00" * 32),),
    )

    def test_a_later_attempt_replaces_an_earlier_one(self) -> None:
        again = self.STARTED.model_copy(update={"attempt": 2, "statements": 4})

        extract = after(extracts.PROJECTION, [self.STARTED, again, self.STARTED])

        assert (extract.attempt, extract.statements, extract.manifest) == (2, 4, None)

    def test_a_completed_extract_stays_completed(self) -> None:
        extract = after(extracts.PROJECTION, [self.COMPLETED, self.STARTED.model_copy(update={"attempt": 3})])

        assert extract.manifest is not None
        assert (extract.attempt, extract.manifest.attempt, extract.manifest.count) == (2, 2, 3)

    def test_each_part_of_an_extract_is_a_document(self) -> None:
        part = ExtractPartWritten(
            extract_id="x", attempt=1, format=ExtractFormat.CSV, index=0, content="a;b\n", statements=7
        )

        assert extracts.PROJECTION.document_id(envelope(part)) is None
        assert extracts.PARTS_PROJECTION.document_id(envelope(self.STARTED)) is None
        assert fields_of(after(extracts.PARTS_PROJECTION, [part]), "content", "statements") == ("a;b\n", 7)


def test_every_read_model_has_its_own_collection() -> None:
    names = [processor.name for processor in PROJECTIONS]
    assert len(set(names)) == len(names)
