"""The rule that every Python peer runs, so that only the frameworks differ.

It decides what ``services/balance`` decides, with the same output events, in the cheapest Python: plain dictionaries
without validation. A report counts once, in its newest revision, because the earnings topic may hold a record
twice; a repeat changes nothing and is answered again. Amounts are integer øre.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

State = dict[str, Any]
"""A card's year: ``entries`` {report id: [revision, total, exempt, excess, employment, cvr]} in their order,
``allowance``, ``provisional``, ``warned``, ``revision`` (changes made), and ``deliveries`` (events received, with
repeats: what a plain sum would have added)."""

Output = tuple[str, dict[str, Any]]
"""An output event: its CloudEvents type and its JSON body."""

Headers = list[tuple[str, bytes]]

REPORTS = frozenset(
    (b"dk.frikort.earnings.reported.v1", b"dk.frikort.earnings.corrected.v1", b"dk.frikort.earnings.withdrawn.v1")
)
"""The ``ce_type`` of the events that count; others are skipped."""

SETTLED = "dk.frikort.report.settled.v1"
CHANGED = "dk.frikort.balance.changed.v1"
RAISED = "dk.frikort.cap-warning.raised.v1"
WITHDRAWN = "dk.frikort.cap-warning.withdrawn.v1"


def counts(headers: Iterable[tuple[str, bytes]] | None) -> bool:
    """Whether the record changes a report's amount."""
    return any(name == "ce_type" and value in REPORTS for name, value in headers or ())


def decide(state: State | None, event: Mapping[str, Any]) -> tuple[State, list[Output]]:
    """The card's year after ``event`` (``state``, changed in place), and what is published of it."""
    if state is None:
        state = {"entries": {}, "allowance": 0, "provisional": False, "warned": [], "revision": 0, "deliveries": 0}
    state["deliveries"] += 1
    report = event["report_id"]
    known = state["entries"].get(report)
    settled, warned = [report], state["warned"]
    if known is None or event["revision"] > known[0]:
        _enter(state, event, known)
        settled += [changed for changed in _settle(state) if changed != report]
        state["revision"] += 1
    about = {"card_id": event["card_id"], "year": event["year"], "revision": state["revision"]}
    balance = _balance(state)
    state["warned"] = balance["warned"]
    outputs = [(SETTLED, about | _settled(state, changed, report)) for changed in settled]
    outputs.append((CHANGED, about | balance))
    outputs += [(kind, about | warning) for kind, warning in _warnings(warned, balance)]
    return state, outputs


def _enter(state: State, event: Mapping[str, Any], known: list[Any] | None) -> None:
    exempt, excess = (0, 0) if known is None else known[2:4]
    entry = [event["revision"], event.get("total", 0), exempt, excess, event["employment_id"], event["cvr"]]
    state["entries"][event["report_id"]] = entry
    if "allowance" in event:
        state["allowance"], state["provisional"] = event["allowance"], event["provisional"]


def _settle(state: State) -> list[str]:
    """Divide the allowance over the entries in their order. Returns the reports whose split changed."""
    remaining, changed = state["allowance"], []
    for report, entry in state["entries"].items():
        total = entry[1]
        exempt = total if total <= remaining else remaining
        remaining -= exempt
        if exempt != entry[2] or total - exempt != entry[3]:
            entry[2:4] = exempt, total - exempt
            changed.append(report)
    return changed


def _settled(state: State, report: str, caused_by: str) -> dict[str, Any]:
    revision, total, exempt, excess, employment, cvr = state["entries"][report]
    return {
        "report_id": report,
        "report_revision": revision,
        "employment_id": employment,
        "cvr": cvr,
        "total": total,
        "exempt": exempt,
        "excess": excess,
        "caused_by": caused_by,
    }


def _balance(state: State) -> dict[str, Any]:
    allowance = state["allowance"]
    reported = sum(entry[1] for entry in state["entries"].values())
    exempt = min(reported, allowance)
    crossed = {
        "near": 100 * reported >= 80 * allowance,
        "reached": reported >= allowance,
        "exceeded": reported > allowance,
    }
    return {
        "allowance": allowance,
        "provisional": state["provisional"],
        "reported": reported,
        "exempt": exempt,
        "excess": reported - exempt,
        "remaining": allowance - exempt,
        "warned": [threshold for threshold, true in crossed.items() if true and allowance],
        "deliveries": state["deliveries"],
    }


def _warnings(before: list[str], balance: Mapping[str, Any]) -> Iterator[Output]:
    after = balance["warned"]
    if before == after:
        return
    amounts = {"allowance": balance["allowance"], "reported": balance["reported"]}
    yield from ((RAISED, {"threshold": threshold} | amounts) for threshold in after if threshold not in before)
    yield from ((WITHDRAWN, {"threshold": threshold} | amounts) for threshold in before if threshold not in after)


def headers_of(cause: Iterable[tuple[str, bytes]], kind: str, number: int) -> Headers:
    """The CloudEvents headers of the output event ``number`` of the event that caused it, from the headers of that."""
    of_cause = dict(cause)
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", of_cause["ce_id"] + b":%d" % number),
        ("ce_type", kind.encode()),
        ("ce_source", b"/frikort/peer"),
        ("ce_time", of_cause["ce_time"]),
        ("ce_subject", of_cause["ce_subject"]),
        ("ce_correlationid", of_cause["ce_correlationid"]),
        ("content-type", b"application/json"),
        ("ce_causationid", of_cause["ce_id"]),
    ]
