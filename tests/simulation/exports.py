"""The processors and jobs of exports, as its process has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frikort_contracts.authorities import FEEDS
from frikort_contracts.rules.allowances import AllowanceTable

from services.exports.card_feeds.processor import card_feeds
from services.exports.card_feeds.records import needs_cpr
from services.exports.extracts.requests import EXTRACT_FILES, PERIOD_EXTRACTS, REQUESTS
from services.exports.jobs import JOB_KINDS
from services.exports.processor import EncryptCpr, statements
from services.exports.reconciliation import RECONCILIATIONS
from services.exports.statistics.card_history import CARD_HISTORIES
from services.runtime.processing.decision import Processor
from services.runtime.processing.jobs import JobKind
from services.runtime.processing.projection import Projection


def processors(encrypt_cpr: EncryptCpr, allowances: AllowanceTable) -> Sequence[Processor[Any] | Projection[Any]]:
    """The processors, which encrypt CPR numbers with this function for every authority."""
    keyed = {feed.name: encrypt_cpr for feed in FEEDS if needs_cpr(feed)}
    feeds = card_feeds(FEEDS, keyed, allowances)
    return (statements(encrypt_cpr), REQUESTS, EXTRACT_FILES, PERIOD_EXTRACTS, RECONCILIATIONS, CARD_HISTORIES, feeds)


def jobs_over(documents: str) -> list[JobKind]:
    """The kinds of jobs over the documents of a processor."""
    return [kind for kind in JOB_KINDS if kind.documents == documents]
