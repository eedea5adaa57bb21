"""The rule of the statements, as a table of cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.extracts import (
    EmployerLine,
    FollowUpStatementUpdated,
    RepublishStatements,
    TaxStatementUpdated,
)
from frikort_contracts.issuance import CardDeactivated, CardNumberReplaced, ReplacementReason
from frikort_contracts.messages import Event
from frikort_contracts.reporting import EarningsWithdrawn

from services.exports.feeds import Figures
from services.exports.statements import CardStatements, address, decide
from services.runtime.processing.decision import Decision
from tests.exports.build import CARD, A, B, Ledger, disputed, envelope, handed_over, issued, play, seal_cpr, undisputed


def tax(told: list[Event]) -> list[TaxStatementUpdated]:
    return [event for event in told if isinstance(event, TaxStatementUpdated)]


def follow_up(told: list[Event]) -> list[FollowUpStatementUpdated]:
    return [event for event in told if isinstance(event, FollowUpStatementUpdated)]


class TestCompleting:
    def test_card_then_balance(self) -> None:
        _, told = play([issued(), *Ledger().report("r1", A, 100_000)])

        assert tax(told) == [
            TaxStatementUpdated(
                card_id=CARD,
                revision=1,
                year=2025,
                municipality="101",
                provisional=False,
                allowance=4_276_600,
                reported=100_000,
                exempt=100_000,
                excess=0,
                reports=1,
                cpr="jwe-of-" + "h" * 22,
                employers=(EmployerLine(cvr=A, reports=1, reported=100_000, exempt=100_000, excess=0),),
            )
        ]
        assert len(told) == 2

    def test_star_sees_neither_cpr_nor_employers(self) -> None:
        _, told = play([issued(), *Ledger().report("r1", A, 100_000)])

        (statement,) = follow_up(told)
        assert statement.reported == 100_000
        assert "jwe" not in statement.model_dump_json()
        assert A not in statement.model_dump_json()

    def test_balance_then_card_tells_when_the_card_comes(self) -> None:
        ledger = Ledger()
        before, told = play([*ledger.report("r1", A, 100_000), *ledger.report("r2", B, 50_000)])
        assert told == []
        assert before.held == (2025,)
        assert before.stated == ()

        after, told = play([issued()], before)
        assert [(s.revision, s.reported, s.reports) for s in tax(told)] == [(1, 150_000, 2)]
        assert after.held == ()
        assert after.stated == (2025,)

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_no_order_across_the_topics_shows_half_a_change(self, place: int) -> None:
        """The card's event comes before, between and after the two events of one balance change."""
        events = Ledger().report("r1", A, 100_000)
        events.insert(place, issued())

        _, told = play(events)

        assert [(s.revision, s.reported, s.reports) for s in tax(told)] == [(1, 100_000, 1)]

    def test_hand_over_between_a_settled_report_and_its_balance(self) -> None:
        ledger = Ledger()
        first, (settled, changed) = ledger.report("r1", A, 100_000), ledger.report("r2", B, 50_000)

        _, told = play([issued(), *first, settled, handed_over("849"), changed])

        assert [(s.revision, s.municipality, s.reported, s.reports) for s in tax(told)] == [
            (1, "101", 100_000, 1),
            (2, "849", 100_000, 1),
            (3, "849", 150_000, 2),
        ]

    def test_provisional_year_says_so(self) -> None:
        _, told = play([issued(), *Ledger(year=2026, provisional=True).report("r1", A, 1)])
        assert [s.provisional for s in tax(told)] == [True]


class TestCorrecting:
    def test_the_split_is_by_employer(self) -> None:
        ledger = Ledger(allowance=100)
        events = [issued(), *ledger.report("r1", A, 80), *ledger.report("r2", B, 60), *ledger.report("r1", A, 50)]

        _, told = play(events)

        assert [[(e.cvr, e.exempt, e.excess) for e in s.employers] for s in tax(told)] == [
            [(A, 80, 0)],
            [(A, 80, 0), (B, 20, 40)],
            [(A, 50, 0), (B, 50, 10)],
        ]
        assert [s.revision for s in tax(told)] == [1, 2, 3]

    def test_an_employer_with_several_reports_has_one_line(self) -> None:
        ledger = Ledger()
        _, told = play([issued(), *ledger.report("r1", A, 10), *ledger.report("r2", A, 5)])
        assert tax(told)[-1].employers == (EmployerLine(cvr=A, reports=2, reported=15, exempt=15, excess=0),)

    def test_withdrawing_the_last_report_tells_zero_and_leaves_the_extract(self) -> None:
        ledger = Ledger()
        state, told = play([issued(), *ledger.report("r1", A, 10), *ledger.report("r1", A, 0)])

        assert [(s.revision, s.reports, s.reported, s.employers != ()) for s in tax(told)] == [
            (1, 1, 10, True),
            (2, 0, 0, False),
        ]
        assert state.stated == ()
        assert state.held == ()

    def test_nothing_is_told_of_a_report_withdrawn_before_the_card_was_known(self) -> None:
        ledger = Ledger()
        state, told = play([*ledger.report("r1", A, 10), *ledger.report("r1", A, 0), issued()])
        assert told == []
        assert state.stated == state.held == ()

    def test_a_change_that_changes_nothing_tells_nothing(self) -> None:
        ledger = Ledger()
        _, told = play([issued(), *ledger.report("r1", A, 10), *ledger.report("r1", A, 10)])
        assert len(tax(told)) == 1


