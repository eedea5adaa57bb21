"""The slices together respond to every command that the gateway submits."""

from __future__ import annotations

from frikort_contracts.report_checks import CheckReports
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import EXTRACT_REQUESTS, TOPICS

from services.gateway.wiring import response_builder
from tests.gateway.build import persons
from tests.gateway.memory import MemoryModels


def test_every_command_of_the_gateway_has_a_responder() -> None:
    allowances = AllowanceTable(years={})
    of_the_payroll_worker = {CheckReports}  # it reads the outcomes itself
    submitted = {
        message
        for topic in TOPICS
        if (".commands." in topic.name or topic == EXTRACT_REQUESTS) and "gateway" in topic.writers
        for message in topic.messages
    } - of_the_payroll_worker

    assert response_builder(MemoryModels(), persons(), allowances).command_types == submitted
