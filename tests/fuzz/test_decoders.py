"""Whatever a decoder gets, it returns a value or raises the documented error."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from frikort_contracts.cloudevents import BrokenContract, Envelope, decode, encode
from frikort_contracts.http.audit import access_reason
from frikort_contracts.messages import Message
from frikort_contracts.topics import TOPICS, Topic, topic_of
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData, UploadFile

from services.gateway.api.dependencies import wait_seconds
from services.gateway.api.paging import order_in
from services.gateway.auth import Authenticator
from services.gateway.container import WaitLimits
from services.gateway.formats import Language, preferred_language
from services.gateway.payroll import lines
from services.gateway.payroll.lines import FieldNames, InvalidLine, ParsedLine
from services.gateway.payroll.parser import CSV_FORMATS, AnyFile, Csv, FileFormat, JsonLines, LineDecoder, Splitter
from services.gateway.problems import ProblemError
from services.portals.caseworker.hand_over import HAND_OVER
from services.portals.caseworker.issue import ISSUE
from services.portals.caseworker.mandates import MANDATE
from services.portals.employer.employments import CHANGE, END, NO_WORK, REGISTER
from services.portals.employer.reporting import CHOOSE, REPORT
from services.portals.formats import Language as PageLanguage
from services.portals.forms import KEY as FORM_KEY
from services.portals.forms import Field, Fields, read_form
from services.portals.texts import translations
from services.runtime.encryption import DecryptionError
from services.runtime.web.requests import correlation_of
from tests.contracts.examples import EXAMPLES
from tests.gateway.test_auth import KEY, Issuer, authenticator, token
from tests.portals.build import session_keys
from tests.sources import source_for

ID: Final = UUID("6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11")
NOON: Final = datetime(2025, 6, 1, 12, tzinfo=UTC)
LIMITS: Final = WaitLimits(default=10, most=30)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=5) | st.dictionaries(st.text(), values, max_size=5),
    max_leaves=20,
)
HEADER_NAMES: Final = st.sampled_from(
    ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_correlationid", "ce_causationid"]
)


def _latin(header: bytes) -> str:
    """A header as a server decodes it."""
    return header.decode("latin-1")


FORMS: Final[dict[str, Fields]] = {
    "card number": CHOOSE,
    "report": REPORT,
    "new employment": REGISTER,
    "changed employment": CHANGE,
    "end of an employment": END,
    "days without work": NO_WORK,
    "new card": ISSUE,
    "hand-over": HAND_OVER,
    "mandate": MANDATE,
}


@contextlib.contextmanager
def may_be_refused(*codes: str) -> Iterator[None]:
    """The only error that may be raised is one of these problems."""
    try:
        yield
    except ProblemError as refused:
        if refused.code not in codes:
            raise


def mutated(content: bytes) -> st.SearchStrategy[bytes]:
    """``content`` with a part of it replaced, removed or repeated."""
    places = st.integers(0, len(content))
    return st.tuples(places, places, st.binary(max_size=20)).map(
        lambda cut: content[: min(cut[:2])] + cut[2] + content[max(cut[:2]) :]
    )


@given(st.sampled_from(TOPICS), st.none() | st.binary(), st.lists(st.tuples(HEADER_NAMES, st.none() | st.binary())))
def test_a_record_with_random_headers_breaks_its_contract(
    topic: Topic, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    with pytest.raises(BrokenContract):
        decode(topic, value, headers)


@given(st.data(), st.sampled_from(EXAMPLES))
def test_a_changed_record_is_a_message_or_breaks_its_contract(data: st.DataObject, message: Message) -> None:
    record = encode(Envelope(ID, NOON, source_for(message), message, ID))
    headers: list[tuple[str, bytes | None]] = list(record.headers)
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(headers) - 1))
        name, content = headers[place]
        headers[place] = name, data.draw(st.none() | mutated(content or b""))
    value = data.draw(st.just(record.value) | mutated(record.value))
    with contextlib.suppress(BrokenContract):
        decode(topic_of(type(message)), value, headers)


def read_all(file_format: FileFormat, content: bytes) -> None:
    splitter, decoder = Splitter(1000), LineDecoder()
    for raw in (*splitter.feed(content), *splitter.finish()):
        text = decoder.decode(raw)
        line = text if isinstance(text, InvalidLine) else file_format.read(raw.number, text)
        if isinstance(line, ParsedLine):
            lines.validated(line, file_format.names)


@given(st.sampled_from([JsonLines, Csv, AnyFile]), st.binary() | st.text().map(str.encode))
def test_any_payroll_file_is_read_or_refused(kind: type[FileFormat], content: bytes) -> None:
    with may_be_refused("batch-not-utf8", "batch-columns-wrong", "body-too-large"):
        read_all(kind(), content)


@given(st.lists(JSON, max_size=4))
def test_any_json_line_is_valid_or_has_errors(values: list[Any]) -> None:
    read_all(JsonLines(), "\n".join(json.dumps(value) for value in values).encode())


@given(st.sampled_from(CSV_FORMATS), st.lists(st.lists(st.text(max_size=30), max_size=12), max_size=4))
def test_any_csv_row_is_valid_or_has_errors(csv_format: Any, rows: list[list[str]]) -> None:
    header = csv_format.delimiter.join(csv_format.all_names)
    content = "\n".join([header, *(csv_format.delimiter.join(row) for row in rows)])
    with may_be_refused("batch-not-utf8"):
        read_all(Csv(), content.encode())
    with may_be_refused("batch-not-utf8"):
        read_all(Csv(), content.encode("windows-1252", errors="replace"))


@given(JSON)
def test_any_content_of_a_line_is_valid_or_has_errors(content: Any) -> None:
    if isinstance(content, dict):
        lines.validated(ParsedLine(1, content), FieldNames())


@given(st.text())
def test_any_cursor_is_an_order_or_refused(cursor: str) -> None:
    with may_be_refused("invalid-request"):
        order_in(cursor).encode()


@given(st.none() | st.text() | st.text().map("Bearer {}".format) | mutated(f"Bearer {token()}".encode()).map(_latin))
async def test_any_authorization_is_a_caller_or_refused(authorization: str | None) -> None:
    verifier: Authenticator = authenticator(Issuer(KEY))
    with may_be_refused("token-missing", "token-invalid"):
        assert (await verifier.caller(authorization)).subject == "someone"


@given(st.text())
def test_any_header_is_read(header: str) -> None:
    seconds, _ = wait_seconds(header, LIMITS)
    assert 0 <= seconds <= LIMITS.most
    assert preferred_language(header) in Language
    assert correlation_of(header)


@given(st.text())
def test_any_access_reason_is_a_reason_or_refused(header: str) -> None:
    try:
        reason = access_reason(header)
    except ValueError:
        return
    assert 3 <= len(reason) <= 200


@given(st.text())
def test_any_ciphertext_is_decrypted_or_refused(ciphertext: str) -> None:
    with pytest.raises(DecryptionError):
        session_keys().encryptor.decrypt(ciphertext, "card")
    with pytest.raises(DecryptionError):
        session_keys().encryptor.decrypt(f"test.{ciphertext}", "card")


def inputs_of(fields: Fields) -> list[str]:
    """The names of a form's inputs."""

    def names(name: str, field: Field) -> list[str]:
        return [f"{name}-{part}" for part in field.parts] or [name]

    return [FORM_KEY, *(each for name, field in fields.items() for each in names(name, field))]


@pytest.mark.parametrize("name", FORMS)
@given(st.data(), st.sampled_from(PageLanguage))
def test_any_form_is_valid_or_has_errors(name: str, data: st.DataObject, language: PageLanguage) -> None:
    fields = FORMS[name]
    inputs = st.sampled_from(inputs_of(fields))
    text = st.text() | st.from_regex(r"[0-9., ]{0,30}(kr\.?)?")
    posted: list[tuple[str, str | UploadFile]] = data.draw(st.lists(st.tuples(inputs | st.text(), text)))
    form = read_form(fields, FormData(posted), language=language, translations=translations(language), token="token")
    assert form.valid or form.problems
