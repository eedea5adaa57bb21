"""The processors and jobs of exports, as its process has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frikort_contracts.authorities import FEEDS
from frikort_contracts.rules.allowances import AllowanceTable

from services.exports.card_feeds.processor import card_feeds
from services.exports.card_feeds.records import needs_cpr
from services.exports.jobs import JOB_KINDS
from services.exports.processor import EncryptCpr, statements
from services.exports.processors import processors as processors_of_service
from services.runtime.processing.decision import Processor
from services.runtime.processing.jobs import JobKind
from services.runtime.processing.projection import Projection


def processors(encrypt_cpr: EncryptCpr, allowances: AllowanceTable) -> Sequence[Processor[Any] | Projection[Any]]:
    """The processors, which encrypt CPR numbers with this function for every authority."""
    keyed = {feed.name: encrypt_cpr for feed in FEEDS if needs_cpr(feed)}
    feeds = card_feeds(FEEDS, keyed, allowances)
    return processors_of_service(statements(encrypt_cpr), feeds)


def jobs_over(documents: str) -> list[JobKind]:
    """The kinds of jobs over the documents of a processor."""
    return [kind for kind in JOB_KINDS if kind.documents == documents]
