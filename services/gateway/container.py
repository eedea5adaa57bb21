"""Everything that a request may need, put together once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

from frikort_contracts.rules.allowances import AllowanceTable, load_allowances
from frikort_contracts.values import danish_day

from services.gateway.attempt_limiter import AttemptLimiter
from services.gateway.audit.context import current_audit, noting
from services.gateway.audit.log import AccessLog, MongoAccessLog
from services.gateway.auth import Authenticator, Caller, fetch_from
from services.gateway.change_notifier import ChangeStreamListener, ChangeSubscriptions
from services.gateway.clock import Clock
from services.gateway.commands.responses import ResponseBuilder
from services.gateway.commands.service import Answer, CommandService, Submission
from services.gateway.commands.store import MongoCommandStore
from services.gateway.event_streams import EventStreams
from services.gateway.formats import Language
from services.gateway.payroll.store import Batches, MongoBatches, MongoReadModelQueries
from services.gateway.payroll.upload import UploadService
from services.gateway.payroll.worker import BatchJob, BatchWorker
from services.gateway.person_encryption import Persons
from services.gateway.projections import PROJECTIONS
from services.gateway.read_models import Models, outcome_key
from services.gateway.settings import GatewaySettings
from services.portals.login.oidc import OpenIdProvider
from services.portals.login.service import LoginService
from services.portals.login.session_store import MongoSessionStore
from services.portals.login.sessions import Sessions
from services.runtime.batched_calls import BatchingPublisher
from services.runtime.encryption import Encryptor, KeyedHasher, read_key
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.service import Runtime


@dataclass(frozen=True)
class Container:
    """The parts of the gateway."""

    settings: GatewaySettings
    log: KafkaProducer
    clock: Clock
    persons: Persons
    allowances: AllowanceTable
    models: Models
    answers: ResponseBuilder
    intake: CommandService
    guesses: AttemptLimiter
    authenticator: Authenticator
    desk: LoginService
    waiters: ChangeSubscriptions
    watcher: ChangeStreamListener
    changes: EventStreams
    accesses: AccessLog
    batches: Batches
    reception: UploadService
    batch_job: BatchJob

    async def start(self) -> None:
        """Begin to wait and to count; the runtime has started."""
        await self.guesses.prepare()
        await self.desk.prepare()
        await self.models.prepare()
        await self.accesses.prepare()
        await self.batches.prepare()
        self.watcher.start()
        self.batch_job.start()

    async def stop(self) -> None:
        """Let go."""
        await self.batch_job.stop()
        await self.watcher.stop()

    async def today(self) -> date:
        """The day in Denmark now."""
        return danish_day(await self.clock.now())

    async def current_year(self) -> int:
        """The Danish calendar year now."""
        return (await self.today()).year

    async def answer_within(
        self, submission: Submission, language: Language, seconds: float, *, told_with: int | None = None
    ) -> Answer | None:
        """The answer to a submission, as soon as everything it names can be read; None after ``seconds``.

        ``told_with`` is the status of the response that will tell of it, if that is not the answer's own.
        """
        if submission.answer is not None:
            current_audit().note_answer(submission.envelope.data)
            return submission.answer
        if seconds <= 0 and not submission.replayed:
            return None  # nobody has had the time
        command_id = submission.command_id
        outcome = await self.waiters.until(self.models.outcome_of(command_id), seconds, keys=[outcome_key(command_id)])
        if outcome is None:
            return None
        look = current_audit()
        look.note_answer(submission.envelope.data)
        answer = await self.answers.answer(submission.envelope, outcome, language)
        # Two writes, each of which waits for a disk: side by side.
        recorded = look.record(told_with or answer.status)
        kept, _ = await asyncio.gather(self.intake.keep_answer(submission, answer), recorded)
        return kept

    async def submission_of(self, command_id: str, caller: Caller) -> Submission | None:
        """A command of the caller's own."""
        return await self.intake.find(command_id, caller)


def build(settings: GatewaySettings, runtime: Runtime) -> Container:
    """Put the parts together. Raises ``ValueError`` that names the setting that cannot be used."""
    persons = Persons(
        Encryptor.from_setting(settings.seal_keys.get_secret_value()),
        KeyedHasher(read_key(settings.lookup_key.get_secret_value(), "FRIKORT_LOOKUP_KEY")),
    )
    clock = Clock(runtime.database, settable=settings.environment == "local")
    models = Models(noting(runtime.reader), runtime.database)
    allowances = load_allowances(settings.allowances)
    waiters = ChangeSubscriptions(runtime.stopping)
    accesses = MongoAccessLog(runtime.database)
    batches, books = MongoBatches(runtime.database, lease=settings.batch_lease), MongoReadModelQueries(runtime.database)
    worker = BatchWorker(
        batches=batches,
        books=books,
        accesses=accesses,
        persons=persons,
        publish=runtime.producer.publish,
        now=clock.now,
        waiters=waiters,
        patience=settings.batch_lease / 4,
    )
    return Container(
        settings=settings,
        log=runtime.producer,
        clock=clock,
        persons=persons,
        allowances=allowances,
        models=models,
        answers=ResponseBuilder(models=models, persons=persons, allowances=allowances),
        intake=CommandService(
            submissions=MongoCommandStore(runtime.database),
            log=BatchingPublisher(runtime.producer),
            now=clock.now,
            persons=persons,
        ),
        guesses=AttemptLimiter(
            runtime.database,
            per_employer=settings.guesses_per_employer,
            per_number=settings.guesses_per_number,
            window=settings.guess_window,
        ),
        authenticator=Authenticator(
            issuer=settings.issuer,
            audience=settings.audience,
            fetch_keys=fetch_from(settings.jwks_url, settings.jwks_timeout),
            cpr_hash=persons.cpr_hash,
            refresh=settings.jwks_refresh,
        ),
        desk=_desk(settings, runtime, persons),
        waiters=waiters,
        watcher=ChangeStreamListener(runtime.database, waiters, [processor.name for processor in PROJECTIONS]),
        changes=EventStreams(waiters, per_caller=settings.streams_per_caller, most=settings.streams_most),
        accesses=accesses,
        batches=batches,
        reception=UploadService(
            batches=batches,
            books=books,
            persons=persons,
            now=clock.now,
            lines_most=settings.batch_lines_most,
            hold_days=settings.batch_hold_days,
        ),
        batch_job=BatchJob(batches=batches, worker=worker, now=clock.now, poll=settings.batch_poll),
    )


def _desk(settings: GatewaySettings, runtime: Runtime, persons: Persons) -> LoginService:
    return LoginService(
        provider=OpenIdProvider(
            issuer=settings.issuer,
            client_id=settings.login_client_id,
            client_key=settings.login_client_key,
            scope=settings.login_scope,
            redirect_uri=f"{settings.public_url}/login/callback",
            seconds=settings.jwks_timeout,
        ),
        begun=MongoSessionStore(runtime.database, "logins"),
        sessions=Sessions(
            records=MongoSessionStore(runtime.database, "sessions"),
            persons=persons,
            idle=timedelta(seconds=settings.session_idle),
            most=timedelta(seconds=settings.session_most),
        ),
        names=settings.login_claims,
        issuer=settings.issuer,
        client_id=settings.login_client_id,
        patience=timedelta(seconds=settings.login_seconds),
    )
