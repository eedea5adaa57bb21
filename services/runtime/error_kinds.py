"""What an error of Kafka or MongoDB means for the work that met it: the only place that decides it.

===============  ===================================================================================================
may pass         The work is tried again with backoff: a server does not answer, or a right is missing that an
                 operator can grant.
can never pass   What is written is refused every time. Adapters raise ``CannotBeWritten``, and the record that led to
                 it becomes a dead letter of its reader, alone; the others go on.
stops            Every other error: the process ends with 70, because a retry would fail again, and skipping the
                 record would lose it.
===============  ===================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError
from bson.errors import InvalidDocument, InvalidStringData
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure, PyMongoError

from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.preparation import NotYetKnown
from services.runtime.processing.unwritable import Problem

RETRYABLE: Final = (PyMongoError, KafkaError, KafkaUnavailable, NotYetKnown, OSError, TimeoutError)
"""May pass, unless a row of ``NEVER_PASSES`` has the error. Among them are missing rights (codes 13 and 18, Kafka's
authorization errors), elections, and a producer that Kafka does not know any more (it is replaced)."""


class Row(NamedTuple):
    """Errors that can never pass: of these types, or an answer of MongoDB with one of these codes."""

    problem: Problem
    types: tuple[type[Exception], ...]
    codes: frozenset[int] = frozenset()


NEVER_PASSES: Final = (
    Row(
        Problem.DOCUMENT_TOO_LARGE,
        (DocumentTooLarge,),
        frozenset({10334, 17419, 17420}),  # BSONObjectTooLarge, and an update that would make the document too large
    ),
    Row(
        Problem.VALUE_REFUSED,
        # Of the driver: an integer of more than 64 bits, text that is no UTF-8, a name with a null byte, too deep.
        (InvalidDocument, InvalidStringData, OverflowError, UnicodeError, RecursionError),
        # Of the server: BadValue, FailedToParse, TypeMismatch, Overflow, InvalidBSON, DollarPrefixedFieldName,
        # InvalidIdField, EmptyFieldName, DottedFieldName, DocumentValidationFailure.
        frozenset({2, 9, 14, 15, 22, 52, 53, 56, 57, 121}),
    ),
    Row(Problem.MESSAGE_TOO_LARGE, (MessageSizeTooLargeError, RecordTooLargeError, RecordListTooLargeError)),
)


def problem_of(error: BaseException) -> Problem | None:
    """Why the error can never pass, or None if it may pass or stops the process."""
    codes = set(_codes_of(error))
    for row in NEVER_PASSES:
        if isinstance(error, row.types) or codes & row.codes:
            return row.problem
    return None


def _codes_of(error: BaseException) -> Iterator[int]:
    """The codes of the writes that MongoDB refused. A failed write concern may pass, whatever else was refused."""
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        if not details.get("writeConcernErrors"):
            yield from (refused["code"] for refused in details.get("writeErrors", []))
    elif isinstance(error, OperationFailure) and error.code is not None:
        yield error.code
