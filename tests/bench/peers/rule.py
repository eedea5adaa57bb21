"""What every Python peer keeps and tells, so that only the frameworks differ.

It is what ``services/balance`` decides, less the splits of single reports and the warnings: a lighter job, in the
peers' favour. A report counts once, in its newest revision; a repeated or older revision changes no amount, because
the earnings topic itself may hold a record twice. Amounts are integer øre.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

State = dict[str, Any]
"""A card's year: ``entries`` {report id: [revision, total]}, their sum ``reported``, ``allowance``, ``provisional``,
``revision`` (changes made) and ``deliveries`` (events told, repeats too: what a mere sum would have added up)."""

Headers = list[tuple[str, bytes]]

REPORTS = frozenset(
    (b"dk.frikort.earnings.reported.v1", b"dk.frikort.earnings.corrected.v1", b"dk.frikort.earnings.withdrawn.v1")
)
"""The ``ce_type`` of the events that count; others of the topic are passed over."""


def counts(headers: Iterable[tuple[str, bytes]] | None) -> bool:
    """Whether the record is about a report's amount."""
    return any(name == "ce_type" and value in REPORTS for name, value in headers or ())


def apply(state: State | None, event: Mapping[str, Any]) -> State:
    """The card's year after ``event``, the JSON body of a report event; ``state`` is changed in place."""
    if state is None:
        state = {"entries": {}, "reported": 0, "allowance": 0, "provisional": False, "revision": 0, "deliveries": 0}
    state["deliveries"] += 1
    revision, total = event["revision"], event.get("total", 0)
    known = state["entries"].get(event["report_id"], (0, 0))
    if revision <= known[0]:
        return state
    state["entries"][event["report_id"]] = (revision, total)
    state["reported"] += total - known[1]
    state["revision"] += 1
    if "allowance" in event:
        state["allowance"], state["provisional"] = event["allowance"], event["provisional"]
    return state


def balance(state: State, event: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON body of the one event that is published for ``event``: the year's totals after it."""
    reported, allowance = state["reported"], state["allowance"]
    exempt = min(reported, allowance)
    return {
        "card_id": event["card_id"],
        "year": event["year"],
        "revision": state["revision"],
        "allowance": allowance,
        "provisional": state["provisional"],
        "reported": reported,
        "exempt": exempt,
        "excess": reported - exempt,
        "remaining": allowance - exempt,
        "deliveries": state["deliveries"],
    }


def headers_of(cause: Iterable[tuple[str, bytes]]) -> Headers:
    """The CloudEvents headers of the published event, from those of the event that caused it."""
    of_cause = dict(cause)
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", of_cause["ce_id"] + b":balance"),
        ("ce_type", b"dk.frikort.balance.changed.v1"),
        ("ce_source", b"urn:frikort:peer"),
        ("ce_time", of_cause["ce_time"]),
        ("ce_subject", of_cause["ce_subject"]),
        ("ce_correlationid", of_cause["ce_correlationid"]),
        ("ce_causationid", of_cause["ce_id"]),
        ("content-type", b"application/json"),
    ]
