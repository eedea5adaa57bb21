"""The checker of the histories behind the public statistics."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from frikort_contracts.topics import BALANCES, CARDS

from services.exports.statistics.card_history import CARD_HISTORIES, Totals
from tests.simulation.environment import Environment
from tests.simulation.topic_reader import Message, invariant

_ACTIVE = {"card.issued": True, "card.reactivated": True, "card.deactivated": False}


def check(environment: Environment, published: Mapping[str, Sequence[Message]]) -> Counter[str]:
    """Check that every history ends with the place, the state, the totals and the employers of the topics."""
    counts: Counter[str] = Counter()
    histories = environment.database("exports", CARD_HISTORIES.name)
    places: dict[str, tuple[str, bool]] = {}
    for event in published[CARDS.name]:
        card_id = event.data["card_id"]
        was_active = places[card_id][1] if card_id in places else True
        if event.kind in {*_ACTIVE, "card.handed-over"}:
            places[card_id] = event.data["municipality"], _ACTIVE.get(event.kind, was_active)
    for card_id, (municipality, active) in places.items():
        history = histories.state(card_id)
        last = history and history.changes and history.changes[-1]
        shown = last and (last.municipality, last.active)
        invariant(shown == (municipality, active), f"the history of {card_id} ends with {shown}, not {municipality}")
        counts["histories of cards"] += 1
    totals: dict[tuple[str, int], tuple[int, Totals]] = {}
    employers: dict[tuple[str, int], set[str]] = defaultdict(set)
    for event in published[BALANCES.name]:
        data = event.data
        key = data["card_id"], data["year"]
        if event.kind == "report.settled":
            employers[key] |= {data["cvr"]} if data["exempt"] + data["excess"] else set()
        else:
            known = totals.get(key, (0, Totals()))
            totals[key] = max(known, (data["revision"], Totals(data["exempt"], data["excess"])))
    for (card_id, number), (_, expected) in totals.items():
        history = histories.state(card_id)
        year = history and history.years.get(number)
        shown = year and year.totals("9999-12")
        invariant(shown == expected, f"the history of {card_id}, {number} has {shown}, not {expected}")
        known_employers = set(year.employers) if year else set()
        invariant(
            known_employers == employers[card_id, number],
            f"the history of {card_id}, {number} has the employers {known_employers}",
        )
        counts["years in histories"] += 1
    return counts
