"""What a card was paid in the months of a period: the splits of its statement, by the dates of its reports. Pure.

The splits are those that the statement adds up, so the months of a year sum to its statement. The dates are those that
the feeds keep. Two processors store them, so a card that was being changed can have one without the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from frikort_contracts.months import Months

from services.exports.card_feeds.payment_days import Line
from services.exports.card_year import EmployerSums, ReportSplit, add_split
from services.exports.feeds import StatementFields


class DateUnknown(LookupError):
    """It is not certain on which day a report was paid, because a change of it has not arrived everywhere."""


class Payment(NamedTuple):
    """A report that counts: its payment date (ISO) and its split."""

    day: str
    report_id: str
    split: ReportSplit


def payments_in(
    months: Months, splits: Mapping[str, Sequence[Any]], lines: Mapping[str, Sequence[Any]], *, cvr: str | None = None
) -> list[Payment]:
    """The payments in these months, by day; with ``cvr`` only that employer's. Raises ``DateUnknown``.

    ``splits`` and ``lines`` have the stored ``ReportSplit`` and ``Line`` of each report of a year.
    """
    payments = []
    for report_id, stored in splits.items():
        split = ReportSplit(*stored)
        if not split.is_counted or cvr not in (None, split.cvr):
            continue
        line = Line(*lines.get(report_id, ()))
        if not _is_of(line, split):
            raise DateUnknown
        if months.first <= line.day[:7] <= months.last:
            payments.append(Payment(line.day, report_id, split))
    return sorted(payments)


def _is_of(line: Line, split: ReportSplit) -> bool:
    """Whether the date of ``line`` is that of the report's revision to which ``split`` belongs.

    It is if both have the same split. A later split of a report that was never corrected has the same date too.
    """
    if not line.is_known:
        return False
    return line.ledger_revision == split.revision or (line.day_of == 1 and line.ledger_revision > split.revision)


def card_months(payments: Iterable[Payment], statement: Mapping[str, Any]) -> Iterator[StatementFields]:
    """Each month with payments, with the fields of a statement as far as a month has them. Amounts in øre."""
    months: dict[str, dict[str, EmployerSums]] = {}
    for payment in payments:
        add_split(months.setdefault(payment.day[:7], {}), payment.split, 1)
    for month, employers in months.items():
        lines = [_line(cvr, sums) for cvr, sums in sorted(employers.items())]
        yield {
            "month": month,
            "municipality": statement["municipality"],
            "provisional": statement["provisional"],
            **{name: sum(line[name] for line in lines) for name in ("reported", "exempt", "excess", "reports")},
            "employers": lines,
            "disputed_employers": [cvr for cvr, sums in sorted(employers.items()) if sums.disputed],
        }


def report_fields(payment: Payment, *, provisional: bool) -> StatementFields:
    """A report as its employer sees it."""
    return {
        "report_id": payment.report_id,
        "payment_date": payment.day,
        "reported": payment.split.exempt + payment.split.excess,
        "exempt": payment.split.exempt,
        "excess": payment.split.excess,
        "provisional": provisional,
        "disputed": payment.split.disputed,
    }


def _line(cvr: str, sums: EmployerSums) -> dict[str, Any]:
    """As ``EmployerLine`` has it. No model is built: a period of the country has millions."""
    exempt, excess = sums.exempt, sums.excess
    return {"cvr": cvr, "reports": sums.reports, "reported": exempt + excess, "exempt": exempt, "excess": excess}
