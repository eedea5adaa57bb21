"""Claims on extracts, on a real MongoDB."""

from __future__ import annotations

import asyncio

import pytest
from frikort_contracts.extract_files import ExtractKind, ExtractMade
from frikort_contracts.outcomes import CommandAccepted

from services.exports.extracts.requests import EXTRACT_FILES
from services.runtime.mongo.lease import LeaseLost
from tests.exports.harness import Exports

LONG = 60.0
EXPIRED = 0.0  # a lease that expires at once, as if its worker had died


def manifest_of(extract_id: str, attempt: int) -> ExtractMade:
    return ExtractMade(
        extract_id=extract_id,
        attempt=attempt,
        kind=ExtractKind.TAX_YEAR,
        year=2025,
        positions=(),
        provisional=False,
        count=1,
        reported=10**15,
        exempt=10**15,
        excess=0,
        files=(),
    )


async def test_a_request_is_accepted_and_available(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)

    (accepted,) = exports.outcomes.events()
    assert isinstance(accepted, CommandAccepted)
    assert accepted.year == 2025
    assert not accepted.already_reported
    assert [request.extract_id for request in await exports.queue().available()] == [extract_id]


async def test_a_second_request_with_the_same_id_changes_nothing(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)
    await exports.request(ExtractKind.FOLLOW_UP, extract_id=extract_id)

    assert [event.already_reported for event in exports.outcomes.events()] == [False, True]
    assert (await exports.state(extract_id)).kind is ExtractKind.TAX_YEAR


async def test_one_of_many_workers_gets_the_claim(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)

    claims = await asyncio.gather(*(exports.queue().claim(extract_id) for _ in range(10)))

    assert [claim.attempt for claim in claims if claim is not None] == [1]
    assert await exports.queue().available() == []


async def test_an_expired_lease_allows_another_attempt_and_fences_the_first(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)
    zombie = await exports.claim(extract_id, lease=EXPIRED)
    second = await exports.claim(extract_id, lease=LONG)

    assert (zombie.attempt, second.attempt) == (1, 2)
    queue = exports.queue()
    for late in (
        queue.renew(zombie),
        queue.postpone(zombie, seconds=0),
        queue.store_manifest(zombie, manifest_of(extract_id, 1)),
        queue.finish(zombie),
    ):
        with pytest.raises(LeaseLost):
            await late
    state = await exports.state(extract_id)
    assert (state.attempt, state.made, state.done) == (2, None, False)


async def test_a_renewed_lease_prevents_other_claims(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)
    claimed = await exports.claim(extract_id, lease=EXPIRED)
    await exports.queue(lease=LONG).renew(claimed)
    assert await exports.queue().claim(extract_id) is None


async def test_a_postponed_extract_is_available_after_its_pause(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)
    claimed = await exports.claim(extract_id)

    await exports.queue().postpone(claimed, seconds=LONG)
    assert await exports.queue().claim(extract_id) is None

    await exports.queue().postpone(claimed, seconds=0)
    assert (await exports.claim(extract_id)).attempt == 2


async def test_a_stored_manifest_is_kept_for_the_next_attempt(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)
    claimed = await exports.claim(extract_id)
    await exports.queue(lease=EXPIRED).store_manifest(claimed, manifest_of(extract_id, 1))

    assert (await exports.claim(extract_id)).made == manifest_of(extract_id, 1)


async def test_a_finished_extract_is_never_claimed_again(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)
    await exports.queue().finish(await exports.claim(extract_id, lease=EXPIRED))
    assert await exports.queue().claim(extract_id) is None
    assert await exports.queue().available() == []


async def test_the_worker_and_the_runtime_do_not_overwrite_each_other(exports: Exports) -> None:
    extract_id = await exports.request(ExtractKind.TAX_YEAR)
    versions = exports.database[EXTRACT_FILES.name]
    version = (await versions.find_one({"_id": extract_id}) or {})["version"]

    claimed = await exports.claim(extract_id)
    await exports.queue().renew(claimed)
    assert (await versions.find_one({"_id": extract_id}) or {})["version"] == version + 2

    await exports.request(ExtractKind.TAX_YEAR, extract_id=extract_id)  # the runtime writes the document
    assert (await exports.state(extract_id)).attempt == claimed.attempt
