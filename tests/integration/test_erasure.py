"""An erased person opens nowhere; amounts and numbers stay."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from uuid import uuid4

from deploy.local.system import SERVICES
from services.runtime import exit_codes
from tests.integration.scene import Card, Client, World, accepted, issue_body
from tests.operations import command
from tests.waiting import eventually

REASON = ("--by", "Bo", "--reason", "decision 7")


def erase(world: World, card: Card) -> tuple[int, str]:
    """Run the command with the settings of the API. Returns its exit code and its answer."""
    (gateway,) = (service for service in SERVICES if service.name == "gateway")
    environment = world.system.environment("gateway", gateway.settings)
    code, out, err = command.run(command.KEYS, ("erase", card.id, *REASON), environment)
    return code, out or err


async def is_erased(card: Card) -> bool:
    return accepted(card.caseworker.get(card.path), 200)["name"] is None


async def rows_of(world: World, authority: Client, card: Card) -> list[dict[str, str]]:
    """The rows of a card in a new extract."""
    extract = accepted(authority.post("/v1/extracts", {"year": 2025}), 201)

    async def files() -> list[dict[str, str]] | None:
        answer = accepted(authority.get(f"/v1/extracts/{extract['extract_id']}"), 200)
        return answer["manifest"]["files"] if answer["status"] == "done" else None

    made = await eventually(files, within=60, what="the extract")
    (address,) = (file["href"] for file in made if file["format"] == "csv")
    text = accepted(authority.get(address), 200).content.decode("utf-8-sig")
    return [row for row in csv.DictReader(io.StringIO(text), delimiter=";") if row["Kort-id"] == card.id]


async def test_an_erased_person_opens_nowhere_and_amounts_stay(world: World) -> None:
    citizen, key = world.citizen(), str(uuid4())
    card = world.card(citizen)
    job = world.job(card)
    report = job.report(123_400)
    dispute = {"reason": "wrong-amount", "message": f"Jeg hedder {citizen.name}"}
    accepted(card.owner.post(f"/v1/me/reports/{report['report_id']}/dispute", dispute, key=key), 200)
    authority = world.authority("skat")
    (before,) = await rows_of(world, authority, card)
    assert before["CPR (krypteret, JWE)"]

    code, answer = await asyncio.to_thread(erase, world, card)
    assert (code, answer) == (exit_codes.DONE, f"{card.id} erased (1 sets of keys)\n")

    await eventually(lambda: is_erased(card), what="the API knows that the person was erased")
    shown = accepted(card.caseworker.get(card.path), 200)
    assert (shown["cpr"], shown["name"], shown["number"]) == (None, None, card.number)
    views = {name: json.dumps(view, ensure_ascii=False) for name, view in job.all_views().items()}
    replayed = accepted(card.owner.post(f"/v1/me/reports/{report['report_id']}/dispute", dispute, key=key), 200)
    for view in (*views.values(), json.dumps(replayed.body, ensure_ascii=False)):
        assert citizen.name not in view
        assert citizen.cpr not in view
    assert card.balance()["reported_ore"] == 123_400

    async def without_cpr() -> dict[str, str] | None:
        (row,) = await rows_of(world, authority, card)
        return row if not row["CPR (krypteret, JWE)"] else None

    after = await eventually(without_cpr, within=60, what="exports has forgotten the person")
    assert after["Indberettet (kr.)"] == before["Indberettet (kr.)"]
    again = card.caseworker.post("/v1/cards", issue_body(citizen))
    assert (again.status, again.problem) == (409, "card-exists")
