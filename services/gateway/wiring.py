"""Creates the parts of the API process from its settings."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from frikort_contracts.rules.allowances import Allowances

from services.gateway.attempts.limiter import AttemptLimiter
from services.gateway.audit.chain import VerificationKeys, signing_keys
from services.gateway.audit.chain_writer import ChainWriter
from services.gateway.audit.context import audited_reads
from services.gateway.audit.expiry import ExpirySigner
from services.gateway.audit.log import MongoAuditLog
from services.gateway.audit.nightly_check import NightlyCheck
from services.gateway.audit.reasons import EntryReasons
from services.gateway.audit.signer import CheckpointSigner
from services.gateway.audit.watcher import AccessWatcher
from services.gateway.auth import Authenticator, fetch_from
from services.gateway.cards.responses import CardResponses
from services.gateway.caseworker.responses import CaseworkerResponses
from services.gateway.changes.change_notifier import ChangeStreamListener, ChangeSubscriptions
from services.gateway.changes.received_states import DELIVERED, received_first
from services.gateway.clock import Clock
from services.gateway.commands.outcomes import Outcomes, OutcomeWaits
from services.gateway.commands.responses import ResponseBuilder
from services.gateway.commands.service import CommandService
from services.gateway.commands.store import CommandExpiry, MongoCommandStore
from services.gateway.commands.subjects import Subjects
from services.gateway.commands.visibility import Visibility
from services.gateway.container import Container, WaitLimits
from services.gateway.employer.responses import EmployerResponses
from services.gateway.event_streams import EventStreams
from services.gateway.evidence.signer import EvidenceSigner
from services.gateway.evidence.store import EvidenceStore
from services.gateway.extracts.requests import ExtractRequests
from services.gateway.extracts.responses import ExtractResponses
from services.gateway.payroll.line_encryption import LineEncryptor
from services.gateway.payroll.number_checks import NumberChecks
from services.gateway.payroll.queries import MongoReadModelQueries
from services.gateway.payroll.store import MongoBatchStore
from services.gateway.payroll.upload import UploadService
from services.gateway.person_encryption import Persons
from services.gateway.projection_heartbeat import ProjectionMonitor
from services.gateway.projections import PROJECTIONS
from services.gateway.read_models import GatewayReadModels, ReadModels
from services.gateway.retention.job import RetentionJob
from services.gateway.settings import GatewaySettings
from services.runtime.batched_calls import BatchingProducer
from services.runtime.file_store import FileStore
from services.runtime.person_keys import compaction
from services.runtime.service import Runtime
from services.runtime.years.followed import FollowedAllowances


@dataclass(frozen=True)
class Process:
    """The parts of the API process with a lifetime."""

    container: Container
    signer: CheckpointSigner
    watcher: AccessWatcher
    retention: RetentionJob
    change_listener: ChangeStreamListener
    projections: ProjectionMonitor

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Create indexes and listen for changes. Start the runtime before."""
        container = self.container
        await container.attempt_limiter.prepare()
        await container.read_models.prepare()
        await container.extract_requests.prepare()
        await container.audit_log.prepare()
        await self.signer.prepare()
        await self.watcher.prepare()
        await self.retention.prepare()
        await container.evidence.prepare()
        await container.batches.prepare()
        self.change_listener.start()
        await self.projections.prepare()
        self.projections.start()
        try:
            yield
        finally:
            await self.projections.stop()
            await self.change_listener.stop()


