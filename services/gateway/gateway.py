"""Everything that a request may need, put together once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

from contracts.allowances import AllowanceTable, load_allowances
from contracts.values import danish_day
from services.gateway.accesses.log import AccessLog, MongoAccessLog
from services.gateway.accesses.looking import noting, present_look
from services.gateway.answers import Answers
from services.gateway.auth import Authenticator, Caller, fetch_from
from services.gateway.batches.receiving import Reception
from services.gateway.batches.store import Batches, MongoBatches, MongoBooks
from services.gateway.batches.worker import BatchJob, BatchWorker
from services.gateway.changes import Changes
from services.gateway.clock import Clock
from services.gateway.formats import Language
from services.gateway.guesses import Guesses
from services.gateway.intake import Answer, Intake, Submission
from services.gateway.login.desk import Desk
from services.gateway.login.oidc import OpenIdProvider
from services.gateway.login.records import MongoRecords
from services.gateway.login.sessions import Sessions
from services.gateway.models import Models, outcome_key
from services.gateway.persons import Persons
from services.gateway.settings import GatewaySettings
from services.gateway.submissions import MongoSubmissions
from services.gateway.views import PROCESSORS
from services.gateway.waiting import Waiters, Watcher
from services.runtime.log import KafkaLog
from services.runtime.sealing import KeyedHasher, Sealer, read_key
from services.runtime.service import Runtime
from services.runtime.together import LogTogether


@dataclass(frozen=True)
class Gateway:
    """The parts of the gateway."""

    settings: GatewaySettings
    log: KafkaLog
    clock: Clock
    persons: Persons
    allowances: AllowanceTable
    models: Models
    answers: Answers
    intake: Intake
    guesses: Guesses
    authenticator: Authenticator
    desk: Desk
    waiters: Waiters
    watcher: Watcher
    changes: Changes
    accesses: AccessLog
    batches: Batches
    reception: Reception
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

    async def present_year(self) -> int:
        """The Danish calendar year now."""
        return (await self.today()).year

    async def answer_within(
        self, submission: Submission, language: Language, seconds: float, *, told_with: int | None = None
    ) -> Answer | None:
        """The answer to a submission, as soon as everything it names can be read; None after ``seconds``.

        ``told_with`` is the status of the response that will tell of it, if that is not the answer's own.
        """
        if submission.answer is not None:
            present_look().note_answer(submission.envelope.data)
            return submission.answer
        if seconds <= 0 and not submission.replayed:
            return None  # nobody has had the time
        command_id = submission.command_id
        outcome = await self.waiters.until(self.models.outcome_of(command_id), seconds, keys=[outcome_key(command_id)])
        if outcome is None:
            return None
        look = present_look()
        look.note_answer(submission.envelope.data)
        answer = await self.answers.answer(submission.envelope, outcome, language)
        # Two writes, each of which waits for a disk: side by side.
        recorded = look.record(told_with or answer.status)
        kept, _ = await asyncio.gather(self.intake.keep_answer(submission, answer), recorded)
        return kept

    async def submission_of(self, command_id: str, caller: Caller) -> Submission | None:
        """A command of the caller's own."""
        return await self.intake.find(command_id, caller)


def build(settings: GatewaySettings, runtime: Runtime) -> Gateway:
    """Put the parts together. Raises ``ValueError`` that names the setting that cannot be used."""
    persons = Persons(
        Sealer.from_setting(settings.seal_keys.get_secret_value()),
        KeyedHasher(read_key(settings.lookup_key.get_secret_value(), "FRIKORT_LOOKUP_KEY")),
    )
    clock = Clock(runtime.database, settable=settings.environment == "local")
    models = Models(noting(runtime.reader), runtime.database)
    allowances = load_allowances(settings.allowances)
    waiters = Waiters(runtime.stopping)
    accesses = MongoAccessLog(runtime.database)
    batches, books = MongoBatches(runtime.database, lease=settings.batch_lease), MongoBooks(runtime.database)
    worker = BatchWorker(
        batches=batches,
        books=books,
        accesses=accesses,
        persons=persons,
        publish=runtime.log.publish,
        now=clock.now,
        waiters=waiters,
        patience=settings.batch_lease / 4,
    )
    return Gateway(
        settings=settings,
        log=runtime.log,
        clock=clock,
        persons=persons,
        allowances=allowances,
        models=models,
        answers=Answers(models=models, persons=persons, allowances=allowances),
        intake=Intake(
            submissions=MongoSubmissions(runtime.database), log=LogTogether(runtime.log), now=clock.now, persons=persons
        ),
        guesses=Guesses(
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
        watcher=Watcher(runtime.database, waiters, [processor.name for processor in PROCESSORS]),
        changes=Changes(waiters, per_caller=settings.streams_per_caller, most=settings.streams_most),
        accesses=accesses,
        batches=batches,
        reception=Reception(
            batches=batches,
            books=books,
            persons=persons,
            now=clock.now,
            lines_most=settings.batch_lines_most,
            hold_days=settings.batch_hold_days,
        ),
        batch_job=BatchJob(batches=batches, worker=worker, now=clock.now, poll=settings.batch_poll),
    )


def _desk(settings: GatewaySettings, runtime: Runtime, persons: Persons) -> Desk:
    return Desk(
        provider=OpenIdProvider(
            issuer=settings.issuer,
            client_id=settings.login_client_id,
            client_key=settings.login_client_key,
            scope=settings.login_scope,
            redirect_uri=f"{settings.public_url}/login/callback",
            seconds=settings.jwks_timeout,
        ),
        begun=MongoRecords(runtime.database, "logins"),
        sessions=Sessions(
            records=MongoRecords(runtime.database, "sessions"),
            persons=persons,
            idle=timedelta(seconds=settings.session_idle),
            most=timedelta(seconds=settings.session_most),
        ),
        names=settings.login_claims,
        issuer=settings.issuer,
        client_id=settings.login_client_id,
        patience=timedelta(seconds=settings.login_seconds),
    )
