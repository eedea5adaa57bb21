"""The public statistics of the running system: without a token, as JSON, CSV and a catalogue."""

from __future__ import annotations

from tests.integration.scene import TODAY, World, accepted
from tests.waiting import eventually

PUBLISHED_WITHIN = 180.0  # the job looks for a month that has ended once a minute


async def test_anyone_reads_the_statistics_of_the_months_that_have_ended(world: World) -> None:
    world.job().report()
    anyone = world.employer().without_token()

    async def years() -> list[int]:
        return list(accepted(anyone.get("/v1/statistics"), 200)["years"])

    assert TODAY.year in await eventually(years, within=PUBLISHED_WITHIN, what="a publication")
    year = accepted(anyone.get(f"/v1/statistics/{TODAY.year}"), 200)
    assert year["year"] == TODAY.year
    assert year["months"]
    table = accepted(anyone.get(f"/v1/statistics/{TODAY.year}/csv"), 200)
    assert table.content.startswith("\ufeff".encode())
    catalog = accepted(anyone.get("/v1/statistics/catalog"), 200)
    assert f"/v1/statistics/{TODAY.year}/csv" in catalog.content.decode()
