"""Read access to the states of the projections, and the wait until a command's changes can be read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol

from services.gateway.changes.change_notifier import Key, Pending, Ready, card_key
from services.gateway.changes.received_states import received
from services.gateway.projections import (
    cards,
    employments,
    extract_files,
    extracts,
    ledgers,
    outcomes,
    reconciliations,
    reports,
    statistics,
)
from services.gateway.projections.cards import (
    CardView,
    MandateView,
    alias_of_number,
    alias_of_person,
    alias_of_previous_number,
)
from services.gateway.projections.ledgers import LedgerView, ledger_id
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.projections.reports import ReportView
from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.driver import Database, aggregate
from services.runtime.processing.decision import DocumentSet, S


class States(Protocol[S]):
    """Read access to the states of one read model (``services.runtime.mongo.document_store.Reader``)."""

    async def get(self, document_id: str) -> S | None: ...

    async def by_alias(self, alias: str) -> S | None: ...

    async def find(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0, skip: int = 0
    ) -> list[S]: ...


class StatesOf(Protocol):
    """Gives read access to the states of a processor."""

    def __call__(self, processor: DocumentSet[S], /) -> States[S]: ...


async def get_all(states: States[S], ids: Iterable[str]) -> list[S]:
    """The states with these ids, in their order, of those that exist."""
    return [state for state in await asyncio.gather(*map(states.get, ids)) if state is not None]


class ReadModelInconsistent(RuntimeError):
    """An outcome refers to something that no read model has."""


class ReadModels:
    """The read models of cards, employments, reports and ledgers, over any store."""

    def __init__(self, states_of: StatesOf) -> None:
        self.cards = states_of(cards.PROJECTION)
        self.employments = states_of(employments.PROJECTION)
        self.reports = states_of(reports.PROJECTION)
        self.ledgers = states_of(ledgers.PROJECTION)
        self.outcomes = states_of(outcomes.PROJECTION)

    async def card_of_person(self, cpr_hash: str) -> CardView | None:
        """The card of the citizen with this CPR hash."""
        return await self.cards.by_alias(alias_of_person(cpr_hash))

    async def card_of_number(self, number: str) -> CardView | None:
        """The card that has this number now."""
        return await self.cards.by_alias(alias_of_number(number))

    async def card_of_previous_number(self, number: str) -> CardView | None:
        """The card that had this number before."""
        return await self.cards.by_alias(alias_of_previous_number(number))

    async def represented_by(
        self, cpr_hash: str, today: date, mandate_id: str | None = None
    ) -> list[tuple[CardView, MandateView]]:
        """The mandates that this person has today, or the one of them with this id, each with its card."""
        wanted = {"holder.cpr_hash": cpr_hash, "withdrawn_at": None, "until": {"$gte": today.isoformat()}}
        if mandate_id is not None:
            wanted["mandate_id"] = mandate_id
        found = await self.cards.find({"mandates": {"$elemMatch": wanted}}, sort=[("card_id", 1)])
        return [
            (card, mandate)
            for card in found
            for mandate in card.mandates
            if mandate.holder.cpr_hash == cpr_hash
            and mandate.in_force(today)
            and mandate_id in (None, mandate.mandate_id)
        ]

    async def card_of_outcome(self, outcome: OutcomeView) -> CardView:
        """The card that an outcome refers to. Raises ``ReadModelInconsistent``."""
        view = None if outcome.card_id is None else await self.cards.get(outcome.card_id)
        if view is None:
            raise ReadModelInconsistent("an outcome refers to an unknown card")
        return view

    async def report_of_outcome(self, outcome: OutcomeView) -> ReportView:
        """The report that an outcome refers to. Raises ``ReadModelInconsistent``."""
        view = None if outcome.report_id is None else await self.reports.get(outcome.report_id)
        if view is None:
            raise ReadModelInconsistent("an outcome refers to an unknown report")
        return view

    async def ledger(self, card_id: str, year: int) -> LedgerView | None:
        """A card's ledger of a year."""
        return await self.ledgers.get(ledger_id(card_id, year))

    async def ledgers_of(self, card_ids: Collection[str]) -> dict[tuple[str, int], LedgerView]:
        """The ledgers of these cards, by card and year."""
        if not card_ids:
            return {}
        found = await self.ledgers.find({"card_id": {"$in": sorted(card_ids)}})
        return {(ledger.card_id, ledger.year): ledger for ledger in found}

    async def refusals(self, command_ids: Iterable[str]) -> dict[str, bool]:
        """Whether these commands were refused, of those that have an outcome."""
        found = await get_all(self.outcomes, command_ids)
        return {one.command_id: one.problem is not None for one in found}

    def outcome_of(self, command_id: str) -> Callable[[], Awaitable[Ready[OutcomeView] | Pending]]:
        """A check for ``ChangeSubscriptions.until``: ready with the outcome once its changes can be read.

        The outcome itself never changes and is read only once.
        """
        outcome: OutcomeView | None = None

        async def check() -> Ready[OutcomeView] | Pending:
            nonlocal outcome
            if (wait := received()) is not None:
                wait.begin_check()
            if outcome is None:
                outcome = await self.outcomes.get(command_id)
            if outcome is None:
                return Pending((outcome_key(command_id),))
            if wait is not None and not is_new_report(outcome):
                wait.read_unchanged()
            behind = () if outcome.problem is not None or outcome.dry_run else await self._behind(outcome)
            return Pending(behind) if behind else Ready(outcome)

        return check

    async def _behind(self, outcome: OutcomeView) -> tuple[Key, ...]:
        """The documents that have not applied the command's events yet."""
        needed = outcome.revision or 1
        if outcome.report_id is not None:
            behind = await self._report_behind(outcome.report_id, needed, outcome.dispute_revision or 0)
            if behind and outcome.card_id is not None and outcome.year is not None:
                # The ledger usually changes at the same moment.
                behind = (*behind, Key("ledgers", ledger_id(outcome.card_id, outcome.year)))
            return behind
        if outcome.employment_id is not None:
            employment = await self.employments.get(outcome.employment_id)
            is_current = employment is not None and employment.revision >= needed
            return () if is_current else (Key("employments", outcome.employment_id),)
        if outcome.card_id is not None:
            card = await self.cards.get(outcome.card_id)
            return () if card is not None and card.revision >= needed else (Key("cards", outcome.card_id),)
        return ()

    async def _report_behind(self, report_id: str, needed: int, dispute: int) -> tuple[Key, ...]:
        report = await self.reports.get(report_id)
        if report is None or not is_settled(report, needed) or report.dispute_revision < dispute:
            return (Key("reports", report_id),)
        ledger = await self.ledger(report.card_id, report.year)
        reached = ledger is not None and report.settlement and ledger.revision >= report.settlement.ledger_revision
        if ledger is None or not reached or not ledger.is_consistent:
            return (Key("ledgers", ledger_id(report.card_id, report.year)),)
        # A new report is the last to be divided: it leaves the splits of the others as they are.
        return () if needed == 1 else await self._others_behind(ledger)

    async def _others_behind(self, ledger: LedgerView) -> tuple[Key, ...]:
        """The card while the splits of a year do not add up: a correction changes the splits of others, too."""
        exempt = await self._exempt_of_year(ledger.card_id, ledger.year)
        if ledger.totals is not None and exempt == ledger.totals.exempt:
            return ()
        return (card_key(ledger.card_id),)

    async def _exempt_of_year(self, card_id: str, year: int) -> int:
        """What is exempt of the reports of a card and year together, in øre; nothing of one without a split."""
        found = await self.reports.find({"card_id": card_id, "year": year})
        return sum(report.settlement.exempt for report in found if report.settlement is not None)


