"""The checker of jobs over documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from frikort_contracts.topics import AUTHORITY_SKAT, AUTHORITY_STAR, EXPORTS_JOBS

from services.runtime.processing.jobs import message_id
from tests.simulation.environment import Environment
from tests.simulation.jobs import SimJobs
from tests.simulation.topic_reader import Message, invariant, states


def check_jobs(jobs: SimJobs, messages: Sequence[Message]) -> int:
    """Check that each job sent one message to every document that it selects. Returns the number of jobs."""
    sent = {message.id for message in messages}
    for job in jobs.jobs.values():
        invariant(job.status == "done", f"the job {job.job_id} is {job.status} after all work has finished")
        for name in jobs.documents_at_start[job.job_id]:
            wanted = message_id(job.job_id, name)
            invariant(str(wanted) in sent, f"the job {job.job_id} sent no message for {name}")
            invariant(
                str(wanted) in jobs.documents.read_whole(name).applied, f"{name} has not applied the message of the job"
            )
    return len(jobs.jobs)


def check_runs(environment: Environment, last_run: str) -> Counter[str]:
    """Check that every reconciliation is completed and found no difference, and that the last one compared all cards.

    The last one ran after all work had finished, so no figures can have changed between its counts.
    """
    counts: Counter[str] = Counter()
    runs = {run.run_id: run for run in states(environment.database("exports", "reconciliations"))}
    for job_id in environment.reconciliations.jobs:
        run = runs.get(str(job_id))
        invariant(run is not None and run.completed, f"the reconciliation {job_id} is not completed: {run}")
        differing = [(one.card_id, one.year, one.figures) for one in run.differing] if run else []
        invariant(not differing, f"the reconciliation {job_id} found differences: {differing}")
        counts["reconciliations completed"] += 1
    cards = list(states(environment.database("issuance", "cards")))
    result = runs[last_run]
    invariant(result.cards == len(cards), f"the last reconciliation compared {result.cards} of {len(cards)} cards")
    invariant(not result.undecided, f"the last reconciliation could not decide {result.undecided} card years")
    counts["card years compared"] += result.years
    return counts


def check_statements(published: Mapping[str, Sequence[Message]]) -> Counter[str]:
    """Check that the jobs of exports published the statements again, once and unchanged."""
    counts: Counter[str] = Counter()
    messages = {message.id for message in published[EXPORTS_JOBS.name]}
    for topic in (AUTHORITY_SKAT, AUTHORITY_STAR):
        before: dict[tuple[str, int], dict[str, Any]] = {}
        republished: set[tuple[str, str, int]] = set()
        for event in published[topic.name]:
            key = event.data["card_id"], event.data["year"]
            if event.cause in messages:
                invariant((event.cause, *key) not in republished, f"{key} was republished twice by one message")
                republished.add((event.cause, *key))
                content = {**event.data, "revision": 0}
                invariant(content == {**before[key], "revision": 0}, f"{key} was republished with another content")
                counts["statements republished"] += 1
            before[key] = event.data
    return counts
