"""A change of a year: one person enters it, another confirms it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

import pytest
from frikort_contracts.cloudevents import decode, encode
from frikort_contracts.rules.allowances import Allowance, AllowanceTable
from frikort_contracts.topics import YEARS

from services.runtime.years.__main__ import line, parser
from services.runtime.years.changes import Decided, Entered, Refused, YearHistory
from services.runtime.years.followed import FollowedAllowances
from tests.gateway.build import settings

AT: Final = datetime(2026, 12, 1, 9, tzinfo=UTC)
PROVISIONAL: Final = Allowance(
    year=2026, allowance=4_276_600, income_limit=1_069_200, provisional=True, effective_from=date(2026, 1, 1)
)
FINAL: Final = PROVISIONAL.model_copy(update={"allowance": 4_390_000, "provisional": False})
TABLE: Final = AllowanceTable(years={2026: (PROVISIONAL,)})


def history(*entries: Entered | Decided, year: int = 2026) -> YearHistory:
    return YearHistory(TABLE, year, entries)


def entered(given: Allowance = FINAL, *before: Entered | Decided) -> Entered:
    return history(*before).enter_amounts(given, by="Bo", reason="published", at=AT)


def decided(change: Entered, *before: Entered | Decided, confirmed: bool = True) -> Decided:
    return history(*before, change).decide(change.number, confirmed=confirmed, by="Ann", reason="read", at=AT)


def closing(*before: Entered | Decided, closed: bool = True) -> Entered:
    return history(*before).enter_closed(closed=closed, by="Bo", reason="the year is settled", at=AT)


def test_a_change_that_waits_changes_nothing() -> None:
    year = history(entered())
    assert year.amounts == (PROVISIONAL,)
    assert year.waiting is not None


def test_a_confirmed_change_adds_its_amounts() -> None:
    change = entered()
    assert history(change, decided(change)).amounts == (PROVISIONAL, FINAL)


def test_a_rejected_change_changes_nothing() -> None:
    change = entered()
    year = history(change, decided(change, confirmed=False))
    assert (year.amounts, year.waiting) == ((PROVISIONAL,), None)


@pytest.mark.parametrize("by", ["Bo", "bo ", "B o"])
def test_the_person_who_entered_a_change_cannot_confirm_it_but_can_reject_it(by: str) -> None:
    year = history(entered())
    with pytest.raises(Refused, match="another person"):
        year.decide(1, confirmed=True, by=by, reason="sure", at=AT)
    assert not year.decide(1, confirmed=False, by=by, reason="an error", at=AT).confirmed


def test_a_second_change_waits_until_the_first_is_decided() -> None:
    with pytest.raises(Refused, match="2026/1 waits"):
        entered(FINAL, entered())


def test_other_amounts_from_the_same_day_are_a_correction() -> None:
    first = entered()
    second = entered(FINAL.model_copy(update={"allowance": 4_391_000}), first, decided(first))
    assert [row.correction for row in second.amounts] == [0, 0, 1]
    assert second.amounts[-1].version > FINAL.version


def test_a_new_year_needs_amounts_from_1_january() -> None:
    july = FINAL.model_copy(update={"year": 2027, "effective_from": date(2027, 7, 1)})
    with pytest.raises(Refused, match="no amounts from 1 January"):
        history(year=2027).enter_amounts(july, by="Bo", reason="published", at=AT)


def test_a_closed_year_takes_no_amounts_until_it_is_opened() -> None:
    close = closing()
    closed = (close, decided(close))
    assert history(*closed).closed
    with pytest.raises(Refused, match="2026 is closed"):
        entered(FINAL, *closed)
    opening = closing(*closed, closed=False)
    assert entered(FINAL, *closed, opening, decided(opening, *closed)).number == 3


def test_a_year_is_closed_once() -> None:
    close = closing()
    with pytest.raises(Refused, match="2026 is closed already"):
        closing(close, decided(close))


def test_a_year_without_amounts_is_not_closed() -> None:
    with pytest.raises(Refused, match="2030 has no amounts"):
        history(year=2030).enter_closed(closed=True, by="Bo", reason="settled", at=AT)


def test_the_same_decision_again_is_the_first_and_another_is_refused() -> None:
    change = entered()
    first = decided(change)
    year = history(change, first)
    assert year.decide(1, confirmed=True, by="Eve", reason="again", at=AT) is first
    with pytest.raises(Refused, match="was confirmed already"):
        year.decide(1, confirmed=False, by="Eve", reason="no", at=AT)


def test_a_change_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Refused, match="no change 2026/4"):
        history().decide(4, confirmed=True, by="Ann", reason="read", at=AT)


def test_the_event_of_a_change_has_the_whole_year_and_the_same_bytes_again() -> None:
    rejected = entered()
    change = entered(FINAL, rejected, decided(rejected, confirmed=False))
    decision = decided(change, rejected, decided(rejected, confirmed=False))
    year = history(rejected, decided(rejected, confirmed=False), change, decision)

    event = year.event(decision)

    assert (event.data.revision, event.data.amounts, event.data.closed) == (1, (PROVISIONAL, FINAL), False)
    assert encode(event) == encode(year.event(decision))
    record = encode(event)
    assert decode(YEARS, record.value, record.headers).data == event.data


class TestFollowing:
    def followed(self) -> FollowedAllowances:
        return FollowedAllowances(TABLE, settings())

    def test_a_process_follows_amounts_and_closing(self) -> None:
        change = entered()
        close = closing(change, decided(change))
        allowances = self.followed()

        allowances.apply(history(change, decided(change)).event(decided(change)).data)
        assert allowances.in_force(2026, date(2026, 12, 1)) == FINAL
        assert not allowances.closed

        decision = decided(close, change, decided(change))
        allowances.apply(history(change, decided(change), close, decision).event(decision).data)
        assert allowances.in_force(2026, date(2026, 12, 1)) == FINAL
        assert allowances.closed == {2026}

    def test_an_older_change_that_is_read_again_changes_nothing(self) -> None:
        change = entered()
        close = closing(change, decided(change))
        first = history(change, decided(change)).event(decided(change)).data
        decision = decided(close, change, decided(change))
        second = history(change, decided(change), close, decision).event(decision).data
        allowances = self.followed()

        for event in (first, second, first):
            allowances.apply(event)

        assert allowances.closed == {2026}


def test_a_person_who_confirms_amounts_without_a_rate_reads_which_one_is_kept() -> None:
    rated = PROVISIONAL.model_copy(update={"hourly_rate": 29_554})
    kept = YearHistory(AllowanceTable(years={2026: (rated,)}), 2026, ())
    change = kept.enter_amounts(FINAL, by="Bo", reason="published", at=AT)

    assert "hourly rate 295,54 (kept)  final" in line(kept, change)
    assert "hourly rate 295,54  provisional" in line(kept, change)
    assert line(history(), entered()).count("hourly rate none") == 2


@pytest.mark.parametrize("rate", ["0", "0,00", "-1"])
def test_a_rate_that_divides_nothing_is_refused(rate: str) -> None:
    amounts = ("enter", "2026", "--allowance", "1", "--income-limit", "1", "--by", "Bo", "--reason", "a slip")
    with pytest.raises(SystemExit):
        parser().parse_args([*amounts, f"--hourly-rate={rate}"])
