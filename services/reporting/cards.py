"""What a card event changes in what reporting knows of the card."""

from __future__ import annotations

from frikort_contracts.issuance import AnyCardEvent, CardDeactivated, CardIssued, CardNumberReplaced, CardReactivated
from frikort_contracts.values import Period

from services.reporting.book import Book


def learn(book: Book, event: AnyCardEvent) -> Book:
    """The book after ``event``. Hand-overs and controls change nothing that reporting decides by."""
    changes: dict[str, object] = {"card_revision": event.revision}
    match event:
        case CardIssued():
            changes |= {
                "number": event.number,
                "cpr_hash": event.person.cpr_hash,
                "birth_check": event.person.birth_check,
                "active": (Period(first=event.active_from),),
            }
        case CardDeactivated():
            *earlier, current = book.active
            # Gateways' clocks differ: around midnight a card can be deactivated "the day before" it became active.
            last = max(current.first, event.last_active_day)
            changes["active"] = (*earlier, Period(first=current.first, last=last))
        case CardReactivated():
            changes["active"] = (*book.active, Period(first=event.active_from))
        case CardNumberReplaced():
            changes["number"] = event.number
    return book.model_copy(update=changes)
