"""Extracts of the whole country, as exports makes them: of a year from its statements, of months from payments."""

from __future__ import annotations

from time import monotonic
from typing import Any, Final
from uuid import uuid4

import httpx2

from deploy.local import keys
from deploy.local.people import Person
from tests import tokens
from tests.bench.bench import Bench
from tests.bench.case import Case, Figures
from tests.bench.events import YEAR
from tests.bench.processes import peak_bytes
from tests.bench.system.rebuild import book, cards_of
from tests.bench.system.world import World, until, world

ROW: Final = "country"
RATE: Final = "cards/s"
_WITHIN: Final = 3_600.0
_REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "year": {"year": YEAR},
    "months": {"from": f"{YEAR}-01", "to": f"{YEAR}-12"},
}


async def country(bench: Bench) -> Figures:
    """For the tax agency, from the request to the last file."""
    cards, figures = cards_of(bench), dict[str, float]()
    async with world(bench, "country", cards=cards) as made:
        await book(made, bench.load.events)
        for name, body in _REQUESTS.items():
            seconds = await _extract(made, body)
            peak = peak_bytes(made.system.processes["exports"].pid) / 1e6
            figures |= {f"{RATE}, {name}": cards / seconds, f"s, {name}": seconds, f"MB, {name}": peak}
    return figures


async def _extract(made: World, body: dict[str, Any]) -> float:
    """The seconds until an extract is done."""
    authority = Person.model_validate(
        {"id": "bench-authority", "role": "authority", "name": "-", "about": "invented", "authority": "skat"}
    )
    token = tokens.issue(keys.signing_key(made.system.keys.provider_key), authority, issuer=made.system.provider_url)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
    async with httpx2.AsyncClient(base_url=made.system.gateway_url, headers=headers, timeout=120) as client:
        begun = monotonic()
        requested = (await client.post("/v1/extracts", json=body)).raise_for_status().json()
        path = f"/v1/extracts/{requested['extract_id']}"

        async def is_done() -> bool:
            return bool((await client.get(path)).raise_for_status().json()["status"] == "done")

        ended = await until("the extract", is_done, _WITHIN)
        rows = (await client.get(path)).json()["manifest"]["count"]
        if rows != len(made.employments):  # all payments of a card are in one month
            raise RuntimeError(f"the extract has {rows} rows")
        return ended - begun


CASES: Final = (Case("country", ROW, country),)
