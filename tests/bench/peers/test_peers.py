"""The peers' rule equals balance's, event for event, and the check of their output knows the exact totals."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.balance.build import LedgerHistory, corrected, withdrawn
from tests.bench.events import Load
from tests.bench.peers.exactness import exact
from tests.bench.peers.rule import CHANGED, State, counts, decide, headers_of

EVENTS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1500), st.booleans()), min_size=1)


@given(EVENTS)
def test_a_peer_publishes_what_balance_publishes(drawn: list[tuple[str, int, bool]]) -> None:
    history, state = LedgerHistory(), None
    revisions: dict[str, int] = {}
    for report, total, taken_back in drawn:
        revisions[report] = revision = revisions.get(report, 0) + 1
        event = (withdrawn if taken_back else partial(corrected, total=total))(report, revision=revision)
        state, outputs = decide(state, event.model_dump(mode="json"))
        ours = [(event.type, event.model_dump(mode="json")) for event in history.apply(event)]
        assert [(kind, _without_deliveries(body)) for kind, body in outputs] == ours


@given(EVENTS)
def test_a_repeat_changes_nothing_and_is_answered(drawn: list[tuple[str, int, bool]]) -> None:
    state: State | None = None
    for number, (report, total, _) in enumerate(drawn, start=1):
        body = corrected(report, total, revision=number).model_dump(mode="json")
        state, first = decide(state, body)
        state, again = decide(state, body)
        assert [_without_deliveries(b) for kind, b in first if kind == CHANGED] == [_without_deliveries(again[-1][1])]


def test_the_rule_and_simple_sums_agree_on_the_load() -> None:
    load = Load(events=500, cards=20)
    states: dict[tuple[str, int], State] = {}
    totals = {}
    for record in load.records():
        assert counts(record.headers)
        event = json.loads(record.value)
        year = (event["card_id"], event["year"])
        states[year], outputs = decide(states.get(year), event)
        totals[year] = next((b["reported"], b["exempt"], b["excess"]) for kind, b in outputs if kind == CHANGED)
    exactly, ids = exact(load)
    assert totals == exactly
    assert len(ids) == load.events


def test_an_output_names_its_cause() -> None:
    record = next(Load(events=1, cards=1).records())
    headers = dict(headers_of(record.headers, CHANGED, 1))
    assert headers["ce_causationid"] == dict(record.headers)["ce_id"]


def _without_deliveries(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "deliveries"}
