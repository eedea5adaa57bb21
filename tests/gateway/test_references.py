"""References that are encrypted are shown as they were written; after the person's erasure they are gone."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID, uuid5

import pytest
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import ControlResult, DeactivateCard, IssueCard, RecordControl, card_id_of
from frikort_contracts.messages import Command

from services.gateway.caseworker import presenters as caseworker_presenters
from services.gateway.employer import payroll_presenters, presenters
from services.gateway.formats import Language
from services.gateway.payroll.batch import ChunkPlan
from services.gateway.payroll.booking import command
from services.gateway.payroll.lines import ValidLine, lines_from_json, lines_to_json
from services.gateway.person_encryption import Person, Persons
from services.gateway.projections import cards, reports
from services.runtime.encryption import DecryptionError, Encryptor, KeyedHasher
from tests.gateway.build import CARD, ENCRYPTION_KEYS, NOON, REPORT, after, corrected, issued, reported
from tests.gateway.payroll_fakes import receiving_batch, valid_line
from tests.person_keys import KeysOnDemand

KARLA: Final = Person("6101800101", "Karla Eksempel")
REFERENCE: Final = "Karlas løn i maj"
CASE: Final = "Karla 2025-0042"


@pytest.fixture
def secret() -> Persons:
    """Keys of its own, because a test erases them."""
    return Persons(Encryptor.from_setting(ENCRYPTION_KEYS), {"": KeyedHasher(b"l" * 32)}, KeysOnDemand())


def person_of(secret: Persons) -> str:
    return secret.cpr_hash(KARLA.cpr)


def erase(secret: Persons) -> None:
    (keys_id,) = secret.keys.ids_of(person_of(secret))
    secret.keys.erase(keys_id)
    secret.keys.complete_until = secret.keys.complete_until.max.replace(tzinfo=NOON.tzinfo)


def shown_report(secret: Persons, *events: Any) -> str | None:
    view = after(reports.PROJECTION, events)
    return presenters.report(view, None, Language.DANISH, secret).reference


def test_the_reference_of_a_report_is_shown_until_the_person_is_erased(secret: Persons) -> None:
    ciphertext = secret.encrypt_reference(REFERENCE, person_of(secret), REPORT)
    event = reported(reference=None, reference_ciphertext=ciphertext)
    assert REFERENCE not in event.model_dump_json()
    assert shown_report(secret, event) == REFERENCE
    assert shown_report(secret, event, corrected(reference=None, reference_ciphertext=ciphertext)) == REFERENCE
    erase(secret)
    assert shown_report(secret, event) is None


def test_a_reference_in_the_clear_is_shown_as_before(secret: Persons) -> None:
    assert shown_report(secret, reported(reference="2025-05")) == "2025-05"


def test_the_reference_of_one_report_does_not_open_as_that_of_another(secret: Persons) -> None:
    ciphertext = secret.encrypt_reference(REFERENCE, person_of(secret), "another report")
    with pytest.raises(DecryptionError):
        shown_report(secret, reported(reference=None, reference_ciphertext=ciphertext))


def test_the_reference_of_a_case_is_shown_until_the_person_is_erased(secret: Persons) -> None:
    person = secret.encrypt(KARLA, CARD)
    ciphertext = secret.encrypt_case_reference(CASE, person.cpr_hash, CARD)
    view = after(cards.PROJECTION, [issued(person=person, case_reference=None, case_reference_ciphertext=ciphertext)])
    assert CASE not in view.model_dump_json()
    assert caseworker_presenters.card(view, secret).history[0].case_reference == CASE
    erase(secret)
    assert caseworker_presenters.card(view, secret).history[0].case_reference is None


def sent(data: Command, message_id: UUID) -> Envelope[Any]:
    return Envelope(id=message_id, time=NOON, source="gateway", data=data, correlation_id=message_id)


def test_the_audit_log_has_the_case_of_a_command_in_either_form(secret: Persons) -> None:
    message_id = uuid5(UUID(int=1), "issue")
    person = secret.encrypt(KARLA, card_id_of(message_id))
    about = {"municipality": "101", "actor": "a"}
    encrypted = secret.encrypt_case_reference(CASE, person.cpr_hash, card_id_of(message_id))
    decided = secret.encrypt_case_reference(CASE, person.cpr_hash, CARD)
    commands: list[Command] = [
        IssueCard(**about, person=person, case_reference=CASE),
        IssueCard(**about, person=person, case_reference_ciphertext=encrypted),
        DeactivateCard(**about, card_id=CARD, case_reference_ciphertext=decided),
    ]
    assert [secret.case_reference_of(sent(one, message_id)) for one in commands] == [CASE] * 3
    control = RecordControl(**about, card_id=CARD, result=ControlResult.UPHELD)
    assert secret.case_reference_of(sent(control, message_id)) is None


def encrypted_line(secret: Persons) -> ValidLine:
    ciphertext = secret.encrypt_reference(REFERENCE, person_of(secret), REPORT)
    return valid_line(1)._replace(reference="", report_id=REPORT, reference_ciphertext=ciphertext)


def shown_line(secret: Persons, line: ValidLine) -> str | None:
    batch_id = receiving_batch().batch_id
    return payroll_presenters.line(batch_id, line, None, None, Language.DANISH, secret).reference


def test_the_reference_of_a_payroll_line_is_shown_until_the_person_is_erased(secret: Persons) -> None:
    line = encrypted_line(secret)
    assert shown_line(secret, line) == REFERENCE
    erase(secret)
    assert shown_line(secret, line) is None


def test_a_line_with_an_encrypted_reference_is_booked_under_the_id_of_its_report(secret: Persons) -> None:
    (line,), _ = lines_from_json(lines_to_json([encrypted_line(secret)]))
    record = command(receiving_batch(), line, ChunkPlan(at=NOON, first=1, revisions={}))
    assert REFERENCE.encode() not in record.value
    assert f'"report_id":"{REPORT}"'.encode() in record.value
    assert str(line.reference_ciphertext).encode() in record.value


def test_a_line_from_before_is_read_and_booked_in_the_clear() -> None:
    line = valid_line(1)
    before = [[list(line)[:13]], []]
    (read,), _ = lines_from_json(json.dumps(before))
    assert read == line
    assert b'"reference":"r"' in command(receiving_batch(), read, ChunkPlan(at=NOON, first=1, revisions={})).value
