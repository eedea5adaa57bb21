"""``python -m services.issuance``."""

import secrets

from services.issuance.jobs import JOB_KINDS, start_nightly
from services.issuance.processor import cards
from services.runtime.document_jobs import document_job_runner
from services.runtime.settings import RuntimeSettings
from services.runtime.starting import report_settings
from services.runtime.web.server import run

if __name__ == "__main__":
    report_settings("issuance")
    run(
        service="issuance",
        settings=RuntimeSettings(),
        processors=[cards(secrets.token_bytes(32))],
        background_tasks=[document_job_runner(lambda: JOB_KINDS), start_nightly],
    )
