"""Server-sent events that report changes of a card, never what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Query
from starlette.responses import StreamingResponse

from services.gateway.api.dependencies import Citizen, RequestContext
from services.gateway.audit.context import current_audit
from services.gateway.cards.queries import FindCard
from services.gateway.event_streams import LONGEST

StreamSeconds = Annotated[int, Query(ge=1, description="The stream ends after so many seconds, if not before.")]


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


async def _slot(context: Citizen) -> AsyncIterator[None]:
    with context.container.event_streams.slot(context.caller):
        yield


StreamSlot = Annotated[None, Depends(_slot)]
"""One of the caller's stream slots, released when the stream has ended."""


async def stream_changes(context: RequestContext, find: FindCard, seconds: int) -> EventStream:
    """Send ``changed`` at once and at every change of the card, as long as the caller may see it."""
    audit = current_audit()
    card = await find()
    audit.discard_state(card)  # the stream shows nothing of the card

    async def still_allowed() -> None:
        await context.check_token()
        audit.discard_state(await find())

    async def events() -> AsyncIterator[bytes]:
        streams = context.container.event_streams
        async for changed in streams.changes_of_card(card.card_id, still_allowed, seconds=min(seconds, LONGEST)):
            yield b"event: changed\ndata: {}\n\n" if changed else b":\n\n"

    return EventStream(events(), headers={"X-Accel-Buffering": "no"})
