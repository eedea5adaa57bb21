"""The peers' rule gives the totals that balance gives, and the check of the published totals sees what is wrong."""

from __future__ import annotations

import json
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from tests.balance.build import Books, corrected, withdrawn
from tests.balance.build import balance as of_balance
from tests.bench.events import Load
from tests.bench.peers.exactness import exact
from tests.bench.peers.rule import State, apply, balance, counts, headers_of

TOTALS = ("reported", "exempt", "excess", "remaining", "allowance", "revision")
EVENTS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1500), st.booleans(), st.booleans()), min_size=1)


@given(EVENTS)
def test_the_rule_gives_the_totals_that_balance_gives(drawn: list[tuple[str, int, bool, bool]]) -> None:
    books, state = Books(), None
    revisions: dict[str, int] = {}
    for report, total, taken_back, repeated in drawn:
        revisions[report] = revision = revisions.get(report, 0) + 1
        event = (withdrawn if taken_back else partial(corrected, total=total))(report, revision=revision)
        ours = of_balance(books.tell(event))
        body = event.model_dump(mode="json")
        state = apply(apply(state, body), body) if repeated else apply(state, body)
        told = balance(state, body)
        assert {name: told[name] for name in TOTALS} == ours.model_dump(include=set(TOTALS))


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
