"""How a reconciliation judges the figures of a card's year, and how a run ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from frikort_contracts.reconciliation import (
    CardsCounted,
    CardsListed,
    CardYear,
    CardYearDiffered,
    DifferingYear,
    Figures,
    HeldReport,
    Holder,
    MessagePlace,
    MessagesFound,
    ReconciliationCompleted,
)

from services.exports.reconciliation import (
    MAX_ATTEMPTS,
    MOST_DIFFERING,
    MOST_OPEN,
    Run,
    Verdict,
    address,
    compare,
    complete,
    decide,
)
from tests.contracts.examples import NOON, envelope

CARD: Final = "card-1"
RUN: Final = "run-1"
Changes = Mapping[Holder, Mapping[str, Any]]

AGREEING: Final[Changes] = {
    Holder.REPORTING: {"changes": 3, "reports": 2, "total": 900},
    Holder.ENTRIES: {"changes": 3, "reports": 2, "total": 900, "exempt": 800, "excess": 100},
    Holder.LEDGER: {"ledger_revision": 3, "total": 900, "exempt": 800, "excess": 100},
    Holder.SPLITS: {"ledger_revision": 3, "reports": 2, "total": 900, "exempt": 800, "excess": 100},
    Holder.STATEMENT: {"reports": 2, "total": 900, "exempt": 800, "excess": 100},
    Holder.REPORTS_VIEW: {
        "changes": 3, "latest_split": 2, "reports": 2, "total": 900, "exempt": 800, "excess": 100
    },
    Holder.TOTALS_VIEW: {"ledger_revision": 3, "total": 900, "exempt": 800, "excess": 100},
}  # fmt: skip


def figures(changes: Changes | None = None) -> tuple[Figures, ...]:
    """Figures that agree, but for ``changes``."""
    return tuple(
        Figures(holder=holder, **{**fields, **(changes or {}).get(holder, {})}) for holder, fields in AGREEING.items()
    )


def after_a_report(*holders: Holder) -> Changes:
    """These holders have one more report, of 50 øre above the allowance."""
    added = {"changes": 1, "ledger_revision": 1, "latest_split": 2, "reports": 1, "total": 50, "excess": 50}
    return {
        holder: {name: value + added.get(name, 0) for name, value in AGREEING[holder].items()} for holder in holders
    }


VIEWS: Final = (Holder.REPORTS_VIEW, Holder.TOTALS_VIEW)
EXPORTS: Final = (Holder.SPLITS, Holder.STATEMENT)


def test_equal_figures_are_the_same() -> None:
    assert compare(figures()) is Verdict.SAME


def test_a_year_of_which_no_holder_has_anything_is_the_same() -> None:
    assert compare(complete(())) is Verdict.SAME


@pytest.mark.parametrize("holder", list(Holder))
def test_another_sum_at_the_same_revisions_is_a_difference(holder: Holder) -> None:
    assert compare(figures({holder: {"total": AGREEING[holder]["total"] + 1}})) is Verdict.DIFFERENT


@pytest.mark.parametrize(
    "holders",
    [(Holder.ENTRIES, Holder.LEDGER, *EXPORTS, *VIEWS), (*EXPORTS, *VIEWS), VIEWS, (Holder.TOTALS_VIEW,)],
    ids=["balance", "exports", "gateway", "totals of the gateway"],
)
def test_a_later_count_that_is_ahead_has_moved(holders: Sequence[Holder]) -> None:
    assert compare(figures(after_a_report(*holders))) is Verdict.MOVED


@pytest.mark.parametrize("lost", [holder for holder in Holder if holder not in {Holder.REPORTING, Holder.LEDGER}])
def test_a_count_that_is_behind_an_earlier_one_is_no_report_in_flight(lost: Holder) -> None:
    others = [holder for holder in Holder if holder is not lost]
    assert compare(figures(after_a_report(*others))) is Verdict.DIFFERENT


def test_a_holder_that_is_left_out_has_nothing() -> None:
    without = complete([each for each in figures() if each.holder is not Holder.STATEMENT])
    assert compare(without) is Verdict.DIFFERENT


def page(
    *years: Sequence[Figures], first: int = 0, attempt: int = 1, is_last: bool = False, cards: int | None = None
) -> CardsCounted:
    names = tuple(f"card-{n}" for n in range(1, 1 + (len(years) if cards is None else cards)))
    return CardsCounted(
        run_id=RUN,
        first=first,
        cards=names,
        attempt=attempt,
        is_last=is_last,
        counted_by="projections",
        years=tuple(
            CardYear(card_id=card, year=2025, figures=tuple(each)) for card, each in zip(names, years, strict=False)
        ),
    )


END: Final = page(first=100, is_last=True)


def play(*pages: CardsCounted | MessagesFound) -> tuple[Run, list[object]]:
    """The run and all its events after these pages and messages."""
    run: Run | None = None
    events: list[object] = []
    for number, counted in enumerate(pages):
        decision = decide(run, envelope(counted, f"page {number}"))
        run = decision.state
        events += decision.events
    assert run is not None
    return run, events


PLACE: Final = MessagePlace(message_id="m-1", type="t", topic="frikort.earnings.v1", partition=3, offset=120)


def found(card_id: str = CARD) -> MessagesFound:
    return MessagesFound(run_id=RUN, card_id=card_id, year=2025, messages=(PLACE,))


def result(**changes: Any) -> ReconciliationCompleted:
    counts = {"cards": 1, "years": 1, "differences": 0, "undecided": 0} | changes
    return ReconciliationCompleted(run_id=RUN, started_at=NOON, **counts)


AGAIN: Final = CardsListed(run_id=RUN, first=0, cards=("card-1",), attempt=2)
WRONG: Final = figures({Holder.STATEMENT: {"total": 899}})


def test_a_run_without_differences_is_completed_by_its_last_page() -> None:
    run, events = play(page(figures(), figures()), END)
    assert events == [result(cards=2, years=2)]
    assert run.completed


def test_a_difference_is_an_alarm_when_a_second_count_shows_it() -> None:
    once, again = page(WRONG), page(WRONG, attempt=2)
    assert play(once, END)[1] == [AGAIN]
    alarm = CardYearDiffered(run_id=RUN, card_id=CARD, year=2025, figures=WRONG, messages=(PLACE,))
    run, events = play(once, END, again, found())
    assert events == [AGAIN, alarm, result(differences=1, differing=(DifferingYear(year=2025, messages=(PLACE,)),))]
    assert [(year.card_id, year.year) for year in run.differing] == [(CARD, 2025)]


def test_a_run_waits_for_the_messages_that_made_a_difference() -> None:
    waiting, events = play(page(WRONG), END, page(WRONG, attempt=2))
    assert events == [AGAIN]
    assert [year.card_id for year in waiting.without_messages] == [CARD]
    assert not waiting.completed


def test_messages_that_two_instances_found_make_one_alarm() -> None:
    _, events = play(page(WRONG, WRONG), END, page(WRONG, WRONG, attempt=2), found(), found(), found("card-2"))
    assert Counter(map(type, events)) == {CardsListed: 2, CardYearDiffered: 2, ReconciliationCompleted: 1}


def test_an_alarm_after_the_first_hundred_does_not_wait_for_its_messages() -> None:
    wrong = [WRONG] * (MOST_DIFFERING + 1)
    run, events = play(page(*wrong), END, page(*wrong, attempt=2))
    [alarm] = [event for event in events if isinstance(event, CardYearDiffered)]
    assert alarm.messages == ()
    assert len(run.without_messages) == MOST_DIFFERING


def test_a_difference_that_the_second_count_does_not_show_is_no_alarm() -> None:
    assert play(page(WRONG), END, page(figures(), attempt=2))[1] == [AGAIN, result()]


def test_a_card_that_no_holder_has_any_more_is_no_alarm() -> None:
    assert play(page(WRONG), END, page(cards=1, attempt=2))[1] == [AGAIN, result()]


def test_a_holder_that_stays_ahead_while_nothing_moves_is_an_alarm() -> None:
    ahead = figures(after_a_report(*(holder for holder in Holder if holder is not Holder.REPORTING)))
    _, events = play(page(ahead), END, page(ahead, attempt=2), found())
    assert [type(event) for event in events] == [CardsListed, CardYearDiffered, ReconciliationCompleted]


def test_a_card_that_changes_at_every_count_is_undecided() -> None:
    def moved(attempt: int) -> CardsCounted:
        changes = {holder: dict(fields) for holder, fields in after_a_report(*VIEWS).items()}
        for fields in changes.values():
            fields["total"] += attempt
        return page(figures(changes), attempt=attempt)

    run, events = play(*(moved(attempt) for attempt in range(1, MAX_ATTEMPTS + 1)), END)
    assert events[-1] == result(undecided=1)
    assert not run.open


def test_a_run_waits_for_the_cards_that_are_counted_again() -> None:
    assert not play(page(WRONG), END)[0].completed


def test_the_first_count_decides_when_too_many_card_years_are_counted_again() -> None:
    run, events = play(page(*[WRONG] * (MOST_OPEN + 1)))
    assert Counter(map(type, events)) == {CardsListed: MOST_OPEN}
    assert run.differences == 1


def test_a_page_that_is_published_twice_counts_once() -> None:
    once = page(figures())
    assert play(once, page(figures()), END)[1] == [result()]
    assert play(page(WRONG), END, page(WRONG, attempt=2), page(WRONG, attempt=2))[0].differences == 1


@pytest.mark.parametrize("changes", [after_a_report(*VIEWS), {Holder.STATEMENT: {"total": 899}}])
def test_a_card_that_was_listed_again_after_a_crash_is_counted_again_once(changes: Changes) -> None:
    moved = figures(changes)
    _, events = play(page(moved), page(moved, first=1), END, page(figures(), attempt=2))
    assert events == [AGAIN, result(cards=2, years=2)]


def test_an_alarm_has_the_reports_on_which_the_holders_disagree() -> None:
    def reports(*totals: int) -> tuple[HeldReport, ...]:
        return tuple(HeldReport(report_id=f"report-{n}", revision=1, total=total) for n, total in enumerate(totals))

    detailed = tuple(
        figure.model_copy(update={"details": reports(400, 499 if figure.holder is Holder.SPLITS else 500)})
        for figure in figures({Holder.SPLITS: {"total": 899}})
        if figure.holder in {Holder.REPORTING, Holder.ENTRIES, Holder.SPLITS, Holder.REPORTS_VIEW}
    )
    rest = tuple(each for each in figures() if each.holder not in {figure.holder for figure in detailed})
    _, events = play(page(WRONG), page((*detailed, *rest), attempt=2), found())
    alarm = events[-1]
    assert isinstance(alarm, CardYearDiffered)
    assert {report.report_id for each in alarm.figures for report in each.details} == {"report-1"}


def test_only_pages_that_all_services_have_counted_are_compared() -> None:
    counted = page(figures())
    assert address(envelope(counted)) is not None
    assert address(envelope(counted.model_copy(update={"counted_by": "exports"}))) is None
    assert address(envelope(AGAIN)) is None