def outcome_key(command_id: str) -> Key:
    """The key that a waiter for a command's outcome subscribes to first."""
    return Key(outcomes.PROJECTION.name, command_id)


def is_new_report(outcome: OutcomeView) -> bool:
    """Whether the command made a report: it changed the report, and the ledger of its year."""
    return (
        outcome.report_id is not None
        and outcome.revision == 1
        and not (outcome.already_reported or outcome.dispute_revision)
    )


def is_settled(report: ReportView, revision: int) -> bool:
    """Whether a report's content and its split have both reached ``revision``."""
    return (
        report.revision >= revision and report.settlement is not None and report.settlement.report_revision >= revision
    )


class OpenDispute(NamedTuple):
    """A report in dispute, and its place in the order of acceptance."""

    report_id: str
    order: str


class ExtractProgress(NamedTuple):
    """How much of an extract can be read here: the parts, and the statements in them."""

    parts: int
    statements: int


class GatewayReadModels(ReadModels):
    """All read models of the API in MongoDB, with the extracts."""

    def __init__(self, states_of: StatesOf, database: Database) -> None:
        super().__init__(states_of)
        self.extracts = states_of(extracts.PROJECTION)
        self.extract_files = states_of(extract_files.PROJECTION)
        self.reconciliations = states_of(reconciliations.PROJECTION)
        self.statistics = states_of(statistics.PROJECTION)
        self.extract_parts = states_of(extracts.PARTS_PROJECTION)
        self._database = database
        self._parts = database[extracts.PARTS_PROJECTION.name]
        self._reports = database[reports.PROJECTION.name]
        self._batched_exempt = BatchedCalls(self._exempt_of_years)

    async def prepare(self) -> None:
        """Create the compound indexes of the lists: a large employer has 10^5 reports."""
        for collection in (employments.PROJECTION.name, reports.PROJECTION.name):
            await self._database[collection].create_index([("state.cvr", 1), ("state.order", 1)])
        await self._database[employments.PROJECTION.name].create_index([("state.cvr", 1), ("state.card_number", 1)])
        await self._database[cards.PROJECTION.name].create_index([("state.municipality", 1), ("state.order", 1)])
        # Reports that need attention are few.
        disputed = {"state.dispute.raised_at": {"$gt": ""}}
        await self._reports.create_index([("state.dispute.raised_at", 1)], partialFilterExpression=disputed)
        for name in ("dispute.raised_at", "moved_at"):
            await self._database[reports.PROJECTION.name].create_index(
                [("state.cvr", 1), (f"state.{name}", 1)], partialFilterExpression={f"state.{name}": {"$gt": ""}}
            )

    async def _exempt_of_year(self, card_id: str, year: int) -> int:
        return await self._batched_exempt((card_id, year))

    async def _exempt_of_years(self, years: Sequence[tuple[str, int]]) -> list[int]:
        """Reads only sums that no response shows, so the reads are not audited."""
        of_cards = {"state.card_id": {"$in": sorted({card_id for card_id, _ in years})}}
        by_year = {"card_id": "$state.card_id", "year": "$state.year"}
        group = {"$group": {"_id": by_year, "exempt": {"$sum": "$state.settlement.exempt"}}}
        found = await aggregate(self._reports, [{"$match": of_cards}, group])
        sums = {(each["_id"]["card_id"], each["_id"]["year"]): each["exempt"] for each in found}
        return [sums.get(of, 0) for of in years]

    async def open_disputes(self, municipality: str, *, after: str, limit: int) -> list[OpenDispute]:
        """The reports in dispute, of cards of the municipality, by acceptance after the order ``after``.

        Reads only ids, so the reads are not audited.
        """
        disputed = {"state.dispute.raised_at": {"$gt": ""}, "state.order": {"$gt": after}}
        cards_of = {"from": cards.PROJECTION.name, "localField": "state.card_id", "foreignField": "_id", "as": "card"}
        found = await aggregate(
            self._reports,
            [
                {"$match": disputed},
                {"$lookup": cards_of},
                {"$match": {"card.state.municipality": municipality}},
                {"$sort": {"state.order": 1}},
                {"$limit": limit},
                {"$project": {"_id": 1, "order": "$state.order"}},
            ],
        )
        return [OpenDispute(stored["_id"], stored["order"]) for stored in found]

    async def statistics_years(self) -> list[int]:
        """The calendar years of which there are statistics, oldest first."""
        return sorted(await self._database[statistics.PROJECTION.name].distinct("state.year"))

    async def extract_progress(self, extract_id: str, attempt: int) -> ExtractProgress:
        """The progress of an attempt at an extract."""
        found = {"state.extract_id": extract_id, "state.attempt": attempt}
        most = {"$group": {"_id": None, "parts": {"$sum": 1}, "statements": {"$max": "$state.statements"}}}
        for counted in await aggregate(self._parts, [{"$match": found}, most]):
            return ExtractProgress(counted["parts"], counted["statements"] or 0)
        return ExtractProgress(0, 0)
