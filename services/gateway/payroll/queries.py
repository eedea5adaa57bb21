"""Queries of the read models for many payroll lines at a time. No response shows their results, so none is audited."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from frikort_contracts.values import Period

from services.gateway.payroll.booking import LineOutcome, LineSplit
from services.gateway.payroll.lines import AcceptedReport, OwnEmployment, OwnEmployments
from services.gateway.projections import cards, employments, ledgers, outcomes, reports
from services.gateway.projections.ledgers import TotalsView, ledger_id
from services.gateway.projections.reports import BookedView
from services.runtime.mongo.driver import Database


class ReadModelQueries(Protocol):
    """The queries, over any store."""

    async def own_employments(self, cvr: str, ids: Collection[str], numbers: Collection[str]) -> OwnEmployments:
        """The employer's own employments with these ids, and those registered with these card numbers."""
        ...

    async def accepted_reports(self, employment_ids: Collection[str]) -> list[AcceptedReport]:
        """The reports of these employments that count."""
        ...

    async def revisions(self, card_ids: Collection[str]) -> dict[str, int]:
        """The revision of each card."""
        ...

    async def people(self, card_ids: Collection[str]) -> dict[str, str]:
        """The CPR hash of the citizen of each card."""
        ...

    async def outcomes(self, command_ids: Collection[str]) -> dict[str, LineOutcome]:
        """The known outcomes of these commands."""
        ...

    async def splits(self, report_ids: Collection[str]) -> dict[str, LineSplit]:
        """The known splits of these reports."""
        ...

    async def periods(self, employment_ids: Collection[str]) -> dict[str, Period]:
        """The period of each employment."""
        ...

    async def totals(self, years: Collection[tuple[str, int]]) -> dict[tuple[str, int], TotalsView]:
        """The totals of these cards and years that have any."""
        ...


class MongoReadModelQueries:
    """The queries in MongoDB. They project the needed fields and build no state."""

    def __init__(self, database: Database) -> None:
        self._cards = database[cards.PROJECTION.name]
        self._employments = database[employments.PROJECTION.name]
        self._ledgers = database[ledgers.PROJECTION.name]
        self._outcomes = database[outcomes.PROJECTION.name]
        self._reports = database[reports.PROJECTION.name]

    async def own_employments(self, cvr: str, ids: Collection[str], numbers: Collection[str]) -> OwnEmployments:
        if not ids and not numbers:
            return OwnEmployments()
        asked = [{"_id": {"$in": list(ids)}}, {"state.card_number": {"$in": list(numbers)}}]
        query = {"state.cvr": cvr, "$or": asked}
        fields = {"state.card_id": 1, "state.period": 1, "state.card_number": 1}
        by_id: dict[str, OwnEmployment] = {}
        by_number: dict[str, list[OwnEmployment]] = {}
        for stored in await self._employments.find(query, fields).to_list(None):
            employment = by_id[stored["_id"]] = _own(stored)
            if (number := stored["state"]["card_number"]) in numbers:
                by_number.setdefault(number, []).append(employment)
        return OwnEmployments(by_id, by_number)

    async def accepted_reports(self, employment_ids: Collection[str]) -> list[AcceptedReport]:
        query = {
            "state.employment_id": {"$in": list(employment_ids)},
            "state.withdrawn": False,
            "state.revision": {"$gt": 0},
        }
        fields = {f"state.{name}": 1 for name in ("revision", "employment_id", "booked")}
        return [_accepted(stored) for stored in await self._reports.find(query, fields).to_list(None)]

    async def revisions(self, card_ids: Collection[str]) -> dict[str, int]:
        found = self._cards.find({"_id": {"$in": list(card_ids)}}, {"state.revision": 1})
        return {stored["_id"]: stored["state"]["revision"] for stored in await found.to_list(None)}

    async def people(self, card_ids: Collection[str]) -> dict[str, str]:
        found = self._cards.find({"_id": {"$in": list(card_ids)}}, {"state.person.cpr_hash": 1})
        return {stored["_id"]: stored["state"]["person"]["cpr_hash"] for stored in await found.to_list(None)}

    async def outcomes(self, command_ids: Collection[str]) -> dict[str, LineOutcome]:
        names = LineOutcome._fields
        fields = {f"state.{name}": 1 for name in names}
        found = self._outcomes.find({"_id": {"$in": list(command_ids)}}, fields)
        return {stored["_id"]: LineOutcome(*_fields(stored["state"], names)) for stored in await found.to_list(None)}

    async def splits(self, report_ids: Collection[str]) -> dict[str, LineSplit]:
        names = ("card_id", "year", "revision", "settlement", "booked.provisional")
        found = self._reports.find({"_id": {"$in": list(report_ids)}}, {f"state.{name}": 1 for name in names})
        settled = {
            stored["_id"]: state
            for stored in await found.to_list(None)
            if (state := stored["state"])["settlement"] is not None
        }
        provisional = await self._provisional({ledger_id(one["card_id"], one["year"]) for one in settled.values()})
        return {
            report_id: LineSplit(
                min(state["revision"], state["settlement"]["report_revision"]),
                state["settlement"]["exempt"],
                state["settlement"]["excess"],
                provisional.get(
                    ledger_id(state["card_id"], state["year"]), (state.get("booked") or {}).get("provisional", False)
                ),
            )
            for report_id, state in settled.items()
        }

    async def _provisional(self, ledger_ids: Collection[str]) -> dict[str, bool]:
        """Whether a provisional allowance divides these ledgers, as far as they are known."""
        found = self._ledgers.find({"_id": {"$in": list(ledger_ids)}}, {"state.totals.provisional": 1})
        return {
            stored["_id"]: totals["provisional"]
            for stored in await found.to_list(None)
            if (totals := stored["state"].get("totals")) is not None
        }

    async def periods(self, employment_ids: Collection[str]) -> dict[str, Period]:
        found = self._employments.find({"_id": {"$in": list(employment_ids)}}, {"state.period": 1})
        return {stored["_id"]: Period.model_validate(stored["state"]["period"]) for stored in await found.to_list(None)}

    async def totals(self, years: Collection[tuple[str, int]]) -> dict[tuple[str, int], TotalsView]:
        fields = {"state.card_id": 1, "state.year": 1, "state.totals": 1}
        found = self._ledgers.find({"_id": {"$in": [ledger_id(*year) for year in years]}}, fields)
        states = [stored["state"] for stored in await found.to_list(None)]
        return {
            (state["card_id"], state["year"]): TotalsView.model_validate(state["totals"])
            for state in states
            if state["totals"] is not None
        }


def _own(stored: Mapping[str, Any]) -> OwnEmployment:
    state = stored["state"]
    return OwnEmployment(stored["_id"], state["card_id"], Period.model_validate(state["period"]))


def _accepted(stored: Mapping[str, Any]) -> AcceptedReport:
    state = stored["state"]
    booked = BookedView.model_validate(state["booked"])
    return AcceptedReport(
        stored["_id"],
        state["revision"],
        state["employment_id"],
        booked.work,
        booked.payment_date,
        booked.components,
    )


def _fields(state: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    return [state[name] for name in names]
