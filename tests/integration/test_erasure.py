"""An erased person opens nowhere; amounts and numbers stay."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from uuid import uuid4

from deploy.local.system import SERVICES
from services.runtime import exit_codes
from tests import agency
from tests.integration.scene import STARTED, Card, Client, World, accepted, employment_body, issue_body
from tests.operations import command
from tests.waiting import eventually

REASON = ("--by", "Bo", "--reason", "decision 7")


def erase(world: World, card: Card, *options: str) -> tuple[int, str]:
    return keys_command(world, "erase", card.id, *options, *REASON)


def keys_command(world: World, *arguments: str, given: str = "") -> tuple[int, str]:
    """Run the command with the settings of the API. Returns its exit code and its answer."""
    (gateway,) = (service for service in SERVICES if service.name == "gateway")
    environment = world.system.environment("gateway", gateway.settings)
    code, out, err = command.run(command.KEYS, arguments, environment, given)
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
    assert [entry["case_reference"] for entry in shown["history"]] == [None]
    assert accepted(job.employer.get(f"/v1/reports/{report['report_id']}"), 200)["reference"] is None
    again = job.employer.post("/v1/reports", job.body(123_400, reference=report["reference"]))
    assert (accepted(again, 200)["already_reported"], again["reference"]) == (True, None)
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


async def test_a_contact_person_is_erased_by_the_email_address(world: World) -> None:
    card, employer, key = world.card(), world.employer(), str(uuid4())
    contact = {"name": "Quintus Kontakt", "email": "quintus@example.dk", "phone": "+45 12 34 56 78"}
    body = employment_body(card, contact=contact)
    path = f"/v1/employments/{accepted(employer.post('/v1/employments', body, key=key), 201)['employment_id']}"
    job = world.job(employer=employer)
    accepted(
        employer.send(
            "PUT", job.path, {"period": {"first": STARTED}, "contact": contact | {"email": "another@example.dk"}}
        ),
        200,
    )

    def erase(email: str) -> tuple[int, str]:
        return keys_command(world, "erase-contact", employer.cvr, *REASON, given=email + "\n")

    assert await asyncio.to_thread(erase, "Quintus@Example.dk") == (
        exit_codes.DONE,
        f"a contact person of {employer.cvr} erased (1 sets of keys)\n",
    )

    async def is_erased_there() -> bool:
        return accepted(employer.get(path), 200)["contact"]["name"] is None

    await eventually(is_erased_there, what="the API knows that the contact person was erased")
    assert accepted(employer.get(job.path), 200)["contact"]["email"] == "another@example.dk"
    assert accepted(employer.post("/v1/employments", body, key=key), 201)["contact"] == dict.fromkeys(contact)
    (shown,) = accepted(card.caseworker.get(f"{card.path}/employments"), 200)["employments"]
    assert shown["contact"] == dict.fromkeys(contact)
    code, _ = await asyncio.to_thread(erase, contact["email"])
    assert code == exit_codes.NOT_DONE

    accepted(employer.send("PUT", path, {"period": body["period"], "contact": contact}), 200)
    assert accepted(employer.get(path), 200)["contact"] == contact


async def test_the_holder_of_a_mandate_is_erased_and_the_citizen_stays(world: World) -> None:
    card, holder = world.card(), world.citizen()
    mandate = card.mandate(holder)["mandate_id"]

    code, answer = await asyncio.to_thread(erase, world, card, "--mandate", mandate)
    assert (code, answer) == (exit_codes.DONE, f"{card.id} {mandate} erased (1 sets of keys)\n")

    async def is_erased_there() -> bool:
        (shown,) = accepted(card.owner.get("/v1/me/mandates"), 200)["mandates"]
        return shown["name"] is None

    await eventually(is_erased_there, what="the API knows that the holder was erased")
    assert accepted(card.caseworker.get(card.path), 200)["name"] == card.citizen.name
    assert await asyncio.to_thread(erase, world, card, "--mandate", "none") == (
        exit_codes.NOT_DONE,
        f"there is no {card.id} none\n",
    )


async def test_the_number_is_encrypted_again_for_the_agency_by_the_command(world: World) -> None:
    job = world.job()
    job.report(100_000)
    authority, key = world.authority("skat"), agency.private_key(world.system.keys.authority_private_keys)
    (before,) = await rows_of(world, authority, job.card)

    code, answer = await asyncio.to_thread(keys_command, world, "reencrypt-cpr", "--rate", "1000")
    assert (code, "cards sent to exports" in answer) == (exit_codes.DONE, True)

    async def is_new() -> dict[str, str] | None:
        (row,) = await rows_of(world, authority, job.card)
        return row if row["CPR (krypteret, JWE)"] != before["CPR (krypteret, JWE)"] else None

    after = await eventually(is_new, within=60, what="exports has encrypted the number again")
    assert agency.cpr_of(after["CPR (krypteret, JWE)"], key, job.card.id) == job.card.citizen.cpr
    assert int(after["Udgave"]) == int(before["Udgave"]) + 1
