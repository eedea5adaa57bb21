"""Properties of statements: any order of arrival ends in the same ones, and each adds up."""

from __future__ import annotations

from frikort_contracts.extracts import FollowUpStatementUpdated, Statement, TaxStatementUpdated
from frikort_contracts.messages import Event
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.examples import envelope
from tests.exports.build import CARDS, A, B, C, Ledger, disputed, handed_over, issued, play, undisputed

YEARS = (2024, 2025)
ALLOWANCE = 1_000

operations = st.lists(
    st.tuples(st.sampled_from(YEARS), st.integers(0, 5), st.integers(0, 700)), min_size=1, max_size=15
)
hand_overs = st.lists(st.sampled_from(["147", "849", "101"]), max_size=3)
dispute_plans = st.lists(st.tuples(st.sampled_from(YEARS), st.integers(0, 5)), max_size=6)


def balances(plan: list[tuple[int, int, int]]) -> tuple[list[Event], dict[int, Ledger]]:
    ledgers = {year: Ledger(year=year, allowance=ALLOWANCE) for year in YEARS}
    events: list[Event] = []
    for year, report, total in plan:
        events += ledgers[year].report(f"{year}-{report}", (A, B, C)[report % 3], total)
    return events, ledgers


def last_of(emitted: list[Event], kind: type[Statement]) -> dict[int, dict[str, object]]:
    """The last statement of each year that has reports, without its revision."""
    last = {event.year: event for event in emitted if isinstance(event, kind)}
    return {year: event.model_dump(exclude={"revision"}) for year, event in last.items() if event.reports}


def disputes(plan: list[tuple[int, int]]) -> list[Event]:
    """Events of disputes: the entries of a report in ``plan`` open and end a dispute in turn."""
    revisions: dict[tuple[int, int], int] = {}
    events: list[Event] = []
    for year, report in plan:
        revisions[year, report] = revision = revisions.get((year, report), 0) + 1
        event = disputed if revision % 2 else undisputed
        events.append(event(f"{year}-{report}", revision, year=year))
    return events


@given(operations, hand_overs, dispute_plans, st.data())
def test_any_interleaving_ends_in_the_same_statements(
    plan: list[tuple[int, int, int]], towns: list[str], dispute_plan: list[tuple[int, int]], data: st.DataObject
) -> None:
    of_balance, _ = balances(plan)
    of_card: list[Event] = [issued(), *(handed_over(town, 2 + i) for i, town in enumerate(towns))]
    of_earnings = disputes(dispute_plan)
    reference, expected = play([*of_card, *of_balance, *of_earnings])

    topics = {"card": of_card, "balance": of_balance, "earnings": of_earnings}
    turns = data.draw(st.permutations([name for name, events in topics.items() for _ in events]))
    left = {name: iter(events) for name, events in topics.items()}
    state, emitted = play([next(left[turn]) for turn in turns])

    for kind in (TaxStatementUpdated, FollowUpStatementUpdated):
        assert last_of(emitted, kind) == last_of(expected, kind)
    assert (state.stated_years, state.pending_years, state.municipality) == (
        reference.stated_years,
        (),
        reference.municipality,
    )


@given(operations)
def test_every_statement_adds_up_and_the_last_one_is_the_ledger(plan: list[tuple[int, int, int]]) -> None:
    events, ledgers = balances(plan)
    _, emitted = play([issued(), *events])

    for statement in (event for event in emitted if isinstance(event, TaxStatementUpdated)):
        assert statement.reported == statement.exempt + statement.excess
        assert statement.exempt <= ALLOWANCE
        for name in ("reported", "exempt", "excess", "reports"):
            assert sum(getattr(line, name) for line in statement.employers) == getattr(statement, name)
    last = last_of(emitted, TaxStatementUpdated)
    for year, ledger in ledgers.items():
        assert last.get(year, {"reported": 0})["reported"] == sum(ledger.totals.values())


@given(operations, dispute_plans, st.integers(0, 100))
def test_revisions_rise(plan: list[tuple[int, int, int]], dispute_plan: list[tuple[int, int]], when: int) -> None:
    events, _ = balances(plan)
    events.insert(min(when, len(events)), issued())
    events += [*disputes(dispute_plan), handed_over("849")]
    _, emitted = play(events)
    for year in YEARS:
        for kind in (TaxStatementUpdated, FollowUpStatementUpdated):
            revisions = [event.revision for event in emitted if isinstance(event, kind) and event.year == year]
            assert revisions == sorted(set(revisions))


@given(operations, dispute_plans)
def test_the_sums_of_employers_are_those_of_their_reports(
    plan: list[tuple[int, int, int]], dispute_plan: list[tuple[int, int]]
) -> None:
    events, _ = balances(plan)
    state, _ = play([issued(), *events, *disputes(dispute_plan)])

    for year in state.years.values():
        for cvr in (A, B, C):
            counted = [split for split in year.reports.values() if split.cvr == cvr and split.exempt + split.excess]
            sums = (len(counted), sum(split.exempt for split in counted), sum(split.excess for split in counted))
            assert year.employers.get(cvr, (0, 0, 0)) == sums


@given(operations, dispute_plans, st.data())
def test_a_message_whose_id_is_not_stored_changes_nothing_the_second_time(
    plan: list[tuple[int, int, int]], dispute_plan: list[tuple[int, int]], data: st.DataObject
) -> None:
    of_balance, _ = balances(plan)
    events = data.draw(st.permutations([*of_balance, *disputes(dispute_plan)]))
    state, _ = play([issued(), *events])

    for event in events:
        assert type(event) in CARDS.idempotent
        decision = CARDS.decide(state, CARDS.prepare(envelope(event)))
        assert decision.state is state
        assert decision.events == ()