class TestHandingOver:
    def test_every_year_with_a_statement_is_told_again(self) -> None:
        events = [issued(), *Ledger(year=2024).report("r1", A, 10), *Ledger(year=2025).report("r2", A, 20)]

        state, told = play([*events, handed_over("849")])

        assert [(s.year, s.revision, s.municipality) for s in tax(told)[2:]] == [(2024, 2, "849"), (2025, 2, "849")]
        assert state.municipality == "849"

    def test_a_card_without_statements_tells_nothing(self) -> None:
        _, told = play([issued(), handed_over("849")])
        assert told == []

    def test_an_issue_replayed_after_the_hand_over_does_not_move_the_card_back(self) -> None:
        ledger = Ledger()
        _, told = play([*ledger.report("r1", A, 10), handed_over("849"), issued("101")])
        assert [s.municipality for s in tax(told)] == ["849"]

    def test_other_card_events_touch_nothing(self) -> None:
        base = {"card_id": CARD, "revision": 2, "municipality": "101", "actor": "caseworker"}
        deactivated = CardDeactivated.model_validate(
            {**base, "last_active_day": date(2025, 6, 1), "case_reference": "S-2"}
        )
        replaced = CardNumberReplaced.model_validate(
            {**base, "number": "54321", "previous_number": "12345", "reason": ReplacementReason.LOST}
        )
        assert address(envelope(handed_over("849"))) is not None
        for event in (deactivated, replaced):
            assert address(envelope(event)) is None


class TestDisputing:
    @staticmethod
    def flags(told: list[Event]) -> list[tuple[int, tuple[str, ...]]]:
        return [(s.revision, s.disputed_employers) for s in tax(told)]

    def test_a_dispute_and_its_end_are_told_with_the_same_amounts(self) -> None:
        ledger = Ledger()
        reports = [*ledger.report("r1", A, 10), *ledger.report("r2", B, 20)]
        _, told = play([issued(), *reports, disputed("r2"), undisputed("r2")])

        assert self.flags(told) == [(1, ()), (2, ()), (3, (B,)), (4, ())]
        assert [s.disputed for s in follow_up(told)] == [s.disputed for s in tax(told)] == [False, False, True, False]
        assert {(s.reported, s.exempt, s.excess) for s in tax(told)[1:]} == {(30, 30, 0)}

    def test_a_second_dispute_at_the_same_employer_changes_nothing_that_is_told(self) -> None:
        ledger = Ledger()
        reports = [*ledger.report("r1", A, 10), *ledger.report("r2", A, 20)]
        state, told = play([issued(), *reports, disputed("r1"), disputed("r2"), undisputed("r1")])
        assert self.flags(told)[2:] == [(3, (A,))]

        _, told = play([undisputed("r2")], state)
        assert self.flags(told) == [(4, ())]

    @pytest.mark.parametrize("place", range(4))
    def test_no_order_across_the_topics_loses_a_dispute(self, place: int) -> None:
        events: list[Event] = [issued(), *Ledger().report("r1", A, 10)]
        events.insert(place, disputed("r1"))

        state, told = play(events)

        assert self.flags(told)[-1][1] == (A,)
        assert (state.stated, state.held) == ((2025,), ())

    def test_a_withdrawn_report_is_disputed_no_more_whichever_is_heard_first(self) -> None:
        ledger = Ledger()
        first = [issued(), *ledger.report("r1", A, 10), disputed("r1")]
        gone = ledger.report("r1", A, 0)
        for events in ([*first, *gone, undisputed("r1")], [*first, undisputed("r1"), *gone]):
            _, told = play(events)
            assert (tax(told)[-1].reports, tax(told)[-1].disputed) == (0, False)

    def test_a_dispute_replayed_after_its_end_changes_nothing(self) -> None:
        state, _ = play([issued(), *Ledger().report("r1", A, 10), undisputed("r1")])
        after, told = play([disputed("r1")], state)
        assert told == []
        assert after == state

    def test_a_dispute_of_what_nobody_knows_yet_tells_and_holds_nothing(self) -> None:
        state, told = play([disputed("r1"), issued(), undisputed("r1")])
        assert told == []
        assert state.stated == state.held == ()

    def test_other_earnings_events_touch_nothing(self) -> None:
        withdrawn = EarningsWithdrawn(
            card_id=CARD, employment_id="e", report_id="r1", revision=2, cvr=A, year=2025, reason="not-paid"
        )
        assert address(envelope(withdrawn)) is None
        assert address(envelope(disputed("r1"))) is not None


