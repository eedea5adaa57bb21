"""Builds the commands of payroll lines, and the lines' results from the outcomes. Pure.

A command depends only on the stored line and plan, so a chunk has the same bytes whenever it is published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.http.roles import Role
from frikort_contracts.reporting import ReportEarnings
from frikort_contracts.topics import source_of

from services.gateway.audit.actions import REPORT_EARNINGS, TRY_REPORT, Action
from services.gateway.audit.log import Access, of_card
from services.gateway.ordering import order_of
from services.gateway.payroll.batch import Batch, BatchTotals, ChunkPlan
from services.gateway.payroll.lines import ValidLine

Outcome = Literal["accepted", "already_reported", "refused"]


class LineResult(NamedTuple):
    """The result of a line: the split of its report when it was settled (øre), or the reason of the refusal.

    ``provisional``: the split uses a provisional allowance. ``unshown``: the employer may not see the split.
    ``corrected``: the report was accepted before, and corrected since.
    """

    number: int
    outcome: Outcome
    report_id: str | None
    exempt: int
    excess: int
    problem: str | None
    detail: dict[str, str | int]
    provisional: bool = False
    corrected: bool = False
    unshown: bool = False


class LineOutcome(NamedTuple):
    """The outcome of a line's command."""

    report_id: str | None
    revision: int
    already_reported: bool
    problem: str | None
    detail: dict[str, str | int]
    corrected_since: bool = False


class LineSplit(NamedTuple):
    """The present split of a report, in øre, at its ``revision``, and whether the allowance is provisional."""

    revision: int
    exempt: int
    excess: int
    provisional: bool = False


_SOURCE: Final = source_of("payroll")


@lru_cache(maxsize=10_000)  # several times the lines that a worker has in progress
def command_id(batch_id: str, number: int) -> str:
    """The id of a line's command: the same for the same line of the same file."""
    return str(uuid5(UUID(batch_id), str(number)))


def command(batch: Batch, line: ValidLine, plan: ChunkPlan) -> Record:
    """The record of a line's command."""
    return encode(
        Envelope(
            id=UUID(command_id(batch.batch_id, line.number)),
            time=plan.time_of(line.number),
            source=_SOURCE,
            data=ReportEarnings(
                card_id=line.card_id,
                cvr=batch.cvr,
                actor=batch.actor,
                employment_id=line.employment_id,
                card_revision=plan.revisions.get(line.card_id, 1),
                owners=batch.owners,
                reference=line.reference or None,
                report_id=line.report_id,
                reference_ciphertext=line.reference_ciphertext,
                work=line.work,
                payment_date=line.paid_on,
                components=line.components,
                allow_duplicate=line.allow_duplicate,
                allow_large_amount=line.allow_large_amount,
            ),
            correlation_id=UUID(batch.batch_id),
            traceparent=batch.traceparent,
        )
    )


class ChunkState(NamedTuple):
    """The results of some lines, and the lines and reports without one."""

    results: list[LineResult]
    without_outcome: list[ValidLine]
    without_split: list[str]


def chunk_state(
    batch: Batch, lines: Iterable[ValidLine], outcomes: Mapping[str, LineOutcome], splits: Mapping[str, LineSplit]
) -> ChunkState:
    """The results of ``lines``, as far as their outcomes and splits (by report id) are known."""
    found = ChunkState([], [], [])
    for line in lines:
        outcome = outcomes.get(command_id(batch.batch_id, line.number))
        if outcome is None:
            found.without_outcome.append(line)
        elif outcome.problem is not None or outcome.report_id is None:
            found.results.append(LineResult(line.number, "refused", None, 0, 0, outcome.problem, outcome.detail))
        else:
            split = splits.get(outcome.report_id)
            if split is None or split.revision < outcome.revision:
                found.without_split.append(outcome.report_id)
            else:
                name: Outcome = "already_reported" if outcome.already_reported else "accepted"
                result = LineResult(
                    line.number,
                    name,
                    outcome.report_id,
                    split.exempt,
                    split.excess,
                    None,
                    {},
                    provisional=split.provisional,
                    corrected=outcome.corrected_since,
                )
                found.results.append(result)
    return found


def totals_of(results: Iterable[LineResult]) -> BatchTotals:
    """The counts of results and the sums of their splits."""
    counts = dict.fromkeys(BatchTotals.model_fields, 0)
    for result in results:
        counts[result.outcome] += 1
        counts["over"] += result.excess > 0
        counts["unshown"] += result.unshown
        counts["exempt"] += result.exempt
        counts["excess"] += result.excess
        counts["provisional"] += result.provisional
    return BatchTotals(**counts)


def attempts(batch: Batch, plan: ChunkPlan, lines: Iterable[ValidLine]) -> list[Access]:
    """The audit entry of each line's command: the same entries whenever a chunk is published again."""
    return [
        _access(
            batch, plan.time_of(line.number), line.card_id, REPORT_EARNINGS, command_id(batch.batch_id, line.number)
        )
        for line in lines
    ]


def checks(batch: Batch, lines: Iterable[ValidLine]) -> list[Access]:
    """An audit entry for each person in a chunk that is checked: the same entries whenever it is checked again."""
    return [
        _access(batch, batch.created_at, card_id, TRY_REPORT, None)
        for card_id in sorted({line.card_id for line in lines})
    ]


def _access(batch: Batch, at: datetime, card_id: str, action: Action, command: str | None) -> Access:
    return Access(
        order=order_of(at, command or f"{batch.batch_id}|{card_id}"),
        subject=of_card(card_id),
        own=False,
        action=action.code,
        refused=False,
        role=Role.EMPLOYER,
        organisation=batch.cvr,
        actor=batch.actor,
        reason=None,
        request=batch.batch_id,
        command=command,
    )


def results_to_json(results: Iterable[LineResult]) -> str:
    """Results as JSON, for encryption."""
    return json.dumps(list(results), ensure_ascii=False, separators=(",", ":"))


def results_from_json(text: str) -> dict[int, LineResult]:
    """The results in JSON of ``results_to_json``, by line number."""
    results: list[list[Any]] = json.loads(text)
    return {result.number: result for result in (LineResult(*fields) for fields in results)}
