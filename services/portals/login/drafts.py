"""Drafts: forms that a person typed and that were not accepted, kept for that person through a login.

A draft is encrypted for its person, role and page; its id alone opens nothing. The id is in the
address of the page, so each tab has its own draft.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from frikort_contracts.http.roles import Role

from services.portals.login.session_store import EncryptedRecord, SessionStore, key_of, new_secret
from services.portals.login.sessions import SessionKeys
from services.runtime.encryption import DecryptionError

Posted = Sequence[tuple[str, str]]
"""The names and values of a form."""

DRAFT_QUERY: Final = "genoptag"
"""The query parameter of a page that shows a draft: its id."""

_PURPOSE: Final = "draft"
_TOKEN_PURPOSE: Final = "form token"  # noqa: S105 - the purpose of an encrypted text


@dataclass(frozen=True)
class FormOwner:
    """The person for whom a form was made, and in which role. ``subject`` is the `sub` of the OpenID provider."""

    subject: str
    role: Role


@dataclass(frozen=True)
class FormTokens:
    """The tokens in forms. A token proves for whom a form was made, also after the session has ended."""

    keys: SessionKeys
    valid_for: timedelta
    now: Callable[[], datetime]

    def new(self, owner: FormOwner) -> str:
        """A token, different each time."""
        content = [owner.subject, owner.role, (self.now() + self.valid_for).isoformat()]
        return self.keys.encryptor.encrypt(json.dumps(content), _TOKEN_PURPOSE)

    def owner_of(self, token: str) -> FormOwner | None:
        """For whom a form was made; None if the token was not made here or is too old."""
        try:
            subject, role, until = json.loads(self.keys.encryptor.decrypt(token, _TOKEN_PURPOSE))
        except DecryptionError:
            return None
        return FormOwner(subject, Role(role)) if self.now() < datetime.fromisoformat(until) else None


@dataclass(frozen=True)
class Drafts:
    """The drafts of this system. Each is deleted after ``time_limit``."""

    store: SessionStore
    keys: SessionKeys
    time_limit: timedelta
    now: Callable[[], datetime]

    async def keep(self, owner: FormOwner, path: str, posted: Posted) -> str:
        """Keep what was typed on the page ``path``. Returns the draft's id."""
        draft_id = new_secret()
        key = key_of(draft_id)
        content = self.keys.encryptor.encrypt(json.dumps(list(posted)), _PURPOSE, key, owner.subject, owner.role, path)
        await self.store.add(key, EncryptedRecord(content, self.now() + self.time_limit))
        return draft_id

    async def find(self, draft_id: str, owner: FormOwner, path: str) -> Posted | None:
        """The draft, if it is of this person, role and page."""
        key = key_of(draft_id)
        record = await self.store.get(key)
        content = self.keys.content_of(record, self.now(), _PURPOSE, key, owner.subject, owner.role, path)
        return None if content is None else [(name, value) for name, value in content]

    async def discard(self, draft_id: str) -> None:
        """Delete a draft: its form was accepted."""
        await self.store.take(key_of(draft_id))
