"""How long each kind of data is kept, why, and what deletes it. ``python -m deploy.retention`` writes the page.

The only table of retention. A test compares it with the topic table and with the table of database rights, so a new
topic or collection needs a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from frikort_contracts.topics import FEED_TOPICS

from services.gateway.retention.periods import ANSWERS, FILES, FINDINGS, LINES

EXTRACT_STORE: Final = "FRIKORT_EXTRACT_FILES"
"""The setting that names the folder or bucket of the files of extracts."""
PAGE: Final = Path(__file__).parents[1] / "docs/retention.md"

_BOOKS: Final = (
    "The figures of a year are booked and can be corrected. Danish law keeps books for 5 years from the end of the "
    "financial year (bogføringsloven § 12), and claims that follow from an extraordinary tax assessment expire after "
    "10 years (skatteforvaltningsloven §§ 27 and 34 a)"
)
_EVIDENCE: Final = (
    "Evidence of who looked at whose data. Citizens have a right to the dates and purposes (GDPR art. 15; judgment "
    "C-579/21, followed by Datatilsynet in 2024), and Danish laws on logs keep them for 5 years (PNR-loven § 24 stk. 4)"
)
_REBUILT: Final = "A copy of the topics, from which it is built again. It is kept as long as they are"
_TECHNICAL: Final = "It names no person"
_MINIMAL: Final = "No longer than needed (GDPR art. 5, 1, e)"


@dataclass(frozen=True)
class Row:
    """A kind of data.

    Attributes:
        where: the topics, and the collections as ``database.collection``.
        kept: how long, in words.
        reason: the law, or why it is needed so long.
        by: what deletes it.
    """

    what: str
    where: tuple[str, ...]
    kept: str
    reason: str
    by: str


def _collections(database: str, *names: str) -> tuple[str, ...]:
    return tuple(f"frikort_{database}.{name}" for name in names)


_READ_MODELS: Final = (
    *("cards", "employments", "reports", "ledgers", "outcomes", "extracts", "extract_parts", "extract_files"),
    *("reconciliations", "statistics", "evidence"),
)
_COMPARED: Final = ("statements", "card_feeds")

TABLE: Final = (
    Row(
        "cards, employments, reports, splits, warnings, and the commands that led to them",
        (
            *("frikort.issuance.commands.v1", "frikort.reporting.commands.v1", "frikort.exports.commands.v1"),
            *("frikort.cards.v1", "frikort.earnings.v1", "frikort.balances.v1", "frikort.cap-warnings.v1"),
            *("frikort.authority.skat.v1", "frikort.authority.star.v1"),
            *(topic.name for topic in FEED_TOPICS.values()),
            *_collections("issuance", "cards", "cards_entries"),
            *_collections("reporting", "card_states", "card_states_entries"),
            *_collections("balance", "ledgers", "ledgers_entries"),
            *_collections("exports", "statements", "statements_entries", "card_feeds", "card_feeds_entries"),
        ),
        "without limit",
        _BOOKS + ". The topics are the books themselves: every database is built from them again",
        "nothing",
    ),
    Row(
        "data keys of people, each wrapped",
        ("frikort.person-keys.v1",),
        "without limit, until the person is erased",
        "Without its keys nothing about a person opens any more (GDPR art. 17)",
        "the commands that erase a person or an employer's contact person",
    ),
    Row(
        "read models",
        _collections(
            "gateway",
            "cards",
            "employments",
            "reports",
            "ledgers",
            "outcomes",
            "extracts",
            "extract_parts",
            "extract_files",
        )
        + _collections("gateway", "reconciliations"),
        "as the topics",
        _REBUILT + ". Outcomes stay longer than their topic: a command that was handled is not handled again",
        "nothing",
    ),
    Row(
        "read models and documents of exports that are being built again",
        (
            *_collections("gateway", "rebuilds", *(f"{name}_rebuilt" for name in _READ_MODELS)),
            *_collections("exports", "rebuilds", "card_histories_rebuilt"),
            *_collections("exports", *(f"{name}_rebuilt{part}" for name in _COMPARED for part in ("", "_entries"))),
        ),
        "until they take the place of the others, or were compared with them; when they were built, without limit",
        _REBUILT,
        "the command that builds them",
    ),
    Row(
        "the command and the answer of an Idempotency-Key",
        _collections("gateway", "submissions"),
        f"{ANSWERS.days} days; the key's hash, the fingerprint and the result without limit",
        "A payroll file is sent again at the latest when the year has ended. What stays lets no report be booked twice",
        "the retention job",
    ),
    Row(
        "lines and results of payroll files",
        _collections("gateway", "report_batch_chunks"),
        f"{LINES.days} days; those of a cancelled file are deleted at once",
        "As for answers. The reports themselves are in the books",
        "the retention job",
    ),
    Row(
        "payroll files: company, time, counts and sums",
        _collections("gateway", "report_batches"),
        "without limit",
        "It names no citizen. The fingerprint lets no file be booked twice",
        "nothing",
    ),
    Row(
        "the audit log and its checkpoints",
        (
            "frikort.audit-log.v1",
            *_collections("gateway", "accesses", "audit_chains", "audit_checks"),
        ),
        "entries 5 years, checkpoints without limit",
        _EVIDENCE + ". A checkpoint has no content of an entry",
        "the provisioner, with a command that removes what the retention job has signed",
    ),
    Row(
        "findings of unusual look-ups",
        ("frikort.unusual-accesses.v1", *_collections("gateway", "unusual_accesses")),
        f"{FINDINGS.days} days",
        "A year and its review. " + _MINIMAL,
        "the retention job; Kafka",
    ),
    Row(
        "signed evidence: receipts of reports, manifests of extracts",
        ("frikort.evidence.v1", *_collections("gateway", "evidence", "evidence_roots")),
        "without limit",
        "Who holds a receipt can prove what was accepted as long as the roots are there. " + _BOOKS,
        "nothing",
    ),
    Row(
        "statistics: published figures, and the months of a card from which they are made",
        (
            "frikort.statistics.v1",
            *_collections("exports", "card_histories", "statistics"),
            *_collections("gateway", "statistics"),
        ),
        "without limit",
        "Published figures name no person. A month is computed again from all cards; their histories have ids and no "
        "person",
        "nothing",
    ),
    Row(
        "requests for extracts, their progress and manifests",
        (
            "frikort.extract-requests.v1",
            "frikort.extract-files.v1",
            *_collections("gateway", "extract_requests"),
            *_collections("exports", "requests", "requests_entries", "extract_files", "extract_files_entries"),
            *_collections("exports", "period_extracts", "period_extracts_entries"),
        ),
        "without limit",
        "They name a year or months and who requested it, and no person but by the id of a card; the manifest is "
        "evidence",
        "nothing",
    ),
    Row(
        "files of extracts",
        (EXTRACT_STORE,),
        f"{FILES.days} days",
        "A new extract of the same year or months can be requested at any time. " + _MINIMAL,
        "the retention job",
    ),
    Row("contents of extracts, between services", ("frikort.extracts.v1",), "30 days", _MINIMAL, "Kafka"),
    Row("outcomes of commands, between services", ("frikort.outcomes.v1",), "90 days", _MINIMAL, "Kafka"),
    Row(
        "messages of jobs",
        ("frikort.exports.jobs.v1", "frikort.feed-jobs.v1", "frikort.balance.jobs.v1"),
        "30 days",
        _TECHNICAL + " but by the id of a card",
        "Kafka",
    ),
    Row(
        "reconciliations, and checks of the feeds",
        (
            "frikort.reconciliation.v1",
            "frikort.reconciliation-results.v1",
            *_collections("exports", "reconciliations", "reconciliations_entries", "feed_checks"),
        ),
        "pages 7 days, results without limit",
        "Results are evidence that the services agreed. They name a card by its id where it differed",
        "Kafka",
    ),
    Row(
        "attempts to guess card numbers",
        _collections("gateway", "attempts"),
        "a day after the month, day or hour that they count",
        _MINIMAL,
        "an index of MongoDB with an expiry",
    ),
    Row(
        "sessions, logins and kept forms",
        _collections("portals", "sessions", "logins", "drafts"),
        "until they end: an hour to a working day",
        _MINIMAL,
        "an index of MongoDB with an expiry",
    ),
    Row(
        "who replayed or discarded a dead letter, changed the amounts of a year, or removed expired audit entries",
        ("frikort.years.v1", *_collections("operations", "dead_letter_actions", "year_changes", "audit_removals")),
        "without limit",
        "Evidence of what operators did. It names no citizen",
        "nothing",
    ),
    Row(
        "state of the processes, and reports of the retention job",
        (
            "frikort.retention.v1",
            *_collections("issuance", "applied_positions", "formats", "jobs"),
            *_collections("reporting", "applied_positions", "formats"),
            *_collections("balance", "applied_positions", "formats", "jobs"),
            *_collections("exports", "applied_positions", "formats", "jobs", "key_checks", "locks"),
            *_collections(
                "gateway", "applied_positions", "formats", "projection_heartbeats", "key_checks", "locks", "clock"
            ),
            *_collections("gateway", "retention_runs"),
        ),
        "without limit",
        _TECHNICAL,
        "nothing",
    ),
)


def page() -> str:
    """The table as a page."""
    head = (
        "# How long data is kept\n\n"
        "Written by `python -m deploy.retention` from `deploy/retention.py`. A dead letter is kept as long as the "
        "records of its topic. Erasing one person is another thing: see [security](security.md).\n\n"
        "The retention job runs each night at three in one instance of the API (`services/gateway/retention/job.py`); "
        "[operations](operations.md#retention) says how to see its report.\n\n"
        "| data | kept | why | deleted by | where |\n|---|---|---|---|---|\n"
    )
    return head + "\n".join(map(_line, TABLE)) + "\n"


def _line(row: Row) -> str:
    where = ", ".join(f"`{name}`" for name in row.where)
    return f"| {row.what} | {row.kept} | {row.reason} | {row.by} | {where} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