class TestHolding:
    """A settled report is missing: it lies among the dead letters."""

    def missing_second(self) -> tuple[CardStatements, list[Event], ReportSettled, Ledger]:
        ledger = Ledger()
        first, (lost, changed) = ledger.report("r1", A, 1_000), ledger.report("r2", B, 1_000)
        assert isinstance(lost, ReportSettled)
        state, told = play([issued(), *first, changed])
        return state, told, lost, ledger

    def test_nothing_is_told_and_the_year_is_held(self) -> None:
        state, told, _, _ = self.missing_second()
        assert [s.revision for s in tax(told)] == [1]
        assert state.held == (2025,)

    def test_a_hand_over_tells_nothing_of_a_held_year(self) -> None:
        state, _, _, _ = self.missing_second()
        _, told = play([handed_over("849")], state)
        assert told == []

    def test_the_replay_releases_it(self) -> None:
        state, _, lost, _ = self.missing_second()
        state, told = play([lost], state)
        assert [(s.revision, s.reported, [e.cvr for e in s.employers]) for s in tax(told)] == [(2, 2_000, [A, B])]
        assert state.held == ()

    def test_an_equal_wage_does_not_stand_in_for_the_missing_one(self) -> None:
        state, _, lost, ledger = self.missing_second()
        (settled, changed) = ledger.report("r3", A, 1_000)

        state, told = play([settled, changed], state)
        assert told == []
        assert state.held == (2025,)

        state, told = play([lost], state)
        assert [(s.reported, [(e.cvr, e.reports) for e in s.employers]) for s in tax(told)] == [
            (3_000, [(A, 2), (B, 1)])
        ]

    def test_a_later_settlement_of_the_same_report_mends_it(self) -> None:
        state, _, lost, ledger = self.missing_second()
        state, told = play(ledger.report("r2", B, 500), state)
        assert [s.reported for s in tax(told)] == [1_500]

        after, told = play([lost], state)  # replayed too late: it is older than what is known
        assert told == []
        assert after == state

    def test_a_balance_replayed_after_a_newer_one_changes_nothing(self) -> None:
        ledger = Ledger()
        first, second = ledger.report("r1", A, 1_000), ledger.report("r2", B, 1_000)
        assert isinstance(first[-1], BalanceChanged)
        state, _ = play([issued(), first[0], *second])  # the first balance went to the dead letters
        after, told = play([first[-1]], state)
        assert told == []
        assert after == state


class TestRepublishing:
    REPUBLISH = RepublishStatements(card_id=CARD)

    def test_every_year_is_published_again_under_its_next_revision(self) -> None:
        ledgers = [*Ledger().report("r1", A, 100_000), *Ledger(year=2026).report("r2", B, 50_000)]
        before, first = play([issued(), *ledgers])
        after, again = play([self.REPUBLISH], before)

        assert [event.revision for event in tax(again)] == [2, 2]
        assert [event.model_copy(update={"revision": 1}) for event in again] == first
        assert after.years[2025].statement == replace(tax_figures(before), revision=2)

    def test_a_card_without_statements_publishes_nothing(self) -> None:
        before, _ = play([issued()])
        after, again = play([self.REPUBLISH], before)
        assert (after, again) == (before, [])

    def test_a_card_that_is_not_known_stays_unknown(self) -> None:
        decision = decide(seal_cpr, None, envelope(self.REPUBLISH))
        assert decision == Decision(None)


def tax_figures(card: CardStatements) -> Figures:
    statement = card.years[2025].statement
    assert statement is not None
    return statement
