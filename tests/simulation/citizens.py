"""The workload of citizens, their caseworkers and their mandate holders: disputes and mandates.

Each role acts within the limits of the gateway's routes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import GrantMandate, MandateScope, WithdrawMandate
from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import (
    DecideDispute,
    DisputeDecision,
    DisputeReason,
    DisputeReport,
    WithdrawDispute,
)
from frikort_contracts.values import CitizenSide, EncryptedPerson

from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.read_models import ReadModels
from tests.simulation.clients import Clients
from tests.simulation.payroll import Payroll, report_id_of

ROLES: Final = {
    CitizenSide.CITIZEN: Role.CITIZEN,
    CitizenSide.MUNICIPALITY: Role.CASEWORKER,
    CitizenSide.MANDATE_HOLDER: Role.CITIZEN,
}


class Citizens:
    """All citizens, and the people who act for them. ``friends`` are possible mandate holders."""

    def __init__(self, clients: Clients, payroll: Payroll, friends: list[EncryptedPerson]) -> None:
        self._clients = clients
        self._payroll = payroll
        self._friends = friends
        self.rng = clients.rng

    async def act(self, card_id: str) -> None:
        """Take one random action for the citizen of a card."""
        draw = self.rng.random()
        if draw < 0.44:
            await self._dispute(card_id)
        elif draw < 0.54:
            await self._decide(card_id)
        elif draw < 0.62:
            await self._withdraw_dispute(card_id)
        elif draw < 0.88:
            await self._grant(card_id)
        else:
            await self._withdraw_mandate(card_id)

    async def dispute_new_reports(self, card_id: str) -> None:
        """Dispute reports while they are being processed, so that exports often reads the dispute before the split.

        Each dispute is sent when the read model shows its report, or a little after the report was sent.
        """
        seen: set[str] = set()

        def new_reports() -> list[tuple[str, str]]:
            mine = [one for one in self._payroll.employments if one.card_id == card_id]
            sent = [(one.employment_id, report_id_of(one, reference)) for one in mine for reference in one.reports]
            return [(employment_id, report_id) for employment_id, report_id in sent if report_id not in seen]

        for _ in range(self.rng.choice((2, 4, 6))):
            await self._clients.until(lambda: bool(new_reports()), 6000)
            if not (new := new_reports()):
                return
            employment_id, report_id = self.rng.choice(new)
            seen.add(report_id)
            longest = self.rng.choice((30, 100, 6000))
            await self._clients.until(lambda: self._clients.is_shown(report_id), longest)  # noqa: B023
            await self._dispute_report(card_id, employment_id, report_id)

    async def _dispute(self, card_id: str) -> None:
        await self._dispute_report(card_id, *self._some_report(card_id))

    async def _dispute_report(self, card_id: str, employment_id: str, report_id: str) -> None:
        side, reason = self._some_side(card_id), self.rng.choice(list(DisputeReason))

        async def build(models: ReadModels) -> DisputeReport:
            await self._check(models, card_id, side)
            return DisputeReport(
                card_id=card_id,
                employment_id=employment_id,
                report_id=report_id,
                side=side,
                actor="someone",
                reason=reason,
                message=f"k.about-{report_id}",
            )

        await self._clients.send(ROLES[side], card_id, f"dispute {report_id}", build)

    async def _withdraw_dispute(self, card_id: str) -> None:
        employment_id, report_id = self._some_report(card_id)
        side = self._some_side(card_id)

        async def build(models: ReadModels) -> WithdrawDispute:
            await self._check(models, card_id, side)
            return WithdrawDispute(
                card_id=card_id, employment_id=employment_id, report_id=report_id, side=side, actor="someone"
            )

        await self._clients.send(ROLES[side], card_id, f"withdraw dispute {report_id}", build)

    async def _decide(self, card_id: str) -> None:
        """Decide a dispute for the municipality, sometimes by two caseworkers who opened its page at the same time."""
        employment_id, report_id = self._some_report(card_id, disputed=True)
        seen = self._clients.dispute_revision(report_id) if self.rng.random() < 0.8 else None
        if self.rng.random() < 0.5:
            self._clients.start(f"decide-{report_id}", self._decide_as_seen(card_id, employment_id, report_id, seen))
        if self.rng.random() < 0.5:
            await self._clients.think()
        await self._decide_as_seen(card_id, employment_id, report_id, seen)

    async def _decide_as_seen(self, card_id: str, employment_id: str, report_id: str, seen: int | None) -> None:
        decision = self.rng.choice(list(DisputeDecision))

        async def build(models: ReadModels) -> DecideDispute:
            await self._check(models, card_id, CitizenSide.MUNICIPALITY)
            view = await models.reports.get(report_id)
            return DecideDispute(
                card_id=card_id,
                employment_id=employment_id,
                report_id=report_id,
                side=CitizenSide.MUNICIPALITY,
                actor="someone",
                dispute_revision=seen or (view and view.dispute_revision) or None,
                decision=decision,
            )

        await self._clients.send(Role.CASEWORKER, card_id, f"decide dispute {report_id}", build)

    async def _grant(self, card_id: str) -> None:
        holder = self.rng.choice(self._friends)
        scope = self.rng.choice((MandateScope.VIEW, MandateScope.REPRESENT, MandateScope.REPRESENT))
        until = self._clients.today() + timedelta(
            days=self.rng.choice((0, 1, 30, 30, 30, 400, 400, 400, 1825, 1830, -1))
        )
        by_citizen = self.rng.random() < 0.6

        async def build(models: ReadModels) -> GrantMandate:
            card = await self._card(models, card_id)
            return GrantMandate(
                card_id=card_id,
                municipality=None if by_citizen else card.municipality,
                actor="someone",
                holder=holder,
                scope=scope,
                until=until,
            )

        await self._clients.send(Role.CITIZEN if by_citizen else Role.CASEWORKER, card_id, "grant", build)

    async def _withdraw_mandate(self, card_id: str) -> None:
        card = self._clients.card(card_id)
        known = [mandate.mandate_id for mandate in card.mandates] if card is not None else []
        mandate_id = self.rng.choice([*known, *known, "none"])

        async def build(_: ReadModels) -> WithdrawMandate:
            return WithdrawMandate(card_id=card_id, actor="someone", mandate_id=mandate_id)

        await self._clients.send(Role.CITIZEN, card_id, f"withdraw mandate {mandate_id}", build)

    async def _check(self, models: ReadModels, card_id: str, side: CitizenSide) -> None:
        """Raise ``ProblemError`` unless the role may act for the citizen now."""
        card = await self._card(models, card_id)
        today = self._clients.today()
        may_act = (m for m in card.mandates if m.in_force(today) and m.scope is MandateScope.REPRESENT)
        if side is CitizenSide.MANDATE_HOLDER and next(may_act, None) is None:
            raise ProblemError(Problem.MANDATE_UNKNOWN)

    @staticmethod
    async def _card(models: ReadModels, card_id: str) -> CardView:
        card = await models.cards.get(card_id)
        if card is None:
            raise ProblemError(Problem.CARD_UNKNOWN)
        return card

    def _some_side(self, card_id: str) -> CitizenSide:
        """Mostly a mandate holder if the card has mandates; sometimes one without a mandate tries."""
        card = self._clients.card(card_id)
        has_mandates = card is not None and bool(card.mandates)
        if self.rng.random() < (0.6 if has_mandates else 0.1):
            return CitizenSide.MANDATE_HOLDER
        return self.rng.choice((CitizenSide.CITIZEN, CitizenSide.MUNICIPALITY))

    def _some_report(self, card_id: str, *, disputed: bool = False) -> tuple[str, str]:
        """A report of the card, or a disputed one; sometimes one that does not exist or is not accepted yet."""
        employments = [e for e in self._payroll.employments if e.card_id == card_id and e.reports]
        if not employments:
            return "none", "none"
        if disputed:
            ids = [(e.employment_id, report_id_of(e, reference)) for e in employments for reference in e.reports]
            if found := [one for one in ids if self._clients.is_disputed(one[1])]:
                return self.rng.choice(found)
        employment = self.rng.choice(employments)
        accepted = employment.accepted and self.rng.random() < 0.9
        references = employment.accepted if accepted else employment.reports
        return employment.employment_id, report_id_of(employment, self.rng.choice(references[-3:]))
