"""Statements: when they are published, and what they contain."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.extracts import (
    EmployerLine,
    EncryptCprAgain,
    FollowUpStatementUpdated,
    ForgetPerson,
    RepublishStatements,
    TaxStatementUpdated,
)
from frikort_contracts.issuance import CardDeactivated, CardNumberReplaced, ReplacementReason
from frikort_contracts.messages import Event
from frikort_contracts.reporting import EarningsWithdrawn

from services.exports.processor import address, decide, statements
from services.exports.statements import CardStatements
from services.runtime.processing.decision import Decision
from tests.exports.build import CARD, A, B, Ledger, answered, disputed, envelope, handed_over, issued, play, undisputed


def tax(emitted: list[Event]) -> list[TaxStatementUpdated]:
    return [event for event in emitted if isinstance(event, TaxStatementUpdated)]


def follow_up(emitted: list[Event]) -> list[FollowUpStatementUpdated]:
    return [event for event in emitted if isinstance(event, FollowUpStatementUpdated)]


class TestCompletion:
    def test_a_balance_after_its_card_completes_the_statement(self) -> None:
        _, emitted = play([issued(), *Ledger().report("r1", A, 100_000)])

        assert tax(emitted) == [
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
        assert len(emitted) == 2

    def test_star_sees_neither_cpr_nor_employers(self) -> None:
        _, emitted = play([issued(), *Ledger().report("r1", A, 100_000)])

        (statement,) = follow_up(emitted)
        assert statement.reported == 100_000
        assert "jwe" not in statement.model_dump_json()
        assert A not in statement.model_dump_json()

    def test_a_card_after_its_balance_completes_the_statement(self) -> None:
        ledger = Ledger()
        before, emitted = play([*ledger.report("r1", A, 100_000), *ledger.report("r2", B, 50_000)])
        assert emitted == []
        assert before.pending_years == (2025,)
        assert before.stated_years == ()

        after, emitted = play([issued()], before)
        assert [(s.revision, s.reported, s.reports) for s in tax(emitted)] == [(2, 150_000, 2)]
        assert after.pending_years == ()
        assert after.stated_years == (2025,)

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_no_order_of_arrival_publishes_half_a_change(self, place: int) -> None:
        """The card event arrives before, between or after the two events of one balance change."""
        events = Ledger().report("r1", A, 100_000)
        events.insert(place, issued())

        _, emitted = play(events)

        assert [(s.revision, s.reported, s.reports) for s in tax(emitted)] == [(1, 100_000, 1)]

    def test_a_hand_over_between_a_split_and_its_totals_publishes_the_earlier_figures(self) -> None:
        ledger = Ledger()
        first, (settled, changed) = ledger.report("r1", A, 100_000), ledger.report("r2", B, 50_000)

        _, emitted = play([issued(), *first, settled, handed_over("849"), changed])

        assert [(s.revision, s.municipality, s.reported, s.reports) for s in tax(emitted)] == [
            (1, "101", 100_000, 1),
            (2, "849", 100_000, 1),
            (3, "849", 150_000, 2),
        ]

    def test_a_statement_of_a_provisional_year_is_marked(self) -> None:
        _, emitted = play([issued(), *Ledger(year=2026, provisional=True).report("r1", A, 1)])
        assert [s.provisional for s in tax(emitted)] == [True]


class TestCorrections:
    def test_the_split_is_by_employer(self) -> None:
        ledger = Ledger(allowance=100)
        events = [issued(), *ledger.report("r1", A, 80), *ledger.report("r2", B, 60), *ledger.report("r1", A, 50)]

        _, emitted = play(events)

        assert [[(e.cvr, e.exempt, e.excess) for e in s.employers] for s in tax(emitted)] == [
            [(A, 80, 0)],
            [(A, 80, 0), (B, 20, 40)],
            [(A, 50, 0), (B, 50, 10)],
        ]
        assert [s.revision for s in tax(emitted)] == [1, 2, 3]

    def test_an_employer_with_several_reports_has_one_line(self) -> None:
        ledger = Ledger()
        _, emitted = play([issued(), *ledger.report("r1", A, 10), *ledger.report("r2", A, 5)])
        assert tax(emitted)[-1].employers == (EmployerLine(cvr=A, reports=2, reported=15, exempt=15, excess=0),)

    def test_withdrawing_the_last_report_publishes_zero_and_removes_the_year_from_extracts(self) -> None:
        ledger = Ledger()
        state, emitted = play([issued(), *ledger.report("r1", A, 10), *ledger.report("r1", A, 0)])

        assert [(s.revision, s.reports, s.reported, s.employers != ()) for s in tax(emitted)] == [
            (1, 1, 10, True),
            (2, 0, 0, False),
        ]
        assert state.stated_years == ()
        assert state.pending_years == ()

    def test_a_report_withdrawn_before_its_card_is_known_is_not_published(self) -> None:
        ledger = Ledger()
        state, emitted = play([*ledger.report("r1", A, 10), *ledger.report("r1", A, 0), issued()])
        assert emitted == []
        assert state.stated_years == state.pending_years == ()

    def test_a_change_without_an_effect_publishes_nothing(self) -> None:
        ledger = Ledger()
        _, emitted = play([issued(), *ledger.report("r1", A, 10), *ledger.report("r1", A, 10)])
        assert len(tax(emitted)) == 1


class TestHandOver:
    def test_a_hand_over_publishes_every_year_with_a_statement_again(self) -> None:
        events = [issued(), *Ledger(year=2024).report("r1", A, 10), *Ledger(year=2025).report("r2", A, 20)]

        state, emitted = play([*events, handed_over("849")])

        assert [(s.year, s.revision, s.municipality) for s in tax(emitted)[2:]] == [(2024, 2, "849"), (2025, 2, "849")]
        assert state.municipality == "849"

    def test_a_hand_over_of_a_card_without_statements_publishes_nothing(self) -> None:
        _, emitted = play([issued(), handed_over("849")])
        assert emitted == []

    def test_an_issue_replayed_after_a_hand_over_keeps_the_newer_municipality(self) -> None:
        ledger = Ledger()
        _, emitted = play([*ledger.report("r1", A, 10), handed_over("849"), issued("101")])
        assert [s.municipality for s in tax(emitted)] == ["849"]

    def test_other_card_events_are_skipped(self) -> None:
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


class TestDisputes:
    @staticmethod
    def flags(emitted: list[Event]) -> list[tuple[int, tuple[str, ...]]]:
        return [(s.revision, s.disputed_employers) for s in tax(emitted)]

    def test_a_dispute_and_its_end_are_published_with_unchanged_amounts(self) -> None:
        ledger = Ledger()
        reports = [*ledger.report("r1", A, 10), *ledger.report("r2", B, 20)]
        _, emitted = play([issued(), *reports, disputed("r2"), undisputed("r2")])

        assert self.flags(emitted) == [(1, ()), (2, ()), (3, (B,)), (4, ())]
        assert (
            [s.disputed for s in follow_up(emitted)]
            == [s.disputed for s in tax(emitted)]
            == [False, False, True, False]
        )
        assert {(s.reported, s.exempt, s.excess) for s in tax(emitted)[1:]} == {(30, 30, 0)}

    def test_the_employers_answer_leaves_the_report_in_dispute_and_publishes_nothing(self) -> None:
        state, emitted = play([issued(), *Ledger().report("r1", A, 10), disputed("r1"), answered("r1")])
        assert self.flags(emitted) == [(1, ()), (2, (A,))]

        _, emitted = play([undisputed("r1", 3)], state)
        assert self.flags(emitted) == [(4, ())]

    def test_a_second_dispute_of_the_same_employer_publishes_nothing(self) -> None:
        ledger = Ledger()
        reports = [*ledger.report("r1", A, 10), *ledger.report("r2", A, 20)]
        state, emitted = play([issued(), *reports, disputed("r1"), disputed("r2"), undisputed("r1")])
        assert self.flags(emitted)[2:] == [(3, (A,))]

        _, emitted = play([undisputed("r2")], state)
        assert self.flags(emitted) == [(6, ())]

    @pytest.mark.parametrize("place", range(4))
    def test_no_order_of_arrival_loses_a_dispute(self, place: int) -> None:
        events: list[Event] = [issued(), *Ledger().report("r1", A, 10)]
        events.insert(place, disputed("r1"))

        state, emitted = play(events)

        assert self.flags(emitted)[-1][1] == (A,)
        assert (state.stated_years, state.pending_years) == ((2025,), ())

    def test_a_withdrawn_report_is_not_disputed_in_either_order_of_arrival(self) -> None:
        ledger = Ledger()
        first = [issued(), *ledger.report("r1", A, 10), disputed("r1")]
        withdrawal = ledger.report("r1", A, 0)
        for events in ([*first, *withdrawal, undisputed("r1")], [*first, undisputed("r1"), *withdrawal]):
            _, emitted = play(events)
            assert (tax(emitted)[-1].reports, tax(emitted)[-1].disputed) == (0, False)

    def test_a_dispute_replayed_after_its_end_changes_nothing(self) -> None:
        state, _ = play([issued(), *Ledger().report("r1", A, 10), undisputed("r1")])
        after, emitted = play([disputed("r1")], state)
        assert emitted == []
        assert after == state

    def test_a_dispute_of_an_unknown_report_publishes_nothing_and_leaves_nothing_pending(self) -> None:
        state, emitted = play([disputed("r1"), issued(), undisputed("r1")])
        assert emitted == []
        assert state.stated_years == state.pending_years == ()

    def test_other_earnings_events_are_skipped(self) -> None:
        withdrawn = EarningsWithdrawn(
            card_id=CARD, employment_id="e", report_id="r1", revision=2, cvr=A, year=2025, reason="not-paid"
        )
        assert address(envelope(withdrawn)) is None
        assert address(envelope(disputed("r1"))) is not None


class TestPending:
    """A split is missing, because its message is a dead letter."""

    def missing_second(self) -> tuple[CardStatements, list[Event], ReportSettled, Ledger]:
        ledger = Ledger()
        first, (lost, changed) = ledger.report("r1", A, 1_000), ledger.report("r2", B, 1_000)
        assert isinstance(lost, ReportSettled)
        state, emitted = play([issued(), *first, changed])
        return state, emitted, lost, ledger

    def test_nothing_is_published_and_the_year_is_pending(self) -> None:
        state, emitted, _, _ = self.missing_second()
        assert [s.revision for s in tax(emitted)] == [1]
        assert state.pending_years == (2025,)

    def test_a_hand_over_publishes_nothing_of_a_pending_year(self) -> None:
        state, _, _, _ = self.missing_second()
        _, emitted = play([handed_over("849")], state)
        assert emitted == []

    def test_the_replay_of_the_missing_split_publishes_the_statement(self) -> None:
        state, _, lost, _ = self.missing_second()
        state, emitted = play([lost], state)
        assert [(s.revision, s.reported, [e.cvr for e in s.employers]) for s in tax(emitted)] == [(2, 2_000, [A, B])]
        assert state.pending_years == ()

    def test_an_equal_amount_does_not_replace_the_missing_split(self) -> None:
        state, _, lost, ledger = self.missing_second()
        (settled, changed) = ledger.report("r3", A, 1_000)

        state, emitted = play([settled, changed], state)
        assert emitted == []
        assert state.pending_years == (2025,)

        state, emitted = play([lost], state)
        assert [(s.reported, [(e.cvr, e.reports) for e in s.employers]) for s in tax(emitted)] == [
            (3_000, [(A, 2), (B, 1)])
        ]

    def test_a_later_split_of_the_same_report_publishes_the_statement(self) -> None:
        state, _, lost, ledger = self.missing_second()
        state, emitted = play(ledger.report("r2", B, 500), state)
        assert [s.reported for s in tax(emitted)] == [1_500]

        after, emitted = play([lost], state)  # a late replay of an older split
        assert emitted == []
        assert after == state

    def test_totals_replayed_after_newer_ones_change_nothing(self) -> None:
        ledger = Ledger()
        first, second = ledger.report("r1", A, 1_000), ledger.report("r2", B, 1_000)
        assert isinstance(first[-1], BalanceChanged)
        state, _ = play([issued(), first[0], *second])  # the first totals are a dead letter
        after, emitted = play([first[-1]], state)
        assert emitted == []
        assert after == state


class TestRestored:
    """A database that was restored from a backup reads again what it has lost."""

    def test_what_it_publishes_then_is_newer_than_what_it_had_published_before(self) -> None:
        ledger = Ledger()
        kept = [issued(), *ledger.report("r1", A, 10)]
        lost = [*ledger.report("r2", A, 20), *ledger.report("r3", B, 30)]
        backup, _ = play(kept)
        _, before = play(lost, backup)

        pending, emitted = play(ledger.report("r4", B, 40), backup)  # the group was not reset: it goes on after the gap
        assert emitted == []
        _, after = play(lost, pending)  # now it is reset

        assert [statement.reported for statement in tax(after)] == [100]
        assert tax(after)[0].revision > max(statement.revision for statement in tax(before))

    def test_the_next_change_is_newer_also_if_topics_are_read_in_another_order(self) -> None:
        ledger = Ledger()
        reports = [*ledger.report("r1", A, 10), *ledger.report("r2", B, 20)]
        _, before = play([issued(), *reports, disputed("r1"), undisputed("r1"), handed_over("849")])
        again, _ = play([issued(), handed_over("849"), disputed("r1"), undisputed("r1"), *reports])

        _, after = play(ledger.report("r3", A, 30), again)
        assert tax(after)[-1].revision > max(statement.revision for statement in tax(before))


class TestRepublishing:
    REPUBLISH = RepublishStatements(card_id=CARD)

    def test_every_year_is_published_again_under_its_next_revision(self) -> None:
        ledgers = [*Ledger().report("r1", A, 100_000), *Ledger(year=2026).report("r2", B, 50_000)]
        before, first = play([issued(), *ledgers])
        after, again = play([self.REPUBLISH], before)

        assert [event.revision for event in tax(again)] == [2, 2]
        assert [event.model_copy(update={"revision": 1}) for event in again] == first
        statement = before.years[2025].statement
        assert statement is not None
        assert after.years[2025].statement == replace(statement, revision=2)

    def test_a_card_without_statements_publishes_nothing(self) -> None:
        before, _ = play([issued()])
        after, again = play([self.REPUBLISH], before)
        assert (after, again) == (before, [])

    def test_an_unknown_card_stays_unknown(self) -> None:
        assert decide(None, envelope(self.REPUBLISH)) == Decision(None)


class TestErasure:
    FORGET = ForgetPerson(card_id=CARD)

    def test_statements_are_published_again_without_the_cpr_number_and_with_their_amounts(self) -> None:
        before, published = play([issued(), *Ledger().report("r1", A, 100)])
        state, emitted = play([self.FORGET], before)

        (was,) = (event for event in published if isinstance(event, TaxStatementUpdated))
        (now,) = (event for event in emitted if isinstance(event, TaxStatementUpdated))
        assert was.cpr is not None
        assert now == was.model_copy(update={"cpr": None, "revision": was.revision + 1})
        assert state.cpr is None
        assert state.stated_years == before.stated_years

    def test_a_year_whose_totals_wait_for_a_split_is_published_again_too(self) -> None:
        ledger = Ledger()
        before, _ = play([issued(), *ledger.report("r1", A, 100)])
        before, _ = play([event for event in ledger.report("r2", A, 50) if isinstance(event, BalanceChanged)], before)
        assert before.pending_years
        state, emitted = play([self.FORGET], before)
        assert [(event.cpr, event.exempt) for event in tax(emitted)] == [(None, 100)]
        assert state.pending_years == before.pending_years

    def test_later_changes_are_published_without_the_cpr_number(self) -> None:
        ledger = Ledger()
        state, _ = play([issued(), *ledger.report("r1", A, 100), self.FORGET])
        state, emitted = play([*ledger.report("r2", A, 50), issued()], state)
        assert {event.cpr for event in emitted if isinstance(event, TaxStatementUpdated)} == {None}
        assert state.pending_years == ()

    def test_it_can_be_repeated(self) -> None:
        state, _ = play([issued(), *Ledger().report("r1", A, 100), self.FORGET])
        assert play([self.FORGET], state) == (state, [])

    def test_the_card_of_a_person_who_was_erased_before_has_statements(self) -> None:
        state, emitted = play([issued(), *Ledger().report("r1", A, 100)], processor=statements(lambda *_: None))
        assert {event.cpr for event in emitted if isinstance(event, TaxStatementUpdated)} == {None}
        assert state.pending_years == ()


class TestNewKeyOfTheAgency:
    AGAIN = EncryptCprAgain(card_id=CARD, person=issued().person)

    def test_statements_are_published_again_with_the_number_under_the_new_key(self) -> None:
        before, _ = play([issued(), *Ledger().report("r1", A, 100)])
        state, emitted = play([self.AGAIN], before, statements(lambda *_: "new jwe"))
        assert [event.cpr for event in tax(emitted)] == ["new jwe"]
        assert state.cpr == "new jwe"

    def test_an_erased_person_stays_erased(self) -> None:
        before, _ = play([issued(), *Ledger().report("r1", A, 100), ForgetPerson(card_id=CARD)])
        assert play([self.AGAIN], before, statements(lambda *_: "new jwe")) == (before, [])

    def test_a_card_that_is_not_known_yet_is_encrypted_when_it_is(self) -> None:
        before, _ = play(Ledger().report("r1", A, 100))
        assert play([self.AGAIN], before) == (before, [])
