"""The making of extracts, on a real MongoDB: what is in the files, and what a crash does to them."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from io import StringIO
from uuid import uuid4

import pytest
from frikort_contracts.cloudevents import encode
from frikort_contracts.extracts import Authority, ExtractFormat, Position, TaxStatementUpdated
from frikort_contracts.messages import Event

from services.exports.statements import statements
from services.exports.worker import is_new_enough
from services.runtime.kafka.producer import KafkaUnavailable
from services.runtime.mongo.document_store import MongoStore
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from tests.exports.build import A, B, Ledger, envelope, handed_over, issued
from tests.exports.harness import Exports, RecordedLog

CSV, JSON = ExtractFormat.CSV, ExtractFormat.JSON


def a_card(*amounts: int, municipality: str = "101", year: int = 2025, card_id: str | None = None) -> list[Event]:
    """A card whose employers A and B take turns in reporting ``amounts``."""
    card_id = card_id or str(uuid4())
    ledger = Ledger(card_id=card_id, year=year, provisional=year == 2026)
    events: list[Event] = [issued(municipality, card_id=card_id)]
    for index, amount in enumerate(amounts):
        events += ledger.report(f"{card_id}-{index}", (A, B)[index % 2], amount)
    return events


def rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text[1:], newline=""), delimiter=";"))


class TestContent:
    async def test_the_files_are_what_the_feed_said(self, exports: Exports) -> None:
        for _ in range(20):
            await exports.apply(a_card(100_000, 4_200_050))

        log = await exports.make(await exports.request(Authority.SKAT))

        last = {e.card_id: e for e in exports.feeds.events() if isinstance(e, TaxStatementUpdated)}
        told = [last[card_id].model_dump(mode="json") for card_id in sorted(last)]
        assert json.loads(log.file(JSON)) == told

    async def test_manifest_parts_and_rows_agree(self, exports: Exports) -> None:
        cards = 1_200  # several parts, several batches of rows
        await exports.apply([event for _ in range(cards) for event in a_card(100_000, 4_200_050)])

        log = await exports.make(await exports.request(Authority.SKAT))

        manifest = log.manifest()
        assert (manifest.count, manifest.reported, manifest.exempt, manifest.excess) == (
            cards,
            cards * 4_300_050,
            cards * 4_276_600,
            cards * 23_450,
        )
        assert log.started()[0].statements == cards
        assert log.parts()[-1].statements == cards
        for file in manifest.files:
            text = log.file(file.format)
            assert file.sha256 == sha256(text.encode()).hexdigest()
            assert file.size == len(text.encode())
            assert file.parts > 1
        in_csv = rows(log.file(CSV))
        assert len(in_csv) == 2 * cards
        assert sum(int(row["Indberettet (kr.)"].replace(",", "")) for row in in_csv) == manifest.reported
        assert sum(row["reported"] for row in json.loads(log.file(JSON))) == manifest.reported

    async def test_star_gets_one_row_a_card_and_no_identity(self, exports: Exports) -> None:
        await exports.apply(a_card(100, 200))
        log = await exports.make(await exports.request(Authority.STAR))
        (row,) = rows(log.file(CSV))
        assert row["Indberettet (kr.)"] == "3,00"
        for text in (log.file(CSV), log.file(JSON)):
            assert "jwe" not in text
            assert A not in text

    async def test_of_one_municipality_and_year(self, exports: Exports) -> None:
        await exports.apply(a_card(1, municipality="101"))
        await exports.apply(a_card(2, municipality="849"))
        await exports.apply(a_card(4, municipality="849", year=2026))
        moved = a_card(8, municipality="101")
        await exports.apply([*moved, handed_over("849", card_id=moved[0].key)])

        async def reported(year: int, municipality: str | None) -> tuple[int, int, bool]:
            log = await exports.make(await exports.request(Authority.SKAT, year, municipality=municipality))
            return log.manifest().count, log.manifest().reported, log.manifest().provisional

        assert await reported(2025, "849") == (2, 10, False)
        assert await reported(2025, "101") == (1, 1, False)
        assert await reported(2025, None) == (3, 11, False)
        assert await reported(2026, None) == (1, 4, True)

    async def test_a_year_of_which_nobody_knows_is_empty_and_whole(self, exports: Exports) -> None:
        log = await exports.make(await exports.request(Authority.SKAT, 2024))
        assert json.loads(log.file(JSON)) == []
        assert rows(log.file(CSV)) == []
        assert [(file.parts, file.size) for file in log.manifest().files] == [
            (1, len(log.file(CSV).encode())),
            (1, len(log.file(JSON))),
        ]

    async def test_two_extracts_of_the_same_state_are_the_same_bytes(self, exports: Exports) -> None:
        for _ in range(5):
            await exports.apply(a_card(1, 2))
        first = await exports.make(await exports.request(Authority.SKAT))
        second = await exports.make(await exports.request(Authority.SKAT))
        assert first.manifest().files == second.manifest().files

    async def test_amounts_beyond_32_bits(self, exports: Exports) -> None:
        await exports.apply(a_card(10**12, 10**12))
        log = await exports.make(await exports.request(Authority.SKAT))
        assert log.manifest().reported == 2 * 10**12

    async def test_ids_follow_from_the_command(self, exports: Exports) -> None:
        await exports.apply(a_card(1))
        extract_id = await exports.request(Authority.SKAT)
        envelopes = (await exports.make(extract_id)).envelopes()
        state = await exports.state(extract_id)

        assert len({e.id for e in envelopes}) == len(envelopes) == 4
        assert {e.time for e in envelopes} == {state.requested_at}
        assert {e.causation_id for e in envelopes} == {state.command_id}
        assert {e.data.key for e in envelopes} == {extract_id}


class TestOneMoment:
    async def test_what_changes_while_it_is_read_is_in_the_next_extract(self, exports: Exports) -> None:
        cards = [a_card(1, card_id=f"card-{index:04}") for index in range(1_200)]  # more than a batch of rows
        await exports.apply([event for card in cards for event in card])
        held = await exports.claim(await exports.request(Authority.SKAT))

        seen = 0
        async with exports.reader.snapshot(held) as (count, told):
            async for some in told:
                if seen == 0:
                    await exports.apply(a_card(5, card_id="card-9999"))
                    await exports.apply([handed_over("849", card_id="card-1199")])
                seen += len(some)
                assert {statement["municipality"] for statement in some} == {"101"}
        assert (count, seen) == (1_200, 1_200)

        manifest = (await exports.make(await exports.request(Authority.SKAT))).manifest()
        assert (manifest.count, manifest.reported) == (1_201, 1_205)

    @pytest.mark.parametrize("municipality", [None, "101"])
    async def test_nothing_is_sorted_in_memory(self, exports: Exports, municipality: str | None) -> None:
        await exports.apply(a_card(1))
        held = await exports.claim(await exports.request(Authority.SKAT, municipality=municipality))
        async with await exports.database.client.start_session() as session:
            plan = await exports.reader.cursor(held, session).explain()
        assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])
        assert "'SORT'" not in str(plan["queryPlanner"]["winningPlan"])


class TestHolding:
    async def test_an_extract_waits_for_a_statement_that_cannot_be_told(self, exports: Exports) -> None:
        card, *balances = a_card(1)
        await exports.apply(balances)
        extract_id = await exports.request(Authority.SKAT, municipality="849")
        assert (await exports.make(extract_id)).records == []
        assert await exports.reader.count_held() == 1

        await exports.apply([card])
        await exports.no_pause(extract_id)
        assert (await exports.make(extract_id)).manifest().count == 0  # it was a card of another municipality
        assert await exports.reader.count_held() == 0

    async def test_another_year_is_not_held(self, exports: Exports) -> None:
        await exports.apply(a_card(1, year=2024)[1:])
        assert (await exports.make(await exports.request(Authority.SKAT))).manifest().count == 0


class TestCrashing:
    @pytest.mark.parametrize("call", [1, 2, 3])
    async def test_a_publish_that_fails_leads_to_another_whole_attempt(self, exports: Exports, call: int) -> None:
        await exports.apply(a_card(1, 2))
        extract_id = await exports.request(Authority.SKAT)
        log = RecordedLog(fails_at=call)
        with pytest.raises(KafkaUnavailable):
            await exports.worker(log).make(await exports.claim(extract_id))

        assert await exports.queue().claim(extract_id) is None  # there is a pause first
        await exports.no_pause(extract_id)
        await exports.worker(log).make(await exports.claim(extract_id))

        manifest = log.manifest()
        ids = [envelope.id for envelope in log.envelopes()]
        assert len(ids) == len(set(ids))
        for file in manifest.files:
            assert sha256(log.file(file.format).encode()).hexdigest() == file.sha256
        assert (await exports.state(extract_id)).done

    async def test_a_crash_after_the_result_was_fixed_tells_the_same_result(self, exports: Exports) -> None:
        await exports.apply(a_card(1))
        extract_id = await exports.request(Authority.SKAT)
        log = RecordedLog(fails_at=3)  # started, parts, and then the manifest
        with pytest.raises(KafkaUnavailable):
            await exports.worker(log).make(await exports.claim(extract_id))
        await exports.apply(a_card(2))  # it is too late for this one
        await exports.no_pause(extract_id)

        await exports.worker(log).make(await exports.claim(extract_id))

        assert (log.manifest().attempt, log.manifest().count) == (1, 1)
        assert len(log.started()) == 1

    async def test_a_worker_that_slept_through_its_lease_tells_no_result(self, exports: Exports) -> None:
        await exports.apply(a_card(1))
        extract_id = await exports.request(Authority.SKAT)
        zombie = await exports.claim(extract_id, lease=0.0)
        awake = await exports.claim(extract_id)
        late, log = RecordedLog(), RecordedLog()

        await exports.worker(late).make(zombie)
        await exports.worker(log).make(awake)

        assert [type(event).__name__ for event in late.events()] == [
            "ExtractStarted",
            "ExtractPartWritten",
            "ExtractPartWritten",
        ]
        assert log.manifest().attempt == 2

    async def test_a_failed_attempt_is_let_go_of_before_its_lease_ends(self, exports: Exports) -> None:
        extract_id = await exports.request(Authority.SKAT)
        held = await exports.claim(extract_id)
        with pytest.raises(KafkaUnavailable):
            await exports.worker(RecordedLog(fails_at=1)).make(held)
        assert (await exports.state(extract_id)).lease_until < held.lease_until


class TestRedelivery:
    async def test_a_second_delivery_repeats_the_bytes_although_sealing_is_random(self, exports: Exports) -> None:
        processor = statements(lambda _: uuid4().hex)
        log = RecordedLog()
        records = [encode(envelope(event)) for event in reversed(a_card(1, card_id="card"))]
        batch = [Incoming(r.topic, 0, offset, r.key, r.value, r.headers) for offset, r in enumerate(records)]

        async def process_in_a_new_instance() -> None:
            store = MongoStore(exports.database, processor)
            await BatchProcessor(service="exports", processor=processor, store=store, producer=log).process(batch)

        await process_in_a_new_instance()
        once = list(log.records)
        await process_in_a_new_instance()

        assert len(once) == len(Authority)
        assert log.records == once * 2


class TestPositions:
    async def test_new_enough(self, exports: Exports) -> None:
        state = await exports.state(await exports.request(Authority.SKAT))
        asked = state.model_copy(
            update={
                "positions": (
                    Position(topic="cards", partition=0, offset=5),
                    Position(topic="cards", partition=1, offset=0),
                    Position(topic="elsewhere", partition=0, offset=9),
                )
            }
        )
        assert not is_new_enough(asked, ["cards"], {})
        assert not is_new_enough(asked, ["cards"], {("cards", 0): 4})
        assert is_new_enough(asked, ["cards"], {("cards", 0): 5})
