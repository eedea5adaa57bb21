"""The extract worker on a real MongoDB: the content of the files, failures and crashes."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from frikort_contracts.cloudevents import encode
from frikort_contracts.extract_files import ExtractKind, FileFormat
from frikort_contracts.extracts import Authority, Position, TaxStatementUpdated
from frikort_contracts.messages import Event

from services.exports.extracts.requests import ExtractRequest
from services.exports.extracts.worker import is_recent_enough
from services.exports.processor import statements
from services.runtime.file_store import FileWriter
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.mongo.document_store import MongoStore
from services.runtime.mongo.driver import DRIVERS, session_of
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.positions import Partition
from tests.exports.build import A, B, Ledger, envelope, handed_over, issued
from tests.exports.harness import Exports, RecordingProducer

CSV, JSON, PARQUET = FileFormat.CSV, FileFormat.JSON_LINES, FileFormat.PARQUET


def objects_of(json_lines: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in json_lines.split(b"\n") if line]


def parquet_rows(content: bytes) -> list[dict[str, Any]]:
    return pq.read_table(BytesIO(content)).to_pylist()  # type: ignore[no-any-return]


def a_card(*amounts: int, municipality: str = "101", year: int = 2025, card_id: str | None = None) -> list[Event]:
    """The events of a card whose employers A and B alternate in reporting ``amounts``."""
    card_id = card_id or str(uuid4())
    ledger = Ledger(card_id=card_id, year=year, provisional=year == 2026)
    events: list[Event] = [issued(municipality, card_id=card_id)]
    for index, amount in enumerate(amounts):
        events += ledger.report(f"{card_id}-{index}", (A, B)[index % 2], amount)
    return events


def rows(content: bytes) -> list[dict[str, str]]:
    text = content.decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text[1:], newline=""), delimiter=";"))


class TestContent:
    async def test_the_files_contain_the_last_statements_of_the_feed(self, exports: Exports) -> None:
        for _ in range(20):
            await exports.apply(a_card(100_000, 4_200_050))

        log = await exports.make(await exports.request(ExtractKind.TAX_YEAR))

        last = {e.card_id: e for e in exports.feeds.events() if isinstance(e, TaxStatementUpdated)}
        expected = [last[card_id].model_dump(mode="json") for card_id in sorted(last)]
        assert objects_of(exports.file(log.manifest(), JSON)) == expected

    async def test_manifest_and_rows_agree(self, exports: Exports) -> None:
        cards = 1_200  # several parts, several batches of rows
        await exports.apply([event for _ in range(cards) for event in a_card(100_000, 4_200_050)])

        log = await exports.make(await exports.request(ExtractKind.TAX_YEAR))

        manifest = log.manifest()
        assert (manifest.count, manifest.reported, manifest.exempt, manifest.excess) == (
            cards,
            cards * 4_300_050,
            cards * 4_276_600,
            cards * 23_450,
        )
        assert next((each.rows, each.written) for each in log.progress()) == (cards, 0)
        in_csv = rows(exports.file(manifest, CSV))
        assert len(in_csv) == 2 * cards
        assert sum(int(row["Indberettet (kr.)"].replace(",", "")) for row in in_csv) == manifest.reported
        assert sum(row["reported"] for row in objects_of(exports.file(manifest, JSON))) == manifest.reported
        in_parquet = parquet_rows(exports.file(manifest, PARQUET))
        assert len(in_parquet) == 2 * cards
        assert sum(row["reported"] for row in in_parquet) == manifest.reported
        assert [row["cvr"] for row in in_parquet] == [row["CVR"] for row in in_csv]

    async def test_star_gets_one_row_for_each_card_without_identity(self, exports: Exports) -> None:
        await exports.apply(a_card(100, 200))
        log = await exports.make(await exports.request(ExtractKind.FOLLOW_UP))
        (row,) = rows(exports.file(log.manifest(), CSV))
        assert row["Indberettet (kr.)"] == "3,00"
        for file_format in FileFormat:
            content = exports.file(log.manifest(), file_format)
            assert b"jwe" not in content
            assert A.encode() not in content

    async def test_an_extract_covers_its_municipality_and_year(self, exports: Exports) -> None:
        await exports.apply(a_card(1, municipality="101"))
        await exports.apply(a_card(2, municipality="849"))
        await exports.apply(a_card(4, municipality="849", year=2026))
        moved = a_card(8, municipality="101")
        await exports.apply([*moved, handed_over("849", card_id=moved[0].key)])

        async def reported(year: int, municipality: str | None) -> tuple[int, int, bool]:
            log = await exports.make(await exports.request(ExtractKind.TAX_YEAR, year, municipality=municipality))
            return log.manifest().count, log.manifest().reported, log.manifest().provisional

        assert await reported(2025, "849") == (2, 10, False)
        assert await reported(2025, "101") == (1, 1, False)
        assert await reported(2025, None) == (3, 11, False)
        assert await reported(2026, None) == (1, 4, True)

    async def test_an_extract_of_an_unknown_year_is_empty_and_complete(self, exports: Exports) -> None:
        log = await exports.make(await exports.request(ExtractKind.TAX_YEAR, 2024))
        assert objects_of(exports.file(log.manifest(), JSON)) == []
        assert rows(exports.file(log.manifest(), CSV)) == []
        assert parquet_rows(exports.file(log.manifest(), PARQUET)) == []

    async def test_two_extracts_of_the_same_state_are_the_same_bytes(self, exports: Exports) -> None:
        for _ in range(5):
            await exports.apply(a_card(1, 2))
        first = await exports.make(await exports.request(ExtractKind.TAX_YEAR))
        second = await exports.make(await exports.request(ExtractKind.TAX_YEAR))
        for file_format in FileFormat:
            assert exports.file(first.manifest(), file_format) == exports.file(second.manifest(), file_format)
        names = [file.name for log in (first, second) for file in log.manifest().files]
        assert len(set(names)) == len(names) == 2 * len(FileFormat)

    async def test_amounts_can_exceed_32_bits(self, exports: Exports) -> None:
        await exports.apply(a_card(10**12, 10**12))
        log = await exports.make(await exports.request(ExtractKind.TAX_YEAR))
        assert log.manifest().reported == 2 * 10**12

    async def test_ids_are_derived_from_the_command(self, exports: Exports) -> None:
        await exports.apply(a_card(1))
        extract_id = await exports.request(ExtractKind.TAX_YEAR)
        envelopes = (await exports.make(extract_id)).envelopes()
        state = await exports.state(extract_id)

        assert len({e.id for e in envelopes}) == len(envelopes) == 2
        assert {e.time for e in envelopes} == {state.requested_at}
        assert {e.causation_id for e in envelopes} == {state.command_id}
        assert {e.data.key for e in envelopes} == {extract_id}


class TestSnapshot:
    @pytest.mark.parametrize("exports", DRIVERS, indirect=True)
    async def test_a_change_during_the_read_appears_in_the_next_extract(self, exports: Exports) -> None:
        cards = [a_card(1, card_id=f"card-{index:04}") for index in range(1_200)]  # more than a batch of rows
        await exports.apply([event for card in cards for event in card])
        claimed = await exports.claim(await exports.request(ExtractKind.TAX_YEAR))

        seen = 0
        async with exports.reader.snapshot(claimed) as (count, statements):
            async for batch in statements:
                if seen == 0:
                    await exports.apply(a_card(5, card_id="card-9999"))
                    await exports.apply([handed_over("849", card_id="card-1199")])
                seen += batch.done
                assert {statement["municipality"] for statement in batch.objects} == {"101"}
        assert (count, seen) == (1_200, 1_200)

        manifest = (await exports.make(await exports.request(ExtractKind.TAX_YEAR))).manifest()
        assert (manifest.count, manifest.reported) == (1_201, 1_205)

    @pytest.mark.parametrize("municipality", [None, "101"])
    async def test_nothing_is_sorted_in_memory(self, exports: Exports, municipality: str | None) -> None:
        await exports.apply(a_card(1))
        claimed = await exports.claim(await exports.request(ExtractKind.TAX_YEAR, municipality=municipality))
        async with session_of(exports.database.client) as session:
            plan = await exports.reader.cursor(claimed, 2025, session).explain()
        assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])
        assert "'SORT'" not in str(plan["queryPlanner"]["winningPlan"])


class TestPending:
    async def test_an_extract_waits_for_a_pending_statement(self, exports: Exports) -> None:
        card, *balances = a_card(1)
        await exports.apply(balances)
        extract_id = await exports.request(ExtractKind.TAX_YEAR, municipality="849")
        assert (await exports.make(extract_id)).records == []
        assert await exports.reader.count_pending() == 1

        await exports.apply([card])
        await exports.end_lease(extract_id)
        assert (await exports.make(extract_id)).manifest().count == 0  # the card belongs to another municipality
        assert await exports.reader.count_pending() == 0

    async def test_a_pending_year_does_not_delay_another_year(self, exports: Exports) -> None:
        await exports.apply(a_card(1, year=2024)[1:])
        assert (await exports.make(await exports.request(ExtractKind.TAX_YEAR))).manifest().count == 0


class TestFailures:
    @pytest.mark.parametrize("call", [1, 2])
    async def test_a_failed_publish_leads_to_another_complete_attempt(self, exports: Exports, call: int) -> None:
        await exports.apply(a_card(1, 2))
        extract_id = await exports.request(ExtractKind.TAX_YEAR)
        log = RecordingProducer(fails_at=call)
        with pytest.raises(KafkaUnavailable):
            await exports.worker(log).make(await exports.claim(extract_id))

        assert await exports.queue().claim(extract_id) is None  # not before a pause
        await exports.end_lease(extract_id)
        await exports.worker(log).make(await exports.claim(extract_id))

        ids = [envelope.id for envelope in log.envelopes()]
        assert len(ids) == len(set(ids))
        for file_format in FileFormat:
            assert exports.file(log.manifest(), file_format)
        assert (await exports.state(extract_id)).done

    async def test_a_file_that_cannot_be_written_leads_to_another_attempt(
        self, exports: Exports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await exports.apply(a_card(1, 2))
        extract_id = await exports.request(ExtractKind.TAX_YEAR)
        with monkeypatch.context() as full:
            full.setattr(FileWriter, "finish", _full)
            with pytest.raises(OSError, match="disk"):
                await exports.worker(RecordingProducer()).make(await exports.claim(extract_id))
        assert [path for path in exports.folder.rglob("*") if path.is_file()] == []

        await exports.end_lease(extract_id)
        assert (await exports.make(extract_id)).manifest().attempt == 2

    async def test_after_a_crash_a_stored_manifest_is_published_unchanged(self, exports: Exports) -> None:
        await exports.apply(a_card(1))
        extract_id = await exports.request(ExtractKind.TAX_YEAR)
        log = RecordingProducer(fails_at=2)  # the progress, and then the manifest
        with pytest.raises(KafkaUnavailable):
            await exports.worker(log).make(await exports.claim(extract_id))
        await exports.apply(a_card(2))  # too late for this extract
        await exports.end_lease(extract_id)

        await exports.worker(log).make(await exports.claim(extract_id))

        assert (log.manifest().attempt, log.manifest().count) == (1, 1)
        assert len(log.progress()) == 1

    async def test_a_worker_with_an_expired_lease_publishes_no_manifest(self, exports: Exports) -> None:
        await exports.apply(a_card(1))
        extract_id = await exports.request(ExtractKind.TAX_YEAR)
        zombie = await exports.claim(extract_id, lease=0.0)
        awake = await exports.claim(extract_id)
        late, log = RecordingProducer(), RecordingProducer()

        await exports.worker(late).make(zombie)
        await exports.worker(log).make(awake)

        assert [type(event).__name__ for event in late.events()] == ["ExtractProgressed"]
        assert log.manifest().attempt == 2

    async def test_a_failed_attempt_is_released_before_its_lease_expires(self, exports: Exports) -> None:
        extract_id = await exports.request(ExtractKind.TAX_YEAR)
        claimed = await exports.claim(extract_id)
        with pytest.raises(KafkaUnavailable):
            await exports.worker(RecordingProducer(fails_at=1)).make(claimed)
        assert (await exports.state(extract_id)).lease_until < claimed.lease_until


def _full(_: FileWriter) -> None:
    raise OSError("the disk is full")


class TestRedelivery:
    async def test_a_second_delivery_repeats_the_bytes_although_encryption_is_random(self, exports: Exports) -> None:
        processor = statements(lambda _person, _card: uuid4().hex)
        producer = RecordingProducer()
        first, second = (
            BatchProcessor(
                service="exports", processor=processor, store=MongoStore(exports.database, processor), producer=producer
            )
            for _ in range(2)
        )
        records = [encode(envelope(event)) for event in reversed(a_card(1, card_id="card"))]
        batch = [Incoming(r.topic, 0, offset, r.key, r.value, r.headers) for offset, r in enumerate(records)]

        await first.process(batch)
        once = list(producer.records)
        await second.process(batch)  # another instance, after a crash before the commit

        assert len(once) == len(Authority)
        assert producer.records == once * 2


class TestPositions:
    async def test_statements_are_recent_enough_once_every_position_is_consumed(self, exports: Exports) -> None:
        state = await exports.state(await exports.request(ExtractKind.TAX_YEAR))
        positions = (
            Position(topic="cards", partition=0, offset=5),
            Position(topic="cards", partition=1, offset=0),
            Position(topic="elsewhere", partition=0, offset=9),
        )
        request = ExtractRequest(**{**state.model_dump(), "positions": positions})
        assert not is_recent_enough(request, ["cards"], {})
        assert not is_recent_enough(request, ["cards"], {Partition("cards", 0): 4})
        assert is_recent_enough(request, ["cards"], {Partition("cards", 0): 5})
