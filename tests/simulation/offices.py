"""The workload of offices: caseworkers issue and change cards, an authority requests extracts."""

from __future__ import annotations

from typing import Final

from frikort_contracts.extract_files import ExtractKind, RequestExtractFiles
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import (
    ControlResult,
    DeactivateCard,
    HandOverCard,
    IssueCard,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
    ReplacementReason,
)
from frikort_contracts.messages import Command
from frikort_contracts.outcomes import Problem
from frikort_contracts.values import EncryptedPerson

from services.gateway.problems import ProblemError
from services.gateway.read_models import ReadModels
from tests.simulation.clients import Clients

MUNICIPALITIES: Final = ("101", "461", "849")


class Offices:
    """Caseworkers of all municipalities, and an authority's analysts."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.rng = clients.rng

    async def issue_card(self, municipality: str, person: EncryptedPerson) -> None:
        """Issue a card for ``person``."""
        command = IssueCard(
            person=person, municipality=municipality, case_reference_ciphertext="k.case", actor="caseworker"
        )

        async def build(_: ReadModels) -> IssueCard:
            return command

        await self._clients.send(Role.CASEWORKER, municipality, "issue", build)

    async def request_extract(self) -> None:
        """Request an extract of 2025 for SKAT."""
        command = RequestExtractFiles(
            extract_id=f"extract-{self._clients.next_number()}",
            kind=ExtractKind.TAX_YEAR,
            year=2025,
            municipality=None,
            requester="authority:skat",
            positions=(),
            actor="skat",
        )

        async def build(_: ReadModels) -> RequestExtractFiles:
            return command

        await self._clients.send(Role.AUTHORITY, "skat", "extract", build)

    async def change_card(self, card_id: str) -> None:
        """Send a random command about a card, sometimes from the wrong municipality."""
        kind = self.rng.choice(("deactivate", "reactivate", "number", "hand over", "hand over", "control"))
        wrong = self.rng.random() < 0.1
        other, to = self.rng.choice(MUNICIPALITIES), self.rng.choice(MUNICIPALITIES)
        card = self._clients.card(card_id)
        home = other if wrong or card is None else card.municipality

        async def build(models: ReadModels) -> Command:
            view = await models.cards.get(card_id)
            if view is None or (view.municipality != home and not wrong):
                raise ProblemError(Problem.CARD_UNKNOWN)
            facts = {"card_id": card_id, "municipality": home, "actor": "caseworker"}
            match kind:
                case "deactivate":
                    return DeactivateCard(**facts, case_reference_ciphertext="k.case")
                case "reactivate":
                    return ReactivateCard(**facts, case_reference_ciphertext="k.case")
                case "number":
                    return ReplaceCardNumber(**facts, reason=ReplacementReason.LOST)
                case "hand over":
                    return HandOverCard(**facts, to_municipality=to)
            return RecordControl(**facts, result=ControlResult.UPHELD)

        await self._clients.send(Role.CASEWORKER, home, kind, build)
