"""How exports is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frikort_contracts.extracts import Authority

from services.exports.jobs import JOB_KINDS
from services.exports.requests import REQUESTS
from services.exports.sealing import cpr_sealer, load_key
from services.exports.settings import ExportsSettings
from services.exports.statements import statements
from services.exports.worker import extract_job, held_job
from services.runtime.document_jobs import document_job_runner
from services.runtime.encryption import Encryptor
from services.runtime.processing.decision import Processor
from services.runtime.service import Job

SERVICE = "exports"


def parts_of(settings: ExportsSettings) -> tuple[Sequence[Processor[Any]], Sequence[Job]]:
    """The processors and the jobs. Raises ``ValueError`` if a key cannot be used."""
    sealer = Encryptor.from_setting(settings.seal_keys.get_secret_value())
    cards = statements(cpr_sealer(sealer, load_key(settings.authority_keys, Authority.SKAT)))
    jobs = (
        extract_job(cards, poll=settings.extract_poll, lease=settings.extract_lease),
        held_job(cards),
        document_job_runner(JOB_KINDS),
    )
    return (cards, REQUESTS), jobs
