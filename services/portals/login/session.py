"""A signed-in person's session, as the pages see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.gateway.auth import Caller


@dataclass(frozen=True)
class Session:
    """Who is signed in, and until when. ``name`` is shown to the person alone and never logged.

    ``ends_at`` is when the session ends if nothing more is asked for; ``signatory`` is whether an employer's person may
    sign for the business, not only work for it.
    """

    caller: Caller
    name: str
    form_token: str
    ends_at: datetime
    signatory: bool = False
