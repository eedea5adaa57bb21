"""Jobs over the statements of all cards: ``python -m services.exports.jobs start|status|cancel``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from frikort_contracts.authorities import FEEDS
from frikort_contracts.extracts import RepublishStatements
from frikort_contracts.feeds import FillFeed

from services.exports.card_feeds.processor import NAME
from services.exports.card_feeds.records import needs_cpr
from services.runtime.document_jobs import main
from services.runtime.processing.jobs import JobKind


def _republish(card_id: str) -> RepublishStatements:
    return RepublishStatements(card_id=card_id)


def _fill(authority: str, *, encrypt_again: bool) -> Callable[[str], FillFeed]:
    return lambda card_id: FillFeed(card_id=card_id, authority=authority, encrypt_again=encrypt_again)


JOB_KINDS: Final = (
    JobKind("republish-statements", documents="statements", message=_republish),
    *(JobKind(f"fill-{feed.name}", documents=NAME, message=_fill(feed.name, encrypt_again=False)) for feed in FEEDS),
    *(
        JobKind(f"encrypt-cpr-{feed.name}", documents=NAME, message=_fill(feed.name, encrypt_again=True))
        for feed in FEEDS
        if needs_cpr(feed)
    ),
)
"""``republish-statements`` fills the first feed of an authority that lost its copy.

``fill-<authority>`` fills a feed from the beginning, and ``encrypt-cpr-<authority>`` takes a new key into use.
"""

if __name__ == "__main__":
    sys.exit(main("exports", JOB_KINDS))
