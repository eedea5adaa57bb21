"""``python -m services.balance``."""

from services.balance.counting import count_with
from services.balance.jobs import settle_kinds, settlement_starter
from services.balance.processor import LEDGERS
from services.runtime.document_jobs import document_job_runner
from services.runtime.reconciliation import CardCounter
from services.runtime.settings import RuntimeSettings
from services.runtime.starting import report_settings
from services.runtime.web.server import run
from services.runtime.years.followed import FollowedAllowances

if __name__ == "__main__":
    report_settings("balance")
    settings = RuntimeSettings()
    allowances = FollowedAllowances.from_settings(settings)
    run(
        service="balance",
        settings=settings,
        processors=[LEDGERS],
        start_checks=[allowances.catch_up],
        background_tasks=[
            allowances.follow,
            settlement_starter(allowances),
            document_job_runner(lambda: settle_kinds(allowances)),
        ],
        card_counter=CardCounter("balance", LEDGERS.topics, lambda runtime: count_with(runtime.reader(LEDGERS))),
    )
