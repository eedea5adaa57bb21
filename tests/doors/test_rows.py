"""Cases that one report does not show: repeated members, encodings, corrections, ownership, ages and filters."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest
from frikort_contracts.http.roles import Role

from services.gateway.auth import Caller
from tests.doors.doors import DOORS, Door, Entry, cells, json_body
from tests.doors.world import CPR, CVR, NUMBER, World
from tests.portals.site import FORM

FIRST: Final = date(2025, 1, 1)
JSON: Final = {"content-type": "application/json"}


@pytest.fixture
def employment(world: World) -> str:
    return world.employ(FIRST)


async def post(world: World, path: str, content: bytes, media_type: str = "application/json") -> httpx2.Response:
    return await world.api.post(path, content=content, headers={**world.headers, "content-type": media_type})


def problem(response: httpx2.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """The status, the code, and the pointer and code of each wrong field."""
    body = response.json()
    return response.status_code, body["code"], [(one["pointer"], one["code"]) for one in body.get("errors", ())]


class TestRepeatedMembers:
    REPEATED: Final = {
        "in an object in the body": ('"wage_ore": 750000', '"wage_ore": 1, "wage_ore": 750000', "/components/wage_ore"),
        "in the body": ('"reference"', '"reference": "x", "reference"', "/reference"),
        "spelt in two ways": ('"reference"', '"referenc\\u0065": "x", "reference"', "/reference"),
        "outside an object that is repeated": ('"work"', '"work": {"first": 1, "first": 2}, "work"', "/work"),
    }

    @pytest.mark.parametrize(("before", "after", "pointer"), REPEATED.values(), ids=REPEATED.keys())
    async def test_e3_a_repeated_member_is_refused_with_its_pointer(
        self, world: World, employment: str, before: str, after: str, pointer: str
    ) -> None:
        single = json.dumps(json_body(Entry(), employment_id=employment)).replace(before, after)
        line = json.dumps(json_body(Entry(), card_number=NUMBER)).replace(before, after)

        answer = await post(world, "/v1/reports", single.encode())
        sent = await world.send_file(line.encode(), "application/jsonl")

        assert problem(answer) == (422, "invalid-request", [(pointer, "repeated-field")])
        (found,) = await world.lines(sent.json()["batch_id"])
        assert [(error["pointer"], error["code"]) for error in found["errors"]] == [(pointer, "repeated-field")]
        assert world.services.commands == []


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
    async def test_e10_a_body_that_is_not_plain_utf_8_is_refused(
        self, world: World, employment: str, encoding: str
    ) -> None:
        body = json.dumps(json_body(Entry(reference="løn"), employment_id=employment), ensure_ascii=False)
        answer = await post(world, "/v1/reports", body.encode(encoding))

        assert problem(answer)[:2] == (400, "malformed-json")
        assert "UTF-8" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "media_type", ["application/vnd.frikort+json", "application/json; charset=utf-16", "text/json", ""]
    )
    async def test_e10_another_media_type_is_refused(self, world: World, employment: str, media_type: str) -> None:
        body = json.dumps(json_body(Entry(), employment_id=employment)).encode()
        answer = await post(world, "/v1/reports", body, media_type)

        assert problem(answer)[:2] == (415, "media-type-unsupported")
        assert "UTF-8" in answer.json()["detail"]

    async def test_e10_utf_8_may_be_named(self, world: World, employment: str) -> None:
        body = json.dumps(json_body(Entry(), employment_id=employment)).encode()
        assert (await post(world, "/v1/reports", body, "application/json; charset=UTF-8")).status_code == 201

    async def test_t9_a_file_of_an_older_danish_excel_is_read_and_says_so(self, world: World, employment: str) -> None:
        texts = cells(Entry(reference="Løn “æøå”"))
        content = f"{';'.join(texts)}\r\n{';'.join(texts.values())}\r\n".encode("windows-1252")

        sent = (await world.send_file(content, "text/csv")).json()
        await world.work(sent["batch_id"])  # the check
        page = await world.pages.get(f"/virksomhed/filer/{sent['batch_id']}")
        (line,) = await world.book(sent["batch_id"])

        assert sent["encoding"] == "windows-1252"
        assert "Windows-1252" in page.text
        assert (line["result"], line["reference"]) == ("accepted", "Løn “æøå”")

    @pytest.mark.parametrize("encoding", ["cp850", "mac-roman", "utf-16"])
    async def test_t9_a_file_in_another_encoding_is_refused(self, world: World, employment: str, encoding: str) -> None:
        texts = cells(Entry())
        sent = await world.send_file(f"{';'.join(texts)}\n{';'.join(texts.values())}".encode(encoding), "text/csv")
        assert problem(sent)[:2] == (422, "batch-not-utf8")

    async def test_t9_a_utf_8_file_with_one_other_line_is_refused(self, world: World, employment: str) -> None:
        texts = cells(Entry(reference="løn"))
        content = ";".join(texts).encode() + b"\n" + ";".join(texts.values()).encode("windows-1252")
        assert problem(await world.send_file(content, "text/csv"))[:2] == (422, "batch-not-utf8")


async def test_t10_a_spreadsheet_may_lose_the_leading_zero_of_a_card_number(world: World, employment: str) -> None:
    texts = cells(Entry(written={"Frikortnummer": NUMBER.lstrip("0")}))
    sent = await world.send_file(f"{';'.join(texts)}\n{';'.join(texts.values())}".encode(), "text/csv")
    (line,) = await world.book(sent.json()["batch_id"])
    assert line["result"] == "accepted"


async def test_t10_a_program_and_a_person_learn_that_the_zero_belongs_to_the_number(
    world: World, employment: str
) -> None:
    content = json.dumps(json_body(Entry(), card_number=NUMBER.lstrip("0"))).encode()
    sent = await world.send_file(content, "application/jsonl")
    (line,) = await world.lines(sent.json()["batch_id"])
    page = await world.pages.post("/virksomhed/indberet", data={**FORM, "card_number": NUMBER.lstrip("0")})

    assert [(one["code"], one["detail"]) for one in line["errors"]] == [
        ("not-a-card-number", "A card number has five digits, with the leading zero.")
    ]
    assert "Et frikortnummer er fem cifre, også med nul forrest." in page.text


class TestCorrections:
    async def correct(self, world: World, report: dict[str, Any], wage: int, **changes: Any) -> httpx2.Response:
        body = json_body(Entry(wage_ore=wage), reason="wrong-amount", **changes)
        for name in ("reference", "allow_duplicate"):
            del body[name]
        path = f"/v1/reports/{report['report_id']}/correction"
        return await post(world, path, json.dumps(body).encode())

    async def report(self, world: World, employment: str, entry: Entry | None = None) -> dict[str, Any]:
        body = json_body(entry or Entry(), employment_id=employment)
        answer = await post(world, "/v1/reports", json.dumps(body).encode())
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def test_e7_the_second_correction_of_one_revision_is_a_conflict_that_names_the_first(
        self, world: World, employment: str
    ) -> None:
        report = await self.report(world, employment)

        first = await self.correct(world, report, 600_000, revision=1)
        second = await self.correct(world, report, 500_000, revision=1)

        assert first.status_code == 200
        assert problem(second)[:2] == (409, "report-changed")
        assert second.json()["facts"]["revision"] == 2
        assert second.json()["earlier"]["total_ore"] == 600_000
        assert "6,000.00 kr." in second.json()["detail"]

    async def test_e7_a_withdrawal_of_a_revision_that_was_corrected_is_a_conflict(
        self, world: World, employment: str
    ) -> None:
        report = await self.report(world, employment)
        await self.correct(world, report, 600_000)

        path, body = f"/v1/reports/{report['report_id']}/withdrawal", {"reason": "not-paid", "revision": 1}
        answer = await post(world, path, json.dumps(body).encode())

        assert problem(answer)[:2] == (409, "report-changed")

    async def test_e7_a_page_that_shows_an_older_revision_does_not_undo_the_correction(
        self, world: World, employment: str
    ) -> None:
        report = await self.report(world, employment)
        await self.correct(world, report, 600_000)
        texts = {"components.wage_ore": "5.000,00", "reason": "wrong-amount", "revision": "1", "step": "send"}
        for name, day in (("work.first", "1 3 2025"), ("work.last", "31 3 2025"), ("payment_date", "31 3 2025")):
            texts |= {f"{name}-{part}": text for part, text in zip(("day", "month", "year"), day.split(), strict=True)}

        path = f"/virksomhed/indberetninger/{report['report_id']}/ret"
        page = await world.pages.post(path, data={**FORM, "key": str(uuid4()), **texts})

        assert page.status_code == 409
        assert "Indberetningen er ændret imens. Den er rettet og er nu på 6.000,00 kr." in page.text
        assert 'name="revision" value="2"' in page.text

    @pytest.mark.parametrize("changed", [{"wage": 600_000}, {"wage": 750_000, "payment_date": "2025-03-30"}])
    async def test_e8_an_old_file_says_that_a_report_was_corrected_since_and_what_it_says_now(
        self, world: World, employment: str, changed: dict[str, Any]
    ) -> None:
        content = json.dumps(json_body(Entry(), card_number=NUMBER)).encode()
        batch_id = (await world.send_file(content, "application/jsonl")).json()["batch_id"]
        (booked,) = await world.book(batch_id)
        body = json_body(Entry(wage_ore=changed.pop("wage")), reason="wrong-amount") | changed
        path = f"/v1/reports/{booked['report_id']}/correction"
        corrected = {
            name: body[name] for name in body if name not in {"reference", "allow_duplicate", "allow_large_amount"}
        }
        assert (await post(world, path, json.dumps(corrected).encode())).status_code == 200

        batch_id = (await world.send_file(content, "application/jsonl")).json()["batch_id"]
        (again,) = await world.book(batch_id)
        table = await world.api.get(f"/v1/report-batches/{batch_id}/result.csv", headers=world.headers)
        page = await world.pages.get(f"/virksomhed/filer/{batch_id}")

        now = body["components"]["wage_ore"]
        assert booked["corrected_since"] is False
        assert (again["result"], again["corrected_since"], again["reported_ore"]) == ("already_reported", True, now)
        assert again["split"] == {"exempt_ore": now, "excess_ore": 0, "provisional": False}
        assert "The report was corrected since. It is" in table.text
        assert "Indberetningen er rettet siden." in page.text

    async def test_e8_a_single_report_and_a_dry_run_say_so_too(self, world: World, employment: str) -> None:
        await self.correct(world, await self.report(world, employment), 600_000)
        body = json.dumps(json_body(Entry(), employment_id=employment)).encode()

        again = (await post(world, "/v1/reports", body)).json()
        tried = (await post(world, "/v1/reports/dry-run", body)).json()

        for answer in (again, tried):
            assert (answer["already_reported"], answer["corrected_since"]) == (True, True)
            assert answer["total_ore"] == 600_000

    async def test_e13_holiday_pay_alone_is_reported_in_the_year_after_the_employment(self, world: World) -> None:
        employment = world.employ(FIRST, date(2025, 12, 31))
        entry = Entry(
            work_first=date(2025, 12, 1),
            work_last=date(2025, 12, 31),
            payment_date=date(2026, 2, 10),
            wage_ore=0,
            holiday_pay_ore=93_750,
        )
        for number, (name, door) in enumerate(DOORS.items()):
            result = await door(world, employment, entry.changed(reference=f"r{number}", allow_duplicate=True))
            assert result.decision == "booked", name
        years = {(outcome.year, outcome.already_reported) for outcome in world.services.accepted}
        assert years == {(2026, False)}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_e9_a_token_that_names_the_citizen_as_an_owner_cannot_report(
    world: World, employment: str, door: Door
) -> None:
    world.sign_in(owners=[CPR])

    assert (await door(world, employment, Entry())).decision == "own-business"


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_e9_another_owner_can_report(world: World, employment: str, door: Door) -> None:
    world.sign_in(owners=["7505920102"])

    assert (await door(world, employment, Entry())).decision == "booked"


async def test_e9_an_owner_cannot_correct_but_can_withdraw(world: World, employment: str) -> None:
    await DOORS["api"](world, employment, Entry())
    report_id = world.services.outcomes[-1].report_id
    world.sign_in(owners=[CPR])
    correction = {name: json_body(Entry())[name] for name in ("work", "payment_date", "components")}

    corrected = await post(
        world, f"/v1/reports/{report_id}/correction", json.dumps({**correction, "reason": "other"}).encode()
    )
    withdrawn = await post(world, f"/v1/reports/{report_id}/withdrawal", b'{"reason": "other"}')

    assert problem(corrected)[:2] == (422, "own-business")
    assert withdrawn.status_code == 200
    assert CVR in withdrawn.text or withdrawn.json()["status"] == "withdrawn"


class TestReversedLines:
    async def lines(self, world: World, *entries: Entry) -> list[dict[str, Any]]:
        content = "\n".join(json.dumps(json_body(entry, card_number=NUMBER)) for entry in entries)
        sent = await world.send_file(content.encode(), "application/jsonl")
        return await world.lines(sent.json()["batch_id"])

    @pytest.mark.parametrize("door", [DOORS["danish csv"], DOORS["json lines"], DOORS["english csv"]])
    async def test_e14_a_negative_line_that_mirrors_an_accepted_report_is_offered_as_a_withdrawal(
        self, world: World, employment: str, door: Door
    ) -> None:
        await DOORS["api"](world, employment, Entry(holiday_pay_ore=100))
        report_id = world.services.outcomes[-1].report_id

        reversed_entry = Entry(reference="r2", wage_ore=-750_000, holiday_pay_ore=-100)
        result = await door(world, employment, reversed_entry)
        held = [batch for batch in world.gateway.batches.files if batch]
        (line,) = await world.lines(held[-1])
        page = await world.pages.get(f"/virksomhed/filer/{held[-1]}")

        assert result.decision == "/components/wage_ore"
        assert [error["code"] for error in line["errors"]] == ["reverses-report"]
        assert line["report_id"] == report_id
        assert f"/virksomhed/indberetninger/{report_id}/tilbagekald" in page.text

    @pytest.mark.parametrize("door", [DOORS["danish csv"], DOORS["json lines"], DOORS["english csv"]])
    async def test_e14_a_report_that_was_corrected_since_the_file_was_sent_is_not_offered_as_a_withdrawal(
        self, world: World, employment: str, door: Door
    ) -> None:
        await DOORS["api"](world, employment, Entry())
        path = f"/v1/reports/{world.services.outcomes[-1].report_id}"
        await door(world, employment, Entry(reference="r2", wage_ore=-750_000))
        (held,) = world.gateway.batches.files
        (line,) = await world.lines(held)
        before = await world.pages.get(f"/virksomhed/filer/{held}/tilbagekald")
        correction = {name: json_body(Entry(wage_ore=600_000))[name] for name in ("work", "payment_date", "components")}
        await post(world, f"{path}/correction", json.dumps({**correction, "reason": "wrong-amount"}).encode())

        after = await world.pages.get(f"/virksomhed/filer/{held}/tilbagekald")
        withdrawal = {"reason": "other", "revision": line["report_revision"]}
        withdrawn = await post(world, f"{path}/withdrawal", json.dumps(withdrawal).encode())

        assert "Træk 1 indberetning tilbage" in before.text
        assert "Træk 1 indberetning tilbage" not in after.text
        assert "Rettet, siden filen blev sendt" in after.text
        assert problem(withdrawn)[:2] == (409, "report-changed")

    @pytest.mark.parametrize(
        "entry",
        [
            Entry(wage_ore=-749_999),
            Entry(wage_ore=-750_000, work_first=date(2025, 3, 2)),
            Entry(wage_ore=-750_000, payment_date=date(2026, 1, 2)),
            Entry(wage_ore=-750_000, pension_ore=1),
        ],
    )
    async def test_e14_another_negative_line_says_how_to_correct(
        self, world: World, employment: str, entry: Entry
    ) -> None:
        await DOORS["api"](world, employment, Entry())

        (line,) = await self.lines(world, entry)

        assert [error["code"] for error in line["errors"]] == ["negative-amount"]
        assert "correct it or withdraw it" in line["errors"][0]["detail"]
        assert line["report_id"] is None

    async def test_e14_a_withdrawn_report_cannot_be_withdrawn_again(self, world: World, employment: str) -> None:
        await DOORS["api"](world, employment, Entry())
        report_id = world.services.outcomes[-1].report_id
        await post(world, f"/v1/reports/{report_id}/withdrawal", b'{"reason": "other"}')

        (line,) = await self.lines(world, Entry(wage_ore=-750_000))

        assert [error["code"] for error in line["errors"]] == ["negative-amount"]


async def test_e5_a_filter_by_day_means_the_danish_day(world: World, employment: str) -> None:
    """At 22:30 UTC in summer the next day has begun in Denmark."""
    for reference, wage in (("a", 4_000_000), ("b", 500_000)):
        await DOORS["api"](world, employment, Entry(reference=reference, wage_ore=wage))
    first, moved = (outcome.report_id for outcome in world.services.outcomes)
    world.clock.time = datetime(2026, 7, 1, 22, 30, 0, 500, tzinfo=UTC)
    correction = {name: json_body(Entry(wage_ore=100))[name] for name in ("work", "payment_date", "components")}
    content = json.dumps({**correction, "reason": "wrong-amount"}).encode()
    assert (await post(world, f"/v1/reports/{first}/correction", content)).status_code == 200

    found = {}
    for day in ("2026-07-01", "2026-07-02", "2026-07-03"):
        answer = await world.api.get("/v1/reports", params={"moved_since": day}, headers=world.headers)
        found[day] = [report["report_id"] for report in answer.json()["reports"]]

    assert found == {"2026-07-01": [moved], "2026-07-02": [moved], "2026-07-03": []}


class TestAdults:
    @pytest.mark.parametrize(
        ("cpr", "status"),
        [("6811084001", 202), ("6911084001", 422), ("6112174001", 422), ("7301364321", 422)],
        ids=["18 today", "18 tomorrow", "nine years old", "born in 2036"],
    )
    async def test_e11_a_card_is_issued_to_adults_only(self, world: World, cpr: str, status: int) -> None:
        world.clock.time = datetime(2026, 11, 8, 12, tzinfo=UTC)
        caller = Caller("issuer", "cases", "caseworker-1", Role.CASEWORKER, "101")
        world.gateway.callers[f"token of {Role.CASEWORKER}"] = caller
        headers = {**world.headers, "authorization": f"Bearer token of {Role.CASEWORKER}", "prefer": "wait=0"}
        body = {"cpr": cpr, "name": "Karla Eksempel", "case_reference": "S-1"}

        answer = await world.api.post("/v1/cards", json=body, headers=headers)

        if status == 202:
            assert answer.status_code == 202
            return
        world.site.sign_in(Role.CASEWORKER)
        page = await world.pages.post("/kommune/nyt-frikort", data={**FORM, **body, "step": "send"})
        assert problem(answer)[:2] == (422, "citizen-under-age")
        assert "Borgeren er ikke fyldt 18 år" in page.text


async def test_t5_the_page_asks_whether_an_unusual_amount_is_right(world: World, employment: str) -> None:
    texts = {"components.wage_ore": "1.000.000", "reference": "r"}
    for name, day in (("work.first", "1 3 2025"), ("work.last", "31 3 2025"), ("payment_date", "31 3 2025")):
        texts |= {f"{name}-{part}": text for part, text in zip(("day", "month", "year"), day.split(), strict=True)}
    path = f"/virksomhed/indberet/{employment}"

    asked = await world.pages.post(path, data={**FORM, **texts})
    confirmed = await world.pages.post(path, data={**FORM, **texts, "key": str(uuid4()), "allow_large_amount": "true"})

    assert asked.status_code == 422
    assert "Er beløbet rigtigt?" in asked.text
    assert 'name="allow_large_amount" value="true"' in asked.text
    assert confirmed.status_code == 200
    assert "1.000.000,00" in confirmed.text
