"""The shared parts of the API process. ``wiring.build`` creates them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frikort_contracts.extracts import Position
from frikort_contracts.rules.allowances import Allowances
from frikort_contracts.topics import Topic

from services.gateway.attempts.limiter import AttemptLimiter
from services.gateway.audit.case_numbers import CaseNumberForm
from services.gateway.audit.log import AuditLog
from services.gateway.auth import Authenticator
from services.gateway.clock import Clock
from services.gateway.commands.outcomes import Outcomes
from services.gateway.commands.service import CommandService
from services.gateway.event_streams import EventStreams
from services.gateway.evidence.store import EvidenceStore
from services.gateway.extracts.requests import ExtractRequests
from services.gateway.payroll.line_encryption import LineEncryptor
from services.gateway.payroll.store import BatchStore
from services.gateway.payroll.upload import UploadService
from services.gateway.person_encryption import Persons
from services.gateway.read_models import GatewayReadModels
from services.runtime.file_store import FileStore
from services.runtime.processing.producer import Producer

EndPositions = Callable[[Sequence[Topic]], Awaitable[tuple[Position, ...]]]


@dataclass(frozen=True)
class WaitLimits:
    """How long a request waits for the outcome of a command, in seconds."""

    default: float
    most: int


@dataclass(frozen=True)
class Container:
    """Everything that the routes use.

    ``api_url``: where clients reach the API. ``evidence_keys``: the public keys of evidence, as JWKs.
    ``fresh_login``: seconds after a login in which a person may do a sensitive action. ``case_number_forms``: by
    municipality, where a case number is required as the purpose.
    """

    authenticator: Authenticator
    clock: Clock
    persons: Persons
    producer: Producer
    line_encryptor: LineEncryptor
    allowances: Allowances
    read_models: GatewayReadModels
    commands: CommandService
    outcomes: Outcomes
    wait_limits: WaitLimits
    fresh_login: int
    case_number_forms: Mapping[str, CaseNumberForm]
    audit_log: AuditLog
    attempt_limiter: AttemptLimiter
    event_streams: EventStreams
    batches: BatchStore
    uploads: UploadService
    extract_requests: ExtractRequests
    files: FileStore
    end_positions: EndPositions
    api_url: str
    evidence: EvidenceStore
    evidence_keys: Sequence[Mapping[str, Any]]
