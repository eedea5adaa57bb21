"""Mutants of the feeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from unittest.mock import patch

from frikort_contracts.reporting import EarningsReported

from services.exports.card_feeds import decision
from services.exports.card_feeds.payment_days import EarningsEvent, PaymentDays
from tests.simulation import broker, feed_check
from tests.simulation.mutant import Mutant, replaced

_dated = PaymentDays.report_dated


def _first_date_kept(self: PaymentDays, event: EarningsEvent) -> PaymentDays:
    if isinstance(event, EarningsReported):
        return _dated(self, event)
    line = self._line(event.report_id)
    after = self._with_line(event.report_id, line, line._replace(day_of=event.revision))
    return replace(after, revision=self.revision + event.revision - line.day_of)


@contextmanager
def _feeds_never_checked() -> Iterator[None]:
    """Records of every failed publish are appended late: at the usual rate, few of them are of a feed."""

    async def check_nothing(_: object) -> None: ...

    with patch.object(feed_check, "fill_again", check_nothing), patch.object(broker, "LATE_APPEND", 1.0):
        yield


MUTANTS: Final = (
    Mutant(
        "moves without an end",
        "a municipality keeps the records of a citizen who moved",
        replaced(decision, "ended", lambda *_: None),
        found_by="was not sent the end",
        within=60,
        first=8,
    ),
    Mutant(
        "half a year on a feed",
        "a year is published before the date of every report is known",
        replaced(PaymentDays, "add_up_to", lambda *_: True),
        within=60,
        first=3,
    ),
    Mutant(
        "feeds never checked",
        "an older record that was appended late stays the last of its key",
        _feeds_never_checked,
        found_by="not the newest",
        within=100,
        first=75,
    ),
    Mutant(
        "dates of corrections lost",
        "an amount stays on the day that was corrected",
        replaced(PaymentDays, "report_dated", _first_date_kept),
        within=200,
        first=17,
    ),
)
