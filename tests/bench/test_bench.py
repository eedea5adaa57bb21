"""The load is valid and reproducible, and a ratio compares figures of the same round."""

from __future__ import annotations

from frikort_contracts.cloudevents import decode
from frikort_contracts.topics import EARNINGS

from tests.bench.case import Ratio
from tests.bench.events import Load
from tests.bench.report import broken_promises, medians, per_round
from tests.bench.system import huge_card

FASTER = Ratio("row", "times b", ("a", "events/s"), ("b", "events/s"), least=2)


def test_the_load_keeps_the_contract_and_is_reproducible() -> None:
    load = Load(events=50, cards=5)
    records = list(load.records())
    assert records == list(load.records())
    events = [decode(EARNINGS, record.value, record.headers).data for record in records]
    assert {event.card_id for event in events} <= set(load.card_ids())
    assert len({event.report_id for event in events}) == 50


def test_a_ratio_is_computed_in_each_round_that_measured_both() -> None:
    rounds = {"a": [{"events/s": 4.0}, {}, {"events/s": 9.0}], "b": [{"events/s": 2.0}, {"events/s": 1.0}, {}]}
    assert per_round(FASTER, rounds) == [2.0]
    assert medians(rounds["a"]) == {"events/s": 6.5}
    assert medians([{}]) == {}


def test_a_target_is_a_minimum_or_a_maximum() -> None:
    assert FASTER.met(2.0)
    assert not FASTER.met(1.9)
    assert not Ratio("row", "MB", ("a", "MB"), None, most=150).met(151)


def test_a_card_that_slows_others_down_more_than_three_times_is_a_failure() -> None:
    def rounds(*beside: float) -> dict[str, list[dict[str, float]]]:
        measured = [{"p99 ms alone": 50.0, "p99 ms beside": value, "ms of the slowest live": 1.0} for value in beside]
        return {"huge card": measured}

    assert broken_promises(huge_card.RATIOS, rounds(150.0)) == []
    assert broken_promises(huge_card.RATIOS, rounds(151.0, 100.0, 152.0)) == [
        "huge card: p99 of others, with the limit is 3.02, and must be ≤ 3"
    ]


def test_a_target_that_is_no_promise_is_only_shown() -> None:
    assert broken_promises([FASTER], {"a": [{"events/s": 1.0}], "b": [{"events/s": 1.0}]}) == []
