"""Mandates: who may see the card, for how long, and that others learn nothing."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

from tests.integration.scene import ELSEWHERE, Card, Citizen, Client, Job, World, accepted, mandate_body, refused

PAGES = ("card", "balances", "employments", "reports", "warnings")


def holder_of(world: World, citizen: Citizen) -> Client:
    return world.client("citizen", cpr=citizen.cpr)


def represented(holder: Client) -> list[str]:
    """The mandates that the holder has today."""
    return [line["mandate_id"] for line in accepted(holder.get("/v1/represented"), 200)["represented"]]


def sees_nothing(holder: Client, mandate_id: str) -> None:
    """The same as for a mandate that never was."""
    for page in PAGES:
        found = refused(holder.get(f"/v1/represented/{mandate_id}/{page}"), 404, "mandate-unknown").body
        never = holder.get(f"/v1/represented/{uuid4()}/{page}").body
        assert found | {"instance": ""} == never | {"instance": ""}


def test_a_holder_without_a_card_sees_what_the_citizen_sees(world: World, job: Job) -> None:
    job.report(4_300_000)
    card, friend = job.card, world.citizen()
    given = card.mandate(friend)
    assert (given["name"], given["scope"], given["until"]) == (friend.name, "view", "2025-12-31")
    assert (given["status"], given["granted_by"], given["withdrawn_at"]) == ("active", "citizen", None)

    holder = holder_of(world, friend)
    assert accepted(holder.get("/v1/represented"), 200)["represented"] == [
        {"mandate_id": given["mandate_id"], "name": card.citizen.name, "scope": "view", "until": "2025-12-31"}
    ]
    for page in PAGES:
        theirs = accepted(holder.get(f"/v1/represented/{given['mandate_id']}/{page}"), 200)
        assert theirs.body == card.owner.get(f"/v1/me/{page}").body
    refused(holder.get("/v1/me/card"), 404, "card-unknown")


def test_citizen_and_holder_get_a_change_event_when_they_open_a_stream(world: World, job: Job) -> None:
    card, friend = job.card, world.citizen()
    mandate_id = card.mandate(friend)["mandate_id"]
    for listener, path in ((card.owner, "/v1/me"), (holder_of(world, friend), f"/v1/represented/{mandate_id}")):
        stream = accepted(listener.get(f"{path}/changes", seconds=1), 200)
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert b"event: changed" in stream.content


def test_a_mandate_to_view_does_not_allow_disputes(world: World, job: Job) -> None:
    report_id, friend = job.report()["report_id"], world.citizen()
    path = f"/v1/represented/{job.card.mandate(friend)['mandate_id']}/reports/{report_id}/dispute"
    holder = holder_of(world, friend)
    refused(holder.post(path, {"reason": "other"}), 403, "mandate-view-only")
    refused(holder.post(f"{path}/withdrawal", {}), 403, "mandate-view-only")
    assert job.card.report()["dispute"] is None


def test_a_mandate_expires_after_its_last_day(world: World) -> None:
    card, friend = world.card(), world.citizen()
    mandate_id, holder = card.mandate(friend, until="2025-10-02")["mandate_id"], holder_of(world, friend)
    world.on(date(2025, 10, 2), "21:00")
    assert represented(holder) == [mandate_id]
    world.on(date(2025, 10, 2), "22:30")  # in Denmark it is the next day
    assert represented(holder) == []
    sees_nothing(holder, mandate_id)
    (listed,) = accepted(card.owner.get("/v1/me/mandates"), 200)["mandates"]
    assert listed["status"] == "expired"
    refused(card.owner.post(f"/v1/me/mandates/{mandate_id}/withdrawal", {}), 409, "mandate-ended")


def test_a_withdrawn_mandate_gives_no_access(world: World) -> None:
    card, friend = world.card(), world.citizen()
    mandate_id, holder = card.mandate(friend)["mandate_id"], holder_of(world, friend)
    accepted(holder.get(f"/v1/represented/{mandate_id}/card"), 200)
    withdrawn = accepted(card.owner.post(f"/v1/me/mandates/{mandate_id}/withdrawal", {}), 200)
    assert withdrawn["status"] == "withdrawn"
    assert withdrawn["withdrawn_at"].startswith("2025-09-30T12:")
    sees_nothing(holder, mandate_id)


def test_a_mandate_gives_access_to_its_holder_only(world: World) -> None:
    card = world.card()
    mandate_id = card.mandate(world.citizen())["mandate_id"]
    for other in (world.card().owner, holder_of(world, world.citizen()), card.owner):
        assert represented(other) == []
        sees_nothing(other, mandate_id)


def test_a_caseworker_grants_and_withdraws_a_mandate_for_a_citizen_without_a_digital_id(world: World) -> None:
    card, friend = world.card(), world.citizen()
    body = mandate_body(friend, "represent")
    given = accepted(card.caseworker.post(f"{card.path}/mandates", body), 201)
    assert given["granted_by"] == "municipality"
    assert represented(holder_of(world, friend)) == [given["mandate_id"]]
    assert accepted(card.owner.get("/v1/me/mandates"), 200)["mandates"] == [given.body]
    assert accepted(card.caseworker.get(f"{card.path}/mandates"), 200)["mandates"] == [given.body]
    path = f"{card.path}/mandates/{given['mandate_id']}/withdrawal"
    other = world.caseworker(ELSEWHERE)
    refused(other.get(f"{card.path}/mandates"), 404, "card-unknown")
    refused(other.post(f"{card.path}/mandates", body), 404, "card-unknown")
    refused(other.post(path, {}), 404, "card-unknown")
    assert accepted(card.caseworker.post(path, {}), 200)["status"] == "withdrawn"
    events = [line["event"] for line in accepted(card.caseworker.get(card.path), 200)["history"]]
    assert events == ["issued", "mandate-granted", "mandate-withdrawn"]


def test_a_mandate_follows_the_card_to_another_municipality(world: World) -> None:
    card, friend = world.card(), world.citizen()
    mandate_id = card.mandate(friend)["mandate_id"]
    accepted(card.caseworker.post(f"{card.path}/hand-over", {"to_municipality": ELSEWHERE}), 200)
    assert represented(holder_of(world, friend)) == [mandate_id]
    new = world.caseworker(ELSEWHERE)
    assert accepted(new.post(f"{card.path}/mandates/{mandate_id}/withdrawal", {}), 200)["status"] == "withdrawn"


def test_an_invalid_mandate_is_refused(world: World) -> None:
    card: Card = world.card()
    owner, friend = card.owner, world.citizen()
    refused(owner.post("/v1/me/mandates", mandate_body(card.citizen)), 422, "mandate-to-self")
    early = refused(
        owner.post("/v1/me/mandates", mandate_body(friend, until="2025-09-29")), 422, "mandate-date-out-of-range"
    )
    assert early["facts"] == {"first_day": "2025-09-30", "last_day": "2030-09-30"}
    assert "30 September 2030" in early["detail"]
    late = owner.post("/v1/me/mandates", mandate_body(friend, until="2030-10-01"))
    refused(late, 422, "mandate-date-out-of-range")
    refused(owner.post(f"/v1/me/mandates/{uuid4()}/withdrawal", {}), 404, "mandate-unknown")
    assert accepted(owner.get("/v1/me/mandates"), 200)["mandates"] == []
