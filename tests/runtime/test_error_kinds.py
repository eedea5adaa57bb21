"""Which errors can never pass, and that all others of Kafka and MongoDB are tried again."""

from __future__ import annotations

import aiokafka.errors as kafka
import pytest
from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DocumentTooLarge,
    NotPrimaryError,
    OperationFailure,
    WriteConcernError,
)

from services.runtime.error_kinds import RETRYABLE, problem_of
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.unwritable import CannotBeWritten, Problem


def refused(*codes: int, concern: bool = False) -> BulkWriteError:
    """The error of a bulk write whose documents were refused with these codes."""
    errors = [{"code": code, "errmsg": "a document with a name", "op": {"name": "a person"}} for code in codes]
    return BulkWriteError({"writeErrors": errors, "writeConcernErrors": [{"code": 64}] if concern else []})


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (DocumentTooLarge("16 MB of wages"), Problem.DOCUMENT_TOO_LARGE),
        (refused(10334), Problem.DOCUMENT_TOO_LARGE),
        (refused(11000, 10334), Problem.DOCUMENT_TOO_LARGE),
        (InvalidDocument("a name with a null byte"), Problem.VALUE_REFUSED),
        (OverflowError("MongoDB can only handle up to 8-byte ints"), Problem.VALUE_REFUSED),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), Problem.VALUE_REFUSED),
        (RecursionError(), Problem.VALUE_REFUSED),
        (refused(15), Problem.VALUE_REFUSED),
        (refused(121), Problem.VALUE_REFUSED),
        (OperationFailure("nested too deep", 15), Problem.VALUE_REFUSED),
        (kafka.MessageSizeTooLargeError(), Problem.MESSAGE_TOO_LARGE),
        (kafka.RecordListTooLargeError(), Problem.MESSAGE_TOO_LARGE),
    ],
)
def test_an_error_that_can_never_pass_has_a_problem_code(error: Exception, problem: Problem) -> None:
    assert problem_of(error) is problem
    assert str(CannotBeWritten(problem)) == f"cannot be written: {problem.value}"


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("connection closed"),
        NotPrimaryError("stepped down"),
        WriteConcernError("no majority", 64),
        OperationFailure("not authorized on frikort_balance", 13),
        OperationFailure("Authentication failed", 18),
        OperationFailure("the disk is full", 14031),
        refused(11000),
        refused(10334, concern=True),
        kafka.TopicAuthorizationFailedError(),
        kafka.GroupAuthorizationFailedError(),
        kafka.SaslAuthenticationFailed(),
        kafka.NotEnoughReplicasError(),
        kafka.OutOfOrderSequenceNumber(),
        kafka.InvalidProducerEpoch(),
        KafkaUnavailable("Kafka did not acknowledge"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_an_error_that_may_pass_is_tried_again(error: Exception) -> None:
    assert problem_of(error) is None
    assert isinstance(error, RETRYABLE)


@pytest.mark.parametrize("error", [LookupError(), TypeError(), CannotBeWritten(Problem.VALUE_REFUSED)])
def test_every_other_error_stops_the_process(error: Exception) -> None:
    assert problem_of(error) is None
    assert not isinstance(error, RETRYABLE)
