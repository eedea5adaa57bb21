"""How commands to issuance end."""

from __future__ import annotations

from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import AnyCardEvent
from frikort_contracts.outcomes import CommandAccepted, Problem

from services.issuance.card import Card
from services.runtime.processing.decision import Decision


class Refusal(Exception):
    """A command is refused; ``detail`` holds the facts of the problem by name."""

    def __init__(self, problem: Problem, **detail: str | int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.detail = detail


def accepted(
    card: Card, message: Envelope[Any], event: AnyCardEvent, *, mandate_id: str | None = None
) -> Decision[Card]:
    """The card after the command, with the event of its change and the outcome."""
    outcome = CommandAccepted(
        command_id=str(message.id), card_id=card.card_id, mandate_id=mandate_id, revision=card.revision
    )
    return Decision(card, (event, outcome))
