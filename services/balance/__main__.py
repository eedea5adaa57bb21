"""``python -m services.balance``."""

from services.balance.jobs import settle_kinds, settlement_starter
from services.balance.processor import LEDGERS
from services.runtime.allowance_file import load_allowances
from services.runtime.document_jobs import document_job_runner
from services.runtime.settings import RuntimeSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    settings = RuntimeSettings()
    table = load_allowances(settings.allowances)
    run(
        service="balance",
        settings=settings,
        processors=[LEDGERS],
        background_tasks=[settlement_starter(table), document_job_runner(settle_kinds(table))],
    )
