"""Read models that can be rebuilt from the log.

A projection emits nothing, and its rule ignores what its state already contains: each state keeps the revision of
every subject that it shows. A second delivery therefore changes nothing without a list of applied messages, and a
document is only its state, its aliases and the version that guards the write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from frikort_contracts.cloudevents import Envelope

from services.runtime.processing.apply import AppliedBatch, Delivery, Documents, Failure
from services.runtime.processing.decision import Address, DocumentSet, S

logger = structlog.get_logger(__name__)


class Project(Protocol[S]):
    """A rule: the state after a message, given the state before it (None if there is none).

    It returns the state that it was given, the same object, for a message that changes nothing: a redelivered one, one
    that is older than the state, or one about a document that cannot exist yet (None).
    """

    def __call__(self, state: S | None, message: Envelope[Any], /) -> S | None: ...


@dataclass(frozen=True, kw_only=True)
class Projection(DocumentSet[S]):
    """A read model. ``document_id`` gives the document that a message touches, or None to skip the message.

    ``write_once`` is for documents that never change after their first message: they are inserted without a read.
    ``cached`` keeps the latest documents in memory after they were written, where the next message often follows at
    once: they have no aliases, and all messages of a document are on one partition number.
    """

    document_id: Callable[[Envelope[Any]], str | None]
    project: Project[S]
    write_once: bool = False
    cached: bool = False

    def address_of(self, message: Envelope[Any]) -> Address | None:
        """The address of the document that ``message`` touches."""
        document_id = self.document_id(message)
        return None if document_id is None else Address(document_id)


def project_deliveries(
    projection: Projection[S], documents: Documents[S], deliveries: Sequence[Delivery], applied: AppliedBatch
) -> None:
    """Apply ``deliveries`` in order to ``documents``. Only documents whose state changes are marked as changed."""
    for delivery in deliveries:
        envelope = delivery.envelope
        document = documents.find(delivery.address)
        try:
            state = projection.project(document.state, envelope)
            if state is document.state:
                continue
            documents.update(document, state, () if state is None else projection.aliases(state))
        except Exception as error:
            logger.exception(
                "runtime.rule_failed",
                processor=projection.name,
                message_id=str(envelope.id),
                correlation_id=str(envelope.correlation_id),
            )
            applied.failures.append(Failure(delivery, type(error).__name__))
            continue
        document.changed = True
