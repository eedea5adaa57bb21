"""The peers' rule gives the totals that balance gives, and the check of the published totals sees what is wrong."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.bench.events import ALLOWANCE, Load
from tests.bench.peers.exactness import exact
from tests.bench.peers.rule import State, apply, balance, counts, headers_of

REPORTS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 2 * ALLOWANCE), st.booleans(), st.booleans()), min_size=1
)


@given(REPORTS)
def test_totals_are_those_of_the_newest_revisions(reports: list[tuple[str, int, bool, bool]]) -> None:
    state: State | None = None
    newest: dict[str, int] = {}
    revisions: dict[str, int] = {}
    for report, total, withdrawn, repeated in reports:
        revisions[report] = revisions.get(report, 0) + 1
        newest[report] = 0 if withdrawn else total
        event = {"card_id": "card", "year": 2026, "report_id": report, "revision": revisions[report]}
        event |= {} if withdrawn else {"total": total, "allowance": ALLOWANCE, "provisional": False}
        for _ in range(1 + repeated):
            state = apply(state, event)
    assert state is not None
    told = balance(state, {"card_id": "card", "year": 2026})
    assert told["reported"] == sum(newest.values())
    assert told["exempt"] == min(told["reported"], told["allowance"])
    assert told["exempt"] + told["excess"] == told["reported"]


def test_the_rule_and_the_naive_sums_agree_on_the_load() -> None:
    load = Load(events=500, cards=20)
    states: dict[tuple[str, int], State] = {}
    for record in load.records():
        assert counts(record.headers)
        event = json.loads(record.value)
        year = (event["card_id"], event["year"])
        states[year] = apply(states.get(year), event)
    totals, ids = exact(load)
    told = {year: balance(state, {"card_id": year[0], "year": year[1]}) for year, state in states.items()}
    assert {year: (t["reported"], t["exempt"], t["excess"]) for year, t in told.items()} == totals
    assert len(ids) == load.events


def test_an_output_names_its_cause() -> None:
    record = next(Load(events=1, cards=1).records())
    headers = dict(headers_of(record.headers))
    assert headers["ce_causationid"] == dict(record.headers)["ce_id"]
