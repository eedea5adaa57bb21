"""The rules of payroll lines and chunks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from frikort_contracts.http.payroll import BatchLineBody
from frikort_contracts.values import Period

from services.gateway.payroll import booking
from services.gateway.payroll import lines as rules
from services.gateway.payroll.batch import Chunk, ChunkPlan, ChunkStep, next_step
from services.gateway.payroll.lines import FieldNames, InvalidLine, OwnEmployment, OwnEmployments, ValidLine
from tests.gateway.build import NOON
from tests.gateway.payroll_fakes import report_line, valid_line


class TestLines:
    ONE = OwnEmployment("e-1", "card", Period(first=date(2025, 1, 1), last=date(2025, 2, 28)))
    TWO = OwnEmployment("e-2", "card", Period(first=date(2025, 3, 1)))

    @pytest.mark.parametrize(
        ("own", "found"),
        [
            ([ONE], "e-1"),  # whether the work lies in it is for the rules of reporting to say
            ([ONE, TWO], "e-2"),
            ([], "no own employment has this card number"),
            ([ONE, ONE], "several own employments have this card number, and not one of them covers the work"),
        ],
    )
    def test_a_card_number_resolves_to_the_only_employment_or_the_one_of_the_period(
        self, own: Sequence[OwnEmployment], found: str
    ) -> None:
        body = BatchLineBody.model_validate(report_line("a"))
        resolved = rules.resolve_employment(1, body, OwnEmployments({}, {"12345": own}), FieldNames())
        assert (resolved.employment_id if isinstance(resolved, ValidLine) else resolved.errors[0].message) == found

    def test_an_employment_of_another_employer_is_unknown(self) -> None:
        body = BatchLineBody.model_validate(report_line("a", employment_id="e-1") | {"card_number": None})
        resolved = rules.resolve_employment(1, body, OwnEmployments(), FieldNames())
        assert isinstance(resolved, InvalidLine)
        assert [wrong.field for wrong in resolved.errors] == ["/employment_id"]

    def test_lines_and_results_are_read_as_they_were_stored(self) -> None:
        good, bad = valid_line(1), InvalidLine(2, None, (rules.FieldError("f", "t", "m"),))
        assert rules.lines_from_json(rules.lines_to_json([good, bad])) == ([good], [bad])
        result = booking.LineResult(1, "refused", None, 0, 0, "amount-zero", {"a": 1})
        assert booking.results_from_json(booking.results_to_json([result])) == {1: result}


class TestSteps:
    def test_a_chunk_is_planned_then_published_then_counted(self) -> None:
        chunk = Chunk(index=0, lines="-")
        assert next_step(chunk) is ChunkStep.PLAN
        chunk.plan = ChunkPlan(at=NOON, first=1, revisions={})
        assert next_step(chunk) is ChunkStep.PUBLISH
        chunk.results = "-"
        assert next_step(chunk) is ChunkStep.COUNT
