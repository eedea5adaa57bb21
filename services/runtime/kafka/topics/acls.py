"""The rights on the broker (Kafka's ACLs): granted from the topic table, and compared with it.

Only the topic command imports this module: aiokafka has no API for ACLs, so it needs another client (decision 0022).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from frikort_contracts.access import Right, rights

from services.runtime.kafka.connection import librdkafka_options
from services.runtime.safety_checks import UnsafeSetting
from services.runtime.settings import TopicSettings

logger = structlog.get_logger(__name__)

_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.05
_NO_ANSWER: Final = frozenset(
    {
        "_TIMED_OUT",
        "_TIMED_OUT_QUEUE",
        "_TRANSPORT",
        "_ALL_BROKERS_DOWN",
        "REQUEST_TIMED_OUT",
        "BROKER_NOT_AVAILABLE",
        "NETWORK_EXCEPTION",
        "NOT_CONTROLLER",
    }
)
"""Names of librdkafka's errors without an answer of the broker; those of the client begin with an underscore."""
_EVERYTHING: Final = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
)
_REMEDY: Final = "remove it with kafka-acls --remove, or enter it into the topic table"


class MissingRights(RuntimeError):
    """Rights of the table that the broker does not grant."""


class AclsUnavailable(RuntimeError):
    """The broker refuses to answer about rights, or does not answer."""


class AclsNotAnswered(AclsUnavailable):
    """The broker did not answer about rights: it may answer later."""


def grant_rights(settings: TopicSettings) -> int:
    """Grant the missing rights; returns how many. Blocks.

    Raises ``AclsUnavailable``, and ``UnsafeSetting`` in production if the broker has no authorizer.
    """
    client = _client(settings)
    found = _found(client, settings)
    if found is None:
        return 0
    missing = _wanted() - found
    if missing:
        try:
            for granted in client.create_acls(list(missing), request_timeout=_SECONDS).values():
                granted.result()
        except KafkaException as error:
            raise _unavailable("granted", error) from error
    return len(missing)


def check_rights(settings: TopicSettings, *, within: float = 0.0) -> None:
    """Compare the rights on the broker with the table. Blocks.

    Missing rights are looked for again for ``within`` seconds: any broker may answer, and each learns of new rights at
    its own time.

    Raises ``MissingRights``, ``AclsUnavailable``, and ``UnsafeSetting`` for a right that the table does not have.
    """
    client, deadline = _client(settings), time.monotonic() + within
    while (found := _found(client, settings)) is not None:
        if excess := [binding for binding in found - _wanted() if binding.permission_type is AclPermissionType.ALLOW]:
            risk = "is more than the topic table gives"
            raise UnsafeSetting("a right on the broker", _text(excess), _REMEDY, risk=risk)
        if not (missing := _wanted() - found):
            return
        if time.monotonic() > deadline:
            raise MissingRights(f"not granted: {_text(missing)}")
        time.sleep(_PAUSE_SECONDS)


def _client(settings: TopicSettings) -> AdminClient:
    return AdminClient(librdkafka_options(settings), logger=logging.getLogger("librdkafka"))


def _unavailable(what: str, error: KafkaException) -> AclsUnavailable:
    kind = AclsNotAnswered if error.args[0].name() in _NO_ANSWER else AclsUnavailable
    return kind(f"the rights cannot be {what}: {error.args[0].str()}")


def _found(client: AdminClient, settings: TopicSettings) -> set[AclBinding] | None:
    """All rights on the broker; None where it has no authorizer and the environment is local."""
    try:
        return set(client.describe_acls(_EVERYTHING, request_timeout=_SECONDS).result())
    except KafkaException as error:
        if error.args[0].code() != KafkaError.SECURITY_DISABLED:
            raise _unavailable("read", error) from error
    if settings.environment == "production":
        raise UnsafeSetting(
            "authorizer.class.name of the broker",
            "empty",
            "put org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            risk="lets every client do everything",
        )
    logger.warning("topics.no_authorizer", consequence="every client of this broker may do everything")
    return None


def _wanted() -> set[AclBinding]:
    return set(map(_binding, rights()))


def _binding(right: Right) -> AclBinding:
    return AclBinding(
        ResourceType[right.resource.name],
        right.name,
        ResourcePatternType.PREFIXED if right.is_prefix else ResourcePatternType.LITERAL,
        f"User:{right.principal}",
        "*",
        AclOperation[right.operation.name],
        AclPermissionType.ALLOW,
    )


def _text(bindings: Iterable[AclBinding]) -> str:
    return "; ".join(sorted(map(_sentence, bindings)))


def _sentence(binding: AclBinding) -> str:
    prefix = "*" if binding.resource_pattern_type is ResourcePatternType.PREFIXED else ""
    operation, kind = binding.operation.name.lower(), binding.restype.name.lower()
    return f"{binding.principal} may {operation} {kind} {binding.name}{prefix}"
