"""Whatever the order across the topics, the authorities end up with the same statements."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contracts.extracts import FollowUpStatementUpdated, Statement, TaxStatementUpdated
from contracts.messages import Event
from tests.exports.build import A, B, C, Ledger, handed_over, issued, play

YEARS = (2024, 2025)
ALLOWANCE = 1_000

operations = st.lists(
    st.tuples(st.sampled_from(YEARS), st.integers(0, 5), st.integers(0, 700)), min_size=1, max_size=15
)
moves = st.lists(st.sampled_from(["147", "849", "101"]), max_size=3)


def balances(plan: list[tuple[int, int, int]]) -> tuple[list[Event], dict[int, Ledger]]:
    ledgers = {year: Ledger(year=year, allowance=ALLOWANCE) for year in YEARS}
    events: list[Event] = []
    for year, report, total in plan:
        events += ledgers[year].report(f"{year}-{report}", (A, B, C)[report % 3], total)
    return events, ledgers


def last_of(told: list[Event], kind: type[Statement]) -> dict[int, dict[str, object]]:
    """The last statement of each year that says anything, without its revision."""
    last = {event.year: event for event in told if isinstance(event, kind)}
    return {year: event.model_dump(exclude={"revision"}) for year, event in last.items() if event.reports}


@given(operations, moves, st.data())
def test_any_interleaving_ends_in_the_same_statements(
    plan: list[tuple[int, int, int]], towns: list[str], data: st.DataObject
) -> None:
    of_balance, _ = balances(plan)
    of_card: list[Event] = [issued(), *(handed_over(town, 2 + i) for i, town in enumerate(towns))]
    reference, expected = play([*of_card, *of_balance])

    turns = data.draw(st.permutations([True] * len(of_card) + [False] * len(of_balance)))
    left = {True: iter(of_card), False: iter(of_balance)}
    state, told = play([next(left[turn]) for turn in turns])

    for kind in (TaxStatementUpdated, FollowUpStatementUpdated):
        assert last_of(told, kind) == last_of(expected, kind)
    assert (state.stated, state.held, state.municipality) == (reference.stated, (), reference.municipality)


@given(operations)
def test_every_statement_adds_up_and_the_last_one_is_the_ledger(plan: list[tuple[int, int, int]]) -> None:
    events, ledgers = balances(plan)
    _, told = play([issued(), *events])

    for statement in (event for event in told if isinstance(event, TaxStatementUpdated)):
        assert statement.reported == statement.exempt + statement.excess
        assert statement.exempt <= ALLOWANCE
        for name in ("reported", "exempt", "excess", "reports"):
            assert sum(getattr(line, name) for line in statement.employers) == getattr(statement, name)
    last = last_of(told, TaxStatementUpdated)
    for year, ledger in ledgers.items():
        assert last.get(year, {"reported": 0})["reported"] == sum(ledger.totals.values())


@given(operations, st.integers(0, 100))
def test_revisions_have_no_gaps(plan: list[tuple[int, int, int]], when: int) -> None:
    events, _ = balances(plan)
    events.insert(min(when, len(events)), issued())
    events.append(handed_over("849"))
    _, told = play(events)
    for year in YEARS:
        for kind in (TaxStatementUpdated, FollowUpStatementUpdated):
            revisions = [event.revision for event in told if isinstance(event, kind) and event.year == year]
            assert revisions == list(range(1, len(revisions) + 1))
