"""For any sequence of reports, corrections and withdrawals the ledger equals a recomputation from scratch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from types import ModuleType
from typing import Any

import pytest
from frikort_contracts.balance import (
    BalanceChanged,
    CapWarningRaised,
    CapWarningWithdrawn,
    ReportSettled,
    SettleYear,
    Threshold,
)
from frikort_contracts.messages import Event
from frikort_contracts.reporting import ReportContent, ReportEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from services.balance import ledger as ledger_module
from services.balance import processor as processor_module
from services.balance.ledger import Ledger, LedgerEntry, Posting, allocate, post_report
from services.balance.processor import LEDGERS, decide
from services.balance.warnings import thresholds_crossed
from tests.balance.build import LedgerHistory, corrected, reported, settle, withdrawn
from tests.contracts.examples import envelope


@dataclass
class NaiveLedger:
    """The year recomputed from its events alone, without code of the service."""

    amounts: dict[str, int] = field(default_factory=dict)
    allowance: int = 0
    version: str = ""

    def apply(self, event: ReportEvent | SettleYear) -> None:
        if isinstance(event, SettleYear):
            if event.allowance_version > self.version:
                self.allowance, self.version = event.allowance, event.allowance_version
        elif isinstance(event, ReportContent):
            self.amounts[event.report_id] = event.total
            if not self.version:
                self.allowance, self.version = event.allowance, event.allowance_version
        else:
            self.amounts[event.report_id] = 0

    def split(self) -> dict[str, tuple[int, int]]:
        """On a line of all reports, the part of a report below the allowance is exempt."""
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
def years(draw: st.DrawFn) -> list[ReportEvent | SettleYear]:
    """Events that reporting can publish about one card and year, and amounts that take effect between them.

    Revisions are gapless, and nothing follows a withdrawal.
    """
    allowances = st.sampled_from((1000, 1000, 1000, 700, 1301))
    versions = st.sampled_from(("2025/1", "2025/2", "2025/3"))
    amounts = st.integers(1, 600) | st.sampled_from((800, 1000, 1001))
    events: list[ReportEvent | SettleYear] = []
    revisions: dict[str, int] = {}
    for _ in range(draw(st.integers(1, 14))):
        wish = draw(st.sampled_from(("report", "report", "correct", "withdraw", "settle")))
        if wish == "settle" and events:
            events.append(settle(draw(allowances), draw(versions)))
            continue
        if wish == "report" or not revisions:
            name = f"r{len(events)}"
            revisions[name] = 1
            events.append(reported(name, draw(amounts), allowance=draw(allowances), version=draw(versions)))
            continue
        name = draw(st.sampled_from(sorted(revisions)))
        revisions[name] += 1
        if wish == "correct":
            events.append(
                corrected(
                    name, draw(amounts), revision=revisions[name], allowance=draw(allowances), version=draw(versions)
                )
            )
        else:
            events.append(withdrawn(name, revision=revisions.pop(name)))
    return events


def check(events: list[ReportEvent | SettleYear]) -> None:
    """Apply ``events`` and compare every step with the recomputation."""
    history, naive = LedgerHistory(), NaiveLedger()
    published: dict[str, tuple[int, int]] = {}
    raised: set[str] = set()
    step = 0
    for event in events:
        version = naive.version
        emitted = history.apply(event)
        naive.apply(event)
        if isinstance(event, SettleYear) and naive.version == version:
            assert emitted == (), "amounts that are not newer change something"
            continue
        step += 1

        settled = [e for e in emitted if isinstance(e, ReportSettled)]
        own = None if isinstance(event, SettleYear) else event.report_id
        assert own is None or settled[0].report_id == own
        for e in settled:
            assert e.exempt + e.excess == e.total == naive.amounts[e.report_id]
            assert e.caused_by == own
            assert e.report_id == own or published[e.report_id] != (e.exempt, e.excess), (
                "an unchanged split is published again"
            )
            published[e.report_id] = (e.exempt, e.excess)
        assert published == naive.split(), "the published splits differ from the recomputed ones"

        (year,) = [e for e in emitted if isinstance(e, BalanceChanged)]
        assert year.exempt + year.excess == year.reported == sum(naive.amounts.values())
        assert year.exempt == sum(exempt for exempt, _ in naive.split().values()) <= year.allowance == naive.allowance
        assert year.exempt + year.remaining == year.allowance

        _apply_warnings(raised, emitted)
        assert raised == naive.true_warnings()
        revisions = {getattr(e, "revision", None) for e in emitted}
        assert revisions == {step}, "the ledger's revisions have a gap"


def _apply_warnings(raised: set[str], emitted: tuple[Event, ...]) -> None:
    for event in emitted:
        if isinstance(event, CapWarningRaised):
            assert event.threshold not in raised, "a warning is raised twice"
            raised.add(event.threshold)
        elif isinstance(event, CapWarningWithdrawn):
            assert event.threshold in raised, "a warning is withdrawn that was not raised"
            raised.remove(event.threshold)


@settings(max_examples=300)
@given(years())
def test_the_ledger_equals_the_recomputation_after_every_step(events: list[ReportEvent | SettleYear]) -> None:
    check(events)


@settings(max_examples=100)
@given(years())
def test_storing_the_ledger_between_events_changes_nothing(events: list[ReportEvent | SettleYear]) -> None:
    in_memory, stored = LedgerHistory(), LedgerHistory()
    for event in events:
        in_memory.apply(event)
        stored.apply(event)
        assert stored.ledger is not None
        stored.ledger = Ledger.from_stored(from_json(to_json(stored.ledger.to_stored())))
    assert stored.ledger == in_memory.ledger


@settings(max_examples=100)
@given(years())
def test_a_message_whose_id_is_not_stored_changes_nothing_the_second_time(
    events: list[ReportEvent | SettleYear],
) -> None:
    history = LedgerHistory()
    history.apply(*events)

    for event in events:
        assert isinstance(event, SettleYear) or type(event) in LEDGERS.idempotent
        decision = decide(history.ledger, envelope(event))
        assert decision.state is history.ledger
        assert decision.events == ()


# The check itself is tested: it must find mistakes.

CROSSING: list[ReportEvent | SettleYear] = [
    *(reported("r1", 900), reported("r2", 300), corrected("r1", 800), settle(1050, "2025/2025-07-01"), withdrawn("r2")),
]


def _latest_first(entries: Iterable[LedgerEntry], allowance: int) -> list[LedgerEntry]:
    return allocate(reversed(list(entries)), allowance)[::-1]


def _own_split_only(*args: Any, **kwargs: Any) -> Posting:
    ledger, settled = post_report(*args, **kwargs)
    return Posting(ledger, settled[:1])


def _without_the_last_threshold(*, allowance: int, reported: int) -> tuple[Threshold, ...]:
    return thresholds_crossed(allowance=allowance, reported=reported)[:2]


@pytest.mark.parametrize(
    ("module", "name", "mistake"),
    [
        pytest.param(ledger_module, "allocate", _latest_first, id="the latest report is exempt first"),
        pytest.param(processor_module, "find_entry", lambda *_: None, id="a corrected report is posted twice"),
        pytest.param(
            processor_module, "settle_year", lambda ledger, **_: Posting(ledger, ()), id="the year is not settled"
        ),
        pytest.param(
            processor_module, "post_report", _own_split_only, id="changed splits of other reports are not emitted"
        ),
        pytest.param(ledger_module, "thresholds_crossed", lambda **_: (), id="no warnings"),
        pytest.param(
            ledger_module, "thresholds_crossed", _without_the_last_threshold, id="the last warning is missing"
        ),
    ],
)
def test_the_check_finds_the_mistake(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, mistake: object
) -> None:
    check(CROSSING)
    monkeypatch.setattr(module, name, mistake)
    with pytest.raises(AssertionError):
        check(CROSSING)
