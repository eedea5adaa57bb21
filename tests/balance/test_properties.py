"""The books hold for any sequence of reports, corrections and withdrawals, against a recomputation from scratch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from frikort_contracts.balance import BalanceChanged, CapWarningRaised, CapWarningWithdrawn, ReportSettled
from frikort_contracts.messages import Event
from frikort_contracts.reporting import ReportContent, ReportEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from services.balance import decide as decide_module
from services.balance import ledger as ledger_module
from services.balance.ledger import Entry, Ledger, enter, entries_of, settle, thresholds_crossed
from tests.balance.build import Books, corrected, reported, withdrawn


@dataclass
class Naive:
    """The year recomputed from its events alone, øre by øre where it matters, by no code of the service."""

    amounts: dict[str, int] = field(default_factory=dict)
    allowance: int = 0

    def take(self, event: ReportEvent) -> None:
        if isinstance(event, ReportContent):
            self.amounts[event.report_id] = event.total
            self.allowance = event.allowance
        else:
            self.amounts[event.report_id] = 0

    def split(self) -> dict[str, tuple[int, int]]:
        """A report is exempt for what of it lies below the allowance on the line of all reports."""
        divided, start = {}, 0
        for report_id, amount in self.amounts.items():
            end = start + amount
            exempt = max(0, min(end, self.allowance) - min(start, self.allowance))
            divided[report_id] = (exempt, amount - exempt)
            start = end
        return divided

    def true_warnings(self) -> set[str]:
        used = Fraction(sum(self.amounts.values()), self.allowance)
        return {
            name
            for name, true in (("near", used >= Fraction(4, 5)), ("reached", used >= 1), ("exceeded", used > 1))
            if true
        }


@st.composite
def years(draw: st.DrawFn) -> list[ReportEvent]:
    """What reporting can publish about one card and year: revisions gapless, nothing after a withdrawal."""
    allowances = st.sampled_from((1000, 1000, 1000, 700, 1301))
    amounts = st.integers(1, 600) | st.sampled_from((800, 1000, 1001))
    events: list[ReportEvent] = []
    standing: dict[str, int] = {}
    for _ in range(draw(st.integers(1, 14))):
        wish = draw(st.sampled_from(("report", "report", "correct", "withdraw")))
        if wish == "report" or not standing:
            name = f"r{len(events)}"
            standing[name] = 1
            events.append(reported(name, draw(amounts), allowance=draw(allowances)))
            continue
        name = draw(st.sampled_from(sorted(standing)))
        standing[name] += 1
        if wish == "correct":
            events.append(corrected(name, draw(amounts), revision=standing[name], allowance=draw(allowances)))
        else:
            events.append(withdrawn(name, revision=standing.pop(name)))
    return events


def check(events: list[ReportEvent]) -> None:
    """Play ``events`` and hold every step against the recomputation."""
    books, naive = Books(), Naive()
    told: dict[str, tuple[int, int]] = {}
    standing: set[str] = set()
    for step, event in enumerate(events, start=1):
        said = books.tell(event)
        naive.take(event)

        settled = [e for e in said if isinstance(e, ReportSettled)]
        assert settled[0].report_id == event.report_id
        for e in settled:
            assert e.exempt + e.excess == e.total == naive.amounts[e.report_id]
            assert e.report_id == event.report_id or told[e.report_id] != (e.exempt, e.excess), "told for nothing"
            told[e.report_id] = (e.exempt, e.excess)
        assert told == naive.split(), "what was told adds up to the books"

        (year,) = [e for e in said if isinstance(e, BalanceChanged)]
        assert year.exempt + year.excess == year.reported == sum(naive.amounts.values())
        assert year.exempt == sum(exempt for exempt, _ in naive.split().values()) <= year.allowance == naive.allowance
        assert year.exempt + year.remaining == year.allowance

        _follow(standing, said)
        assert standing == naive.true_warnings()
        revisions = {getattr(e, "revision", None) for e in said}
        assert revisions == {step}, "the ledger's revisions have no gap"


def _follow(standing: set[str], said: tuple[Event, ...]) -> None:
    for event in said:
        if isinstance(event, CapWarningRaised):
            assert event.threshold not in standing, "raised twice"
            standing.add(event.threshold)
        elif isinstance(event, CapWarningWithdrawn):
            assert event.threshold in standing, "withdrawn without being raised"
            standing.remove(event.threshold)


@settings(max_examples=300)
@given(years())
def test_the_books_hold_after_every_step(events: list[ReportEvent]) -> None:
    check(events)


@settings(max_examples=100)
@given(years())
def test_a_year_is_the_same_when_it_is_stored_between_its_events(events: list[ReportEvent]) -> None:
    straight, stored = Books(), Books()
    for event in events:
        straight.tell(event)
        stored.tell(event)
        assert stored.ledger is not None
        stored.ledger = Ledger.model_validate(stored.ledger.model_dump(mode="json"))
    assert stored.ledger == straight.ledger


@settings(max_examples=100)
@given(years())
def test_a_year_that_an_earlier_release_stored_goes_on_as_one_of_this(events: list[ReportEvent]) -> None:
    books = Books()
    for event in events:
        books.tell(event)
        assert books.ledger is not None
        stored = books.ledger.model_dump(mode="json", exclude={"exempt", "excess"})
        stored["entries"] = {one.report_id: _without_its_id(one) for one in entries_of(books.ledger)}
        assert Ledger.model_validate(stored) == books.ledger


def _without_its_id(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry._asdict().items() if name != "report_id"}


# The check is worth something only if it finds wrong books.

CROSSING: list[ReportEvent] = [reported("r1", 900), reported("r2", 300), corrected("r1", 800), withdrawn("r2")]


def _latest_first(entries: Iterable[Entry], allowance: int) -> list[Entry]:
    return SETTLE(reversed(list(entries)), allowance)[::-1]


def _others_not_told(*given: Any, **more: Any) -> tuple[Ledger, Sequence[Entry]]:
    ledger, settled = ENTER(*given, **more)
    return ledger, settled[:1]


ENTER, SETTLE, CROSSED = enter, settle, thresholds_crossed


@pytest.mark.parametrize(
    ("where", "what", "instead"),
    [
        pytest.param(ledger_module, "settle", _latest_first, id="the latest report is exempt first"),
        pytest.param(decide_module, "entry_of", lambda *_: None, id="a corrected report is entered twice"),
        pytest.param(decide_module, "enter", _others_not_told, id="others are not told"),
        pytest.param(decide_module, "thresholds_crossed", lambda _: (), id="no warnings"),
        pytest.param(
            decide_module, "thresholds_crossed", lambda ledger: CROSSED(ledger)[:2], id="the third warning is forgotten"
        ),
    ],
)
def test_wrong_books_are_found_out(
    monkeypatch: pytest.MonkeyPatch, where: ModuleType, what: str, instead: object
) -> None:
    check(CROSSING)
    monkeypatch.setattr(where, what, instead)
    with pytest.raises(AssertionError):
        check(CROSSING)
