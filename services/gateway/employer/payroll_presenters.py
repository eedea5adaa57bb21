"""Payroll files as resources, and the result as a CSV file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from frikort_contracts.http.payroll import (
    BatchCheckResource,
    BatchCounts,
    BatchLineResource,
    BatchResource,
    ExpectedSplitResource,
    LineCheckResource,
    LineSplitResource,
)
from frikort_contracts.http.problems import FieldErrorResource, ProblemResource

from services.gateway.field_texts import field_code, field_text
from services.gateway.formats import Language, kroner
from services.gateway.payroll.batch import UNBOOKED, Batch, BatchStatus
from services.gateway.payroll.booking import LineResult, command_id
from services.gateway.payroll.lines import FieldError, InvalidLine, ValidLine
from services.gateway.payroll.parser import COLUMN_POINTERS
from services.gateway.person_encryption import Persons
from services.gateway.problems import document
from services.runtime import csv_writer
from services.runtime.csv_writer import Ore

CheckStatus = Literal["accepted", "already_reported", "refused"]
LineStatus = Literal["accepted", "already_reported", "refused", "error", "pending"]

_STATUS: Final[dict[BatchStatus, Literal["checking", "held", "booking", "done", "cancelled"]]] = {
    BatchStatus.CHECKING: "checking",
    BatchStatus.HELD: "held",
    BatchStatus.BOOKING: "booking",
    BatchStatus.DONE: "done",
    BatchStatus.CANCELLED: "cancelled",
}
_COLUMNS: Final = {
    Language.DANISH: (
        "Linje",
        "Reference",
        "Resultat",
        "I alt (kr.)",
        "Skattefrit (kr.)",
        "Over beløbsgrænsen (kr.)",
        "Foreløbig beløbsgrænse",
        "Forklaring",
        "Indberetning",
    ),
    Language.ENGLISH: (
        "Line",
        "Reference",
        "Result",
        "Total (kr.)",
        "Exempt (kr.)",
        "Above the allowance (kr.)",
        "Provisional allowance",
        "Explanation",
        "Report",
    ),
}
_YES: Final = {Language.DANISH: ("nej", "ja"), Language.ENGLISH: ("no", "yes")}
_RESULTS: Final[dict[Language, dict[LineStatus, str]]] = {
    Language.DANISH: {
        "accepted": "modtaget",
        "already_reported": "indberettet i forvejen",
        "refused": "afvist",
        "error": "fejl",
        "pending": "venter",
    },
    Language.ENGLISH: {
        "accepted": "accepted",
        "already_reported": "already reported",
        "refused": "refused",
        "error": "error",
        "pending": "pending",
    },
}
_CHECKS: Final[dict[Language, dict[CheckStatus, str]]] = {
    Language.DANISH: {
        "accepted": "kan indberettes",
        "already_reported": "indberettet i forvejen",
        "refused": "vil blive afvist",
    },
    Language.ENGLISH: {
        "accepted": "can be reported",
        "already_reported": "already reported",
        "refused": "would be refused",
    },
}


def batch(shown: Batch) -> BatchResource:
    """A file. Raises ``KeyError`` for one that is not acknowledged."""
    totals = shown.totals
    return BatchResource(
        batch_id=shown.batch_id,
        status=_STATUS[shown.status],
        created_at=shown.created_at,
        expires_at=shown.expires_at if shown.status in UNBOOKED else None,
        finished_at=shown.finished_at,
        encoding=shown.encoding,
        counts=BatchCounts(
            lines=shown.good + shown.bad,
            errors=shown.bad,
            accepted=totals.accepted,
            already_reported=totals.already_reported,
            refused=totals.refused,
            pending=shown.good - totals.lines,
        ),
        check=_check(shown) if shown.status in UNBOOKED else None,
        total_ore=shown.total,
        exempt_ore=totals.exempt,
        excess_ore=totals.excess,
        provisional=totals.provisional > 0,
    )


def _check(shown: Batch) -> BatchCheckResource:
    totals = shown.check_totals
    return BatchCheckResource(
        at=shown.checked_at,
        accepted=totals.accepted,
        already_reported=totals.already_reported,
        refused=totals.refused,
        exempt_at_least_ore=totals.exempt,
        excess_at_most_ore=totals.excess,
        over_allowance=totals.over,
        provisional=totals.provisional > 0,
        split_unshown=totals.unshown,
        failed=shown.check_failed,
    )


def line(
    batch_id: str,
    shown: ValidLine | InvalidLine,
    result: LineResult | None,
    check: LineResult | None,
    language: Language,
    persons: Persons,
) -> BatchLineResource:
    """A line; ``result`` and ``check`` are None while there is none."""
    if isinstance(shown, InvalidLine):
        return BatchLineResource(
            number=shown.number,
            reference=shown.reference,
            result="error",
            employment_id=None,
            total_ore=None,
            report_id=shown.mirrors,
            report_revision=shown.mirrors_revision,
            split=None,
            problem=None,
            errors=[_field_error(error, language) for error in shown.errors],
        )
    booked = result is not None and result.outcome != "refused"
    return BatchLineResource(
        number=shown.number,
        reference=persons.decrypt_reference(shown.reference, shown.reference_ciphertext, shown.report_id or ""),
        result=result_of(shown, result),
        employment_id=shown.employment_id,
        total_ore=shown.total,
        report_id=None if result is None else result.report_id,
        split=LineSplitResource(exempt_ore=result.exempt, excess_ore=result.excess, provisional=result.provisional)
        if booked and result
        else None,
        corrected_since=booked and result is not None and result.corrected,
        reported_ore=result.exempt + result.excess if booked and result else None,
        problem=_problem(batch_id, result, language),
        check=None if check is None else _line_check(batch_id, shown, check, language),
        errors=[],
    )


def _line_check(batch_id: str, shown: ValidLine, check: LineResult, language: Language) -> LineCheckResource:
    split = ExpectedSplitResource(
        exempt_at_least_ore=check.exempt, excess_at_most_ore=check.excess, provisional=check.provisional
    )
    is_refused = check.outcome == "refused"
    known = check.exempt + check.excess if check.corrected and not check.unshown else shown.total
    return LineCheckResource(
        result=check.outcome,
        split=None if is_refused or check.unshown else split,
        corrected_since=check.corrected,
        reported_ore=None if is_refused or (check.corrected and check.unshown) else known,
        problem=_problem(batch_id, check, language),
    )


def _problem(batch_id: str, result: LineResult | None, language: Language) -> ProblemResource | None:
    if result is None or result.problem is None:
        return None
    instance = command_id(batch_id, result.number)
    return ProblemResource.model_validate(document(result.problem, language, instance=instance, facts=result.detail))


def _field_error(error: FieldError, language: Language) -> FieldErrorResource:
    """The error with its JSON pointer, and with the column of a CSV file."""
    pointer = COLUMN_POINTERS.get(error.field)
    return FieldErrorResource(
        code=field_code(error.kind, error.message),
        pointer=error.field if pointer is None else pointer,
        column=None if pointer is None else error.field,
        detail=field_text(error.kind, error.message, language),
    )


def csv_header(language: Language) -> str:
    """The first line, as a Danish spreadsheet opens it: UTF-8 with a byte order mark, semicolons."""
    return csv_writer.BOM + csv_writer.row(_COLUMNS[language])


def csv_lines(shown: Iterable[BatchLineResource], language: Language) -> Iterator[str]:
    """A row for each line; amounts in kroner with a decimal comma."""
    for entry in shown:
        facts = entry.check or entry
        exempt, excess, provisional = _amounts(entry)
        why = [": ".join(filter(None, (error.column or error.pointer, error.detail))) for error in entry.errors]
        if facts.corrected_since and facts.reported_ore is not None:
            why = [corrected_text(facts.reported_ore, language)]
        if facts.problem is not None:
            why = [f"{facts.problem.title}. {facts.problem.detail}"]
        yield csv_writer.row(
            (
                entry.number,
                entry.reference,
                _RESULTS[language][entry.result] if entry.check is None else _CHECKS[language][entry.check.result],
                None if entry.total_ore is None else Ore(entry.total_ore),
                None if exempt is None else Ore(exempt),
                None if excess is None else Ore(excess),
                None if provisional is None else _YES[language][provisional],
                " ".join(why),
                entry.report_id,
            )
        )


def _amounts(entry: BatchLineResource) -> tuple[int | None, int | None, bool | None]:
    """The split of a line, and whether it is provisional. Of a check only if it is exact."""
    if entry.split is not None:
        return entry.split.exempt_ore, entry.split.excess_ore, entry.split.provisional
    expected = None if entry.check is None else entry.check.split
    if expected is None or expected.excess_at_most_ore:
        return None, None, None
    return expected.exempt_at_least_ore, expected.excess_at_most_ore, expected.provisional


def corrected_text(reported: int, language: Language) -> str:
    """What a report says that was corrected after the line was first booked; its total is in øre."""
    amount = kroner(reported, language)
    if language is Language.DANISH:
        return f"Indberetningen er rettet siden. Nu er den på {amount}"
    return f"The report was corrected since. It is {amount} now"


def result_of(shown: ValidLine | InvalidLine, result: LineResult | None) -> LineStatus:
    """In a word, what became of a line."""
    if isinstance(shown, InvalidLine):
        return "error"
    return "pending" if result is None else result.outcome


def may_have(shown: Batch, index: int, result: LineStatus | None, check: CheckStatus | None) -> bool:
    """Whether a chunk holds lines with this result and check (any if None), as far as it is counted."""
    size, totals = shown.chunks[index], shown.counted.get(str(index))
    if check is not None and getattr(shown.checked.get(str(index)), check, 0) == 0:
        return False
    if result is None:
        return True
    if result == "error":
        return size.bad > 0
    if totals is None:
        return result == "pending" and size.good > 0
    return result != "pending" and getattr(totals, result) > 0
