"""A report is one trace through all services. Its id is the correlation id of the response, the log and the records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import httpx2
import pytest

from services.runtime.tracing import conventions
from tests.integration.scene import Job, World
from tests.tracing import ReceivedSpan, Receiver
from tests.waiting import eventually

ACCEPTED: Final = (
    ("frikort-gateway", "POST /v1/reports"),
    ("frikort-gateway", "send frikort.reporting.commands.v1"),
    ("frikort-reporting", "process frikort.reporting.commands.v1"),
    ("frikort-reporting", "send frikort.earnings.v1"),
)
"""A report, from its request to the event. Each span is the parent of the next."""
SETTLED: Final = (
    *ACCEPTED,
    ("frikort-balance", "process frikort.earnings.v1"),
    ("frikort-balance", "send frikort.balances.v1"),
)
SHOWN: Final = (*SETTLED, ("frikort-gateway-projections", "process frikort.balances.v1"))
FEED: Final = ("frikort-exports", "send frikort.authority.skat.v1")
# The statement is complete with the later of two events.
FED: Final = {
    (*SETTLED, ("frikort-exports", "process frikort.balances.v1"), FEED),
    (*ACCEPTED, ("frikort-exports", "process frikort.earnings.v1"), FEED),
}
Steps = tuple[tuple[str, str], ...]


def paths(spans: Sequence[ReceivedSpan], trace: str) -> set[Steps]:
    """The services and names from the first span of a trace to each of its spans, as far as they have arrived."""
    by_id = {span.id: span for span in spans if span.trace == trace}
    found = set()
    for span in by_id.values():
        path = [span]
        while path[0].parent in by_id:
            path.insert(0, by_id[path[0].parent])
        if not path[0].parent:
            found.add(tuple((one.service, one.name) for one in path))
    return found


async def arrived(traces: Receiver, trace: str, *expected: Steps) -> Sequence[ReceivedSpan]:
    """The spans of a trace, when one of the ``expected`` paths is complete. Each process sends its spans by itself."""

    async def found() -> Sequence[ReceivedSpan]:
        spans = traces.spans(trace)
        return spans if paths(spans, trace) & {*expected} else []

    return await eventually(found, what=f"one of {expected} in {paths(traces.spans(trace), trace)}")


async def test_a_report_is_followed_through_all_services_by_its_correlation_id(job: Job, traces: Receiver) -> None:
    trace = UUID(job.report().headers["correlation-id"]).hex
    await arrived(traces, trace, SHOWN)
    await arrived(traces, trace, *FED)


async def test_the_records_and_the_log_of_a_report_have_the_correlation_id_of_its_response(
    world: World, job: Job, traces: Receiver
) -> None:
    correlation = job.report().headers["correlation-id"]
    spans = await arrived(traces, UUID(correlation).hex, *FED)
    ids = {
        span.attributes[conventions.CORRELATION_ID] for span in spans if conventions.CORRELATION_ID in span.attributes
    }
    assert ids == {correlation}
    log = (world.system.config.data / "logs" / "gateway.log").read_text().splitlines()
    (line,) = (json.loads(line) for line in log if correlation in line and "gateway.request" in line)
    assert (line["correlation_id"], line["route"]) == (correlation, "/v1/reports")


async def test_the_batches_of_a_report_link_to_it_and_have_the_commands_to_the_database(
    job: Job, traces: Receiver
) -> None:
    trace = UUID(job.report().headers["correlation-id"]).hex

    async def services_that_stored() -> bool:
        batches = [span for span in traces.spans(trace) if span.name.startswith("process_batch")]
        commands: dict[str, set[str]] = {batch.service: set() for batch in batches}
        for batch in batches:
            commands[batch.service] |= {span.attributes[conventions.DB_OPERATION] for span in traces.children(batch)}
        return len(commands) == 4 and all(some & {"insert", "update"} for some in commands.values())

    await eventually(services_that_stored, what="reporting, balance, exports and the projections stored it")


async def test_a_page_and_the_calls_for_it_are_one_trace(world: World, traces: Receiver) -> None:
    async with httpx2.AsyncClient(base_url=world.system.portals_url) as browser:
        page = await browser.get("/vejledning/borger")
    steps = (
        ("frikort-portals", "GET /vejledning/borger"),
        ("frikort-portals", "GET"),
        ("frikort-gateway", "GET /v1/allowances"),
    )
    await arrived(traces, UUID(page.headers["correlation-id"]).hex, steps)


@pytest.mark.last
def test_spans_have_the_attributes_of_the_table_and_no_others(traces: Receiver) -> None:
    table = {value for name, value in vars(conventions).items() if name.isupper()}
    assert traces.attribute_names() <= table
