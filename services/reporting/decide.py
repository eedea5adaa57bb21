"""What a command or a card event does to a card's book.

Commands and card events come on different topics, so a command can overtake the card event that its sender had
already seen. It then waits in the book, and is decided when the card event comes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import AnyCardEvent
from frikort_contracts.messages import Event
from frikort_contracts.outcomes import CommandRefused
from frikort_contracts.reporting import (
    ChangeEmployment,
    CorrectReport,
    DeclareNoWork,
    DisputeReport,
    EarningsCommand,
    RegisterEmployment,
    ReportEarnings,
    WithdrawDispute,
    WithdrawReport,
)
from frikort_contracts.topics import CARDS, MESSAGE_TYPES, REPORTING_COMMANDS

from services.reporting import disputes, employments, reports
from services.reporting.book import Book, Waiting
from services.reporting.cards import learn
from services.reporting.rules import Refusal, Rules
from services.runtime.processing.decision import Address, Decide, Decision, Processor

_CARD_EVENTS = get_args(AnyCardEvent)


def address(message: Envelope[Any]) -> Address:
    """Everything about a card touches the card's one book."""
    return Address(message.data.card_id)


def decider(rules: Rules) -> Decide[Book]:
    """The decision of this service under ``rules``."""

    def decide(book: Book | None, message: Envelope[Any], _taken: Collection[str] = ()) -> Decision[Book]:
        book = book or Book(card_id=message.data.card_id)
        if isinstance(message.data, _CARD_EVENTS):
            return _decide_waiting(rules, learn(book, message.data))
        if book.waiting or book.card_revision < _needed_revision(message.data):
            return Decision(book.model_copy(update={"waiting": (*book.waiting, _put_to_wait(message))}))
        return _carry_out(rules, book, message)

    return decide


def _carry_out(rules: Rules, book: Book, message: Envelope[Any]) -> Decision[Book]:
    try:
        match message.data:
            case RegisterEmployment():
                return Decision(*employments.register(book, message))
            case ChangeEmployment():
                return Decision(*employments.change(book, message))
            case DeclareNoWork():
                return Decision(*employments.declare_no_work(book, message))
            case ReportEarnings():
                return Decision(*reports.report(rules, book, message))
            case CorrectReport():
                return Decision(*reports.correct(rules, book, message))
            case WithdrawReport():
                return Decision(*reports.withdraw(book, message))
            case DisputeReport():
                return Decision(*disputes.dispute(book, message))
            case WithdrawDispute():
                return Decision(*disputes.take_back(book, message))
    except Refusal as refusal:
        outcome = CommandRefused(
            command_id=str(message.id), card_id=book.card_id, problem=refusal.problem, detail=refusal.detail
        )
        return Decision(book, (outcome,))
    raise TypeError(f"reporting knows no command {type(message.data).__name__}")


def _decide_waiting(rules: Rules, book: Book) -> Decision[Book]:
    events: list[Event] = []
    while book.waiting:
        message = _taken_up(book.waiting[0])
        if book.card_revision < _needed_revision(message.data):
            break
        decision = _carry_out(rules, book.model_copy(update={"waiting": book.waiting[1:]}), message)
        book = decision.state or book
        events.extend(decision.events)
    return Decision(book, tuple(events))


def _needed_revision(command: Any) -> int:
    return command.card_revision if isinstance(command, RegisterEmployment | EarningsCommand) else 0


def _put_to_wait(message: Envelope[Any]) -> Waiting:
    return Waiting(
        id=message.id,
        time=message.time,
        source=message.source,
        correlation_id=message.correlation_id,
        type=message.data.type,
        command=message.data.model_dump(mode="json"),
    )


def _taken_up(waiting: Waiting) -> Envelope[Any]:
    return Envelope(
        id=waiting.id,
        time=waiting.time,
        source=waiting.source,
        data=MESSAGE_TYPES[waiting.type].model_validate(waiting.command),
        correlation_id=waiting.correlation_id,
    )


def books(rules: Rules) -> Processor[Book]:
    """The processor of this service."""
    return Processor(
        name="books",
        topics=(REPORTING_COMMANDS, CARDS),
        state=Book,
        address=address,
        decide=decider(rules),
    )