def build(settings: GatewaySettings, runtime: Runtime) -> Process:
    """Create the parts. Raises ``ValueError`` that names a setting that cannot be used."""
    database = runtime.database
    persons = Persons.from_settings(settings)
    runtime.add_start_check(persons.keys.catch_up(settings))
    runtime.add_background_task(persons.keys.follow(settings))
    runtime.add_background_task(compaction(runtime.producer))
    line_encryptor = LineEncryptor.from_settings(settings)
    clock = Clock(database, settable=settings.environment == "local")
    allowances = FollowedAllowances.from_settings(settings)
    runtime.add_start_check(allowances.catch_up)
    runtime.add_background_task(allowances.follow)
    read_models = GatewayReadModels(audited_reads(received_first(runtime.reader)), database)
    subscriptions = ChangeSubscriptions(runtime.stopping)
    batches = MongoBatchStore(database, lease=settings.batch_lease)
    chain = ChainWriter(database)
    runtime.add_background_task(chain.run)
    log_keys = signing_keys(settings.audit_log_keys.get_secret_value(), "FRIKORT_AUDIT_LOG_KEYS")
    signer = CheckpointSigner(database, runtime.producer, log_keys[0], interval=settings.audit_log_interval)
    runtime.add_background_task(signer.run)
    watcher = AccessWatcher(database, runtime.producer, settings.usual_accesses, interval=settings.audit_log_interval)
    runtime.add_background_task(watcher.run)
    expiry = ExpirySigner(database, runtime.producer, log_keys[0])
    files = FileStore(settings.extract_files)
    retention = RetentionJob(database, runtime.producer, CommandExpiry(database), expiry, files)
    runtime.add_background_task(retention.run)
    evidence = EvidenceStore(database)
    evidence_signer = EvidenceSigner(evidence, runtime.producer, log_keys[0], interval=settings.audit_log_interval)
    runtime.add_background_task(evidence_signer.run)
    public_keys = VerificationKeys([key.public for key in log_keys])
    runtime.add_background_task(NightlyCheck(database, settings, public_keys).run)
    of_no_caller = ReadModels(runtime.reader)  # read for a hash of the person, and not shown
    audit_log = MongoAuditLog(database, chain, EntryReasons(persons, of_no_caller.cards, runtime.producer))
    attempt_limiter = AttemptLimiter(database, settings.attempt_limits, pause=timedelta(seconds=settings.attempt_pause))
    commands = CommandService(
        store=MongoCommandStore(database),
        producer=BatchingProducer(runtime.producer),
        now=clock.now,
        persons=persons,
    )
    container = Container(
        authenticator=Authenticator(
            issuer=settings.issuer,
            audience=settings.audience,
            fetch_keys=fetch_from(settings.jwks_url, settings.jwks_timeout),
            cpr_hashes=persons.cpr_hashes,
            refresh=settings.jwks_refresh,
        ),
        clock=clock,
        persons=persons,
        producer=runtime.producer,
        line_encryptor=line_encryptor,
        allowances=allowances,
        read_models=read_models,
        commands=commands,
        outcomes=Outcomes(
            commands=commands,
            waits=OutcomeWaits(read_models, subscriptions),
            responses=response_builder(read_models, persons, allowances),
            visibility=Visibility(read_models, clock.today),
            subjects=Subjects(of_no_caller),
        ),
        wait_limits=WaitLimits(default=settings.wait_default, most=settings.wait_most),
        fresh_login=settings.fresh_login,
        case_number_forms=settings.case_number_forms,
        audit_log=audit_log,
        attempt_limiter=attempt_limiter,
        event_streams=EventStreams(subscriptions, per_caller=settings.streams_per_caller, most=settings.streams_most),
        batches=batches,
        uploads=UploadService(
            batches=batches,
            queries=MongoReadModelQueries(database),
            number_checks=NumberChecks(attempt_limiter, read_models, audit_log, persons, clock.now),
            persons=persons,
            line_encryptor=line_encryptor,
            producer=runtime.producer,
            now=clock.now,
            lines_most=settings.batch_lines_most,
            hold_days=settings.batch_hold_days,
        ),
        extract_requests=ExtractRequests(database),
        files=files,
        end_positions=runtime.producer.end_positions,
        api_url=settings.api_url,
        evidence=evidence,
        evidence_keys=[key.public for key in log_keys],
    )
    listener = ChangeStreamListener(
        database, subscriptions, [processor.name for processor in PROJECTIONS], delivered=DELIVERED
    )
    return Process(container, signer, watcher, retention, listener, ProjectionMonitor(database))


def response_builder(read_models: GatewayReadModels, persons: Persons, allowances: Allowances) -> ResponseBuilder:
    """The builder of responses, with the responders of every slice."""
    employer = EmployerResponses(read_models, persons, allowances)
    return ResponseBuilder(
        {
            **CaseworkerResponses(read_models, persons).responders,
            **CardResponses(read_models, persons).responders,
            **employer.responders,
            **ExtractResponses(read_models).responders,
        },
        employer.problem_members,
    )
