"""The audit log: which entries are recorded, how they are shown, and which reasons are valid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.audit import access_reason
from frikort_contracts.http.roles import Role
from frikort_contracts.values import Components, Period, WorkPeriod
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.audit import texts
from services.gateway.audit.actions import ACTIONS
from services.gateway.audit.extracts import extracts_with
from services.gateway.audit.log import NO_MATCH, Access, Span, of_card, of_person, of_year, query
from services.gateway.auth import Caller
from services.gateway.formats import Language
from services.gateway.ordering import stamp
from services.gateway.people.texts import Contact
from services.gateway.person_encryption import Person
from services.gateway.projections import cards
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.projections.reports import BookedView, ReportEntry, ReportView
from tests.gateway.build import CARD, CVR, NOON, after, card_view, issued, persons
from tests.gateway.memory import MemoryGateway, memory_gateway

CPR: Final = "7301854321"
OTHER_CPR: Final = "6101800101"
HASH: Final = persons().cpr_hash(CPR)
WHY: Final = {"access-reason": "sag 2025-0042"}


@pytest.fixture
async def world() -> MemoryGateway:
    """A gateway with a citizen who has a card in København, and its callers."""
    world = await memory_gateway()
    world.callers.update(
        home=Caller("issuer", "c", "worker-1", Role.CASEWORKER, "101"),
        elsewhere=Caller("issuer", "c", "worker-2", Role.CASEWORKER, "751"),
        employer=Caller("issuer", "c", "bookkeeper-1", Role.EMPLOYER, CVR),
        citizen=Caller("issuer", "c", "citizen-1", Role.CITIZEN, HASH),
        skat=Caller("issuer", "c", "analyst-1", Role.AUTHORITY, "skat"),
    )
    card = issued(person=persons().encrypt(Person(CPR, "Karla Eksempel"), CARD))
    world.models.put("cards", CARD, after(cards.PROJECTION, [card]))
    return world


async def ask(
    client: httpx2.AsyncClient,
    who: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[str, str] = WHY,
) -> httpx2.Response:
    given = {"authorization": f"Bearer {who}", "accept-language": "en", **WHY, **headers}
    return await client.request("GET" if body is None else "POST", path, json=body, headers=given)


def recorded(lines: Sequence[Access]) -> list[tuple[str, str, bool]]:
    return [(line.subject, line.action, line.refused) for line in lines]


class TestRecording:
    async def test_a_search_without_a_match_is_recorded_for_the_person_searched(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        assert (await ask(client, "home", "/v1/cards/search", {"cpr": OTHER_CPR})).status_code == 404
        assert recorded(world.accesses.take()) == [(of_person(persons().cpr_hash(OTHER_CPR)), "search", True)]

    async def test_a_search_for_an_unused_number_is_recorded_without_a_person(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        assert (await ask(client, "home", "/v1/cards/search", {"number": "54321"})).status_code == 404
        assert recorded(world.accesses.take()) == [(NO_MATCH, "search", True)]

    async def test_an_attempt_of_another_municipality_is_recorded_as_refused(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        for path, body in ((f"/v1/cards/{CARD}", None), ("/v1/cards/search", {"cpr": CPR})):
            assert (await ask(client, "elsewhere", path, body)).status_code == 404
        assert recorded(world.accesses.take()) == [(of_card(CARD), "read-card", True), (of_card(CARD), "search", True)]

    async def test_a_wrong_birth_date_is_recorded_as_refused(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        body = {
            "card_number": "12345",
            "birth_date": "1985-01-14",
            "period": {"first": "2025-01-06"},
            "contact": {"name": "Bo", "email": "bo@example.dk", "phone": "12345678"},
        }
        refused = await ask(client, "employer", "/v1/employments", body, headers={"idempotency-key": "k"})
        assert refused.json()["type"] == "/problems/number-or-birth-date-wrong"
        assert recorded(world.accesses.take()) == [(of_card(CARD), "register-employment", True)]

    async def test_a_list_records_only_the_persons_on_its_page(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        for number in range(3):
            world.models.put("employments", f"e{number}", employment(f"e{number}", f"card-{number}"))
        page = (await ask(client, "employer", "/v1/employments?limit=2")).json()
        assert len(page["employments"]) == 2
        assert recorded(world.accesses.take()) == [
            ("card:card-0", "read-employments", False),
            ("card:card-1", "read-employments", False),
        ]

    async def test_a_repeated_command_is_recorded_as_reading_its_outcome(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        for _ in range(2):
            assert (await self.deactivate(client)).status_code == 202
        assert [(line.action, line.refused, line.reason) for line in world.accesses.take()] == [
            ("deactivate-card", False, "S-7"),
            ("read-outcome", False, "S-7"),
        ]

    async def test_a_command_that_could_not_be_recorded_is_recorded_when_it_is_sent_again(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        world.accesses.unreachable = True
        assert (await self.deactivate(client)).status_code == 503
        assert world.producer.records == []
        world.accesses.unreachable = False
        assert (await self.deactivate(client)).status_code == 202
        assert len(world.producer.records) == 1
        assert [line.action for line in world.accesses.take()] == ["deactivate-card", "read-outcome"]

    async def deactivate(self, client: httpx2.AsyncClient) -> httpx2.Response:
        headers = {"idempotency-key": "k", "prefer": "wait=0"}
        return await ask(client, "home", f"/v1/cards/{CARD}/deactivation", {"case_reference": "S-7"}, headers=headers)

    async def test_a_command_is_shown_with_its_outcome_once_there_is_one(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        await self.deactivate(client)
        (entry,) = world.accesses.lines.values()
        shown = "Københavns Kommune, caseworker deactivated your card"
        assert await self.first_line(client) == (f"{shown} (attempted; the result is not known)", True, False)

        for problem, suffix in ((None, ""), ("card-already-deactivated", " (nothing was shown or changed)")):
            outcome = OutcomeView(command_id=str(entry.command), at=NOON, card_id=CARD, problem=problem)
            world.models.put("outcomes", outcome.command_id, outcome)
            assert await self.first_line(client) == (shown + suffix, False, problem is not None)

    async def first_line(self, client: httpx2.AsyncClient) -> tuple[str, bool, bool]:
        (line,) = (await ask(client, "citizen", "/v1/me/accesses?own=false")).json()["accesses"]
        return f"{line['by']} {line['description']}", line["attempted"], line["refused"]

    async def test_an_issued_card_is_recorded_once_for_its_person(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        body = {"cpr": OTHER_CPR, "name": "Bo", "case_reference": "S-1"}
        await ask(client, "home", "/v1/cards", body, headers={"idempotency-key": "k", "prefer": "wait=0"})
        assert recorded(world.accesses.take()) == [(of_person(persons().cpr_hash(OTHER_CPR)), "issue-card", False)]

    async def test_a_request_without_a_reason_is_not_recorded(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        for reason, code in ((None, "missing"), ("", "invalid"), (f"om {CPR}", "invalid")):
            headers = {"authorization": "Bearer home"} | ({} if reason is None else {"access-reason": reason})
            refused = await client.get(f"/v1/cards/{CARD}", headers=headers)
            assert (refused.status_code, refused.json()["type"]) == (422, f"/problems/access-reason-{code}")
            assert CPR not in refused.text
        assert world.accesses.take() == []


class TestReading:
    async def test_entries_are_sentences_with_their_reason_newest_first(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        await ask(client, "home", "/v1/cards/search", {"cpr": CPR})
        await ask(client, "home", f"/v1/cards/{CARD}/balances", headers={"access-reason": "kontrol"})
        await ask(client, "elsewhere", f"/v1/cards/{CARD}")

        danish = (await ask(client, "citizen", "/v1/me/accesses", headers={"accept-language": "da"})).json()["accesses"]

        assert [(line["by"], line["description"], line["reason"]) for line in danish] == [
            (
                "Aarhus Kommune, sagsbehandler",
                "har set dit frikort (intet blev vist eller ændret)",
                WHY["access-reason"],
            ),
            (
                "Københavns Kommune, sagsbehandler",
                "har set, hvad der er indberettet og er tilbage på dit frikort",
                "kontrol",
            ),
            ("Københavns Kommune, sagsbehandler", "har søgt efter dig", "sag 2025-0042"),
        ]
        assert [line["kind"] for line in danish] == ["read", "read", "search"]
        assert "worker-1" not in str(danish)

    async def test_own_accesses_can_be_excluded(self, world: MemoryGateway, client: httpx2.AsyncClient) -> None:
        await ask(client, "citizen", "/v1/me/card")
        await ask(client, "home", f"/v1/cards/{CARD}")

        everything = (await ask(client, "citizen", "/v1/me/accesses")).json()["accesses"]
        of_others = (await ask(client, "citizen", "/v1/me/accesses?own=false")).json()["accesses"]

        assert [(line["by"], line["own"]) for line in everything] == [
            ("Københavns Kommune, caseworker", False),
            ("You yourself", True),
        ]
        assert [line["by"] for line in of_others] == ["Københavns Kommune, caseworker"]

    async def test_all_pages_together_are_the_whole_list(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        for number in range(5):
            await ask(client, "home", f"/v1/cards/{CARD}", headers={"access-reason": f"sag {number}"})
        seen, cursor = [], ""
        while cursor is not None:
            page = (await ask(client, "citizen", f"/v1/me/accesses?own=false&limit=2&cursor={cursor}")).json()
            seen += [line["reason"] for line in page["accesses"]]
            cursor = page["next"]
        assert seen == ["sag 4", "sag 3", "sag 2", "sag 1", "sag 0"]

    async def test_a_person_without_a_card_can_read_who_searched_for_them(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        world.callers["other"] = Caller("issuer", "c", "citizen-2", Role.CITIZEN, persons().cpr_hash(OTHER_CPR))
        await ask(client, "home", "/v1/cards/search", {"cpr": OTHER_CPR})
        lines = (await ask(client, "other", "/v1/me/accesses?own=false")).json()["accesses"]
        assert [line["description"] for line in lines] == ["searched for you (nothing was shown or changed)"]

    async def test_the_responsible_municipality_can_read_the_log_of_a_citizen(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        await ask(client, "home", f"/v1/cards/{CARD}")
        lines = (await ask(client, "home", f"/v1/cards/{CARD}/accesses")).json()["accesses"]
        assert [line["action"] for line in lines] == ["read-card"]
        assert (await ask(client, "elsewhere", f"/v1/cards/{CARD}/accesses")).status_code == 404

    async def test_an_extract_is_shown_only_to_citizens_with_earnings_in_its_year(
        self, world: MemoryGateway, client: httpx2.AsyncClient
    ) -> None:
        world.models.put("reports", "r", report("r", [(NOON, 100)]))
        for year, municipality in ((2025, None), (2025, "101"), (2025, "751"), (2024, None)):
            body = {"year": year} | ({"municipality": municipality} if municipality else {})
            headers = {"idempotency-key": f"{year}-{municipality}", "prefer": "wait=0"}
            assert (await ask(client, "skat", "/v1/extracts", body, headers=headers)).status_code == 202
            assert (await ask(client, "skat", "/v1/extracts", body, headers=headers)).status_code == 202
        lines = (await ask(client, "citizen", "/v1/me/accesses?own=false")).json()["accesses"]
        assert [(line["by"], line["description"], line["kind"]) for line in lines] == 2 * [
            (
                "The Danish Tax Agency",
                "drew an extract that your card is part of, of 2025 (attempted; the result is not known)",
                "extract",
            )
        ]

    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize("code", sorted(ACTIONS))
    def test_every_line_is_a_sentence_in_both_languages(self, code: str, language: Language) -> None:
        for role, organisation in (
            (Role.CASEWORKER, "400"),
            (Role.EMPLOYER, CVR),
            (Role.AUTHORITY, "star"),
            (Role.CITIZEN, "x"),
        ):
            (line,) = texts.page([access(role=role, organisation=organisation, action=code)], None, language).accesses
            assert line.by
            assert line.description == ACTIONS[code].in_language(language)

    @pytest.mark.parametrize("language", Language)
    @pytest.mark.parametrize("code", sorted(ACTIONS))
    def test_a_caseworker_reads_of_the_citizen_in_the_third_person(self, code: str, language: Language) -> None:
        """D10: no text addresses the caseworker as if they were the citizen."""
        (line,) = texts.page([access(action=code)], None, language, reader=Role.CASEWORKER).accesses
        assert not re.search(r"\b(du|dig|din|dit|dine|you|your)\b", f"{line.by} {line.description}", re.IGNORECASE)

    @pytest.mark.parametrize(
        ("own", "who"), [(True, "Borgeren selv"), (False, "En person, som borgeren har givet fuldmagt")]
    )
    def test_a_caseworker_reads_who_the_citizen_and_the_mandate_holder_are(self, *, own: bool, who: str) -> None:
        (line,) = texts.page(
            [access(role=Role.CITIZEN, own=own)], None, Language.DANISH, reader=Role.CASEWORKER
        ).accesses
        assert line.by == who

    def test_a_caseworker_reads_about_the_citizens_card(self) -> None:
        (line,) = texts.page([access(action="read-card")], None, Language.DANISH, reader=Role.CASEWORKER).accesses
        assert line.description.startswith("har set borgerens frikort")

    def test_a_citizen_who_reads_the_data_of_another_is_a_mandate_holder(self) -> None:
        (line,) = texts.page([access(role=Role.CITIZEN, own=False)], None, Language.DANISH).accesses
        assert line.by == "En person, som du har givet fuldmagt"


class TestReasons:
    @pytest.mark.parametrize("text", ["sag", "Opfølgning på sag 2025-0042", "x" * 200, "  to  ord "])
    def test_a_reason_is_one_line_of_text(self, text: str) -> None:
        for encoding in ("utf-8", "latin-1"):
            assert access_reason(text.encode(encoding).decode("latin-1")) == " ".join(text.split())

    @pytest.mark.parametrize("text", ["", "ab", "   a  ", "x" * 201, "a\x00bcd", f"om {CPR}", f"{CPR[:6]}-{CPR[6:]}"])
    def test_an_invalid_reason_is_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"^(not a reason of 3 to 200 characters|must not contain a CPR number)$"):
            access_reason(text)


DAYS: Final = st.integers(0, 9).map(lambda day: NOON + timedelta(days=day))
HISTORIES: Final = st.lists(st.tuples(DAYS, st.sampled_from([0, 5, 10])), min_size=1, max_size=4).map(sorted)


class TestExtracts:
    @given(
        st.lists(HISTORIES, max_size=3),
        st.lists(st.tuples(DAYS, st.sampled_from(["101", "751"])), min_size=1, max_size=4).map(sorted),
        st.integers(-1, 11).map(lambda day: NOON + timedelta(days=day, hours=1)),
        st.sampled_from([None, "101", "751"]),
    )
    def test_a_card_is_in_an_extract_if_it_had_earnings_and_that_municipality_at_the_time(
        self,
        histories: list[list[tuple[datetime, int]]],
        moves: list[tuple[datetime, str]],
        drawn: datetime,
        municipality: str | None,
    ) -> None:
        card = card_view(*moves)
        reports = [report(str(number), history) for number, history in enumerate(histories)]

        spans = extracts_with(card, reports)

        earned = sum(next((amount for at, amount in reversed(h) if at <= drawn), 0) for h in histories)
        home = next((code for at, code in reversed(moves) if at <= drawn), None)
        expected = earned > 0 and (municipality is None or municipality == home)
        found = [s for s in spans if s.subject == of_year(2025, municipality) and s.since <= stamp(drawn) < s.until]
        assert len(found) == expected

    def test_a_card_is_in_the_extracts_of_an_employer_while_its_reports_count(self) -> None:
        until = NOON + timedelta(days=3)
        card = card_view((NOON, "101"))
        own = report("1", [(NOON, 5), (until, 0)])

        spans = [span for span in extracts_with(card, [own]) if span.subject == of_year(2025, own.cvr)]

        assert spans == [Span(of_year(2025, own.cvr), stamp(NOON), stamp(until))]


def test_each_branch_of_the_query_is_one_range_of_the_index() -> None:
    spans = [Span("card:1"), Span("year:2025", "2025", "2026")]
    assert query(spans, own=False, before=None)["$or"] == [
        {"subject": "card:1", "own": False, "_id": {"$gte": "", "$lt": "9999"}},
        {"subject": "year:2025", "own": False, "_id": {"$gte": "2025", "$lt": "2026"}},
    ]
    assert len(query(spans, own=True, before=None)["$or"]) == 4


def access(**changes: Any) -> Access:
    given: dict[str, Any] = {
        "order": f"{stamp(NOON)}|1",
        "subject": of_card(CARD),
        "own": False,
        "action": "read-card",
        "refused": False,
        "role": Role.CASEWORKER,
        "organisation": "101",
        "actor": "a",
        "reason": None,
        "request": "r",
    }
    return Access(**given | changes)


def employment(employment_id: str, card_id: str) -> EmploymentView:
    return EmploymentView(
        employment_id=employment_id,
        card_id=card_id,
        revision=1,
        cvr=CVR,
        period=Period(first=date(2025, 1, 1)),
        contact=persons().encrypt_contact(Contact("Bo", "bo@example.dk", "12345678"), card_id, CVR),
        registered_at=NOON,
        order=employment_id,
    )


def report(report_id: str, history: Sequence[tuple[datetime, int]]) -> ReportView:
    """A report of 2025 with these totals, one after the other; 0 is a withdrawal."""
    return ReportView(
        report_id=report_id,
        card_id=CARD,
        employment_id="e",
        cvr=CVR,
        year=2025,
        history=[
            ReportEntry(revision=n, event="reported", at=at, booked=booked(total) if total else None)
            for n, (at, total) in enumerate(history, 1)
        ],
    )


def booked(total: int) -> BookedView:
    return BookedView(
        work=WorkPeriod(first=date(2025, 5, 1), last=date(2025, 5, 1)),
        payment_date=date(2025, 5, 1),
        components=Components(wage=total),
        total=total,
        allowance=4_276_600,
        provisional=False,
    )
