"""``python -m services.exports``."""

from frikort_contracts.authorities import FEEDS

from services.exports.card_feeds.processor import card_feeds
from services.exports.card_feeds.records import OWN_CPR, needs_cpr
from services.exports.cpr_encryption import cpr_encryptors
from services.exports.difference_messages import message_finder
from services.exports.extracts.worker import extract_job, pending_job
from services.exports.feed_check import feed_check
from services.exports.figures import figures_of
from services.exports.jobs import JOB_KINDS
from services.exports.processor import statements
from services.exports.processors import processors
from services.exports.results import report_results
from services.exports.settings import ExportsSettings
from services.exports.statistics.publisher import statistics_job
from services.runtime.document_jobs import document_job_runner
from services.runtime.file_store import FileStore
from services.runtime.key_providers import SettingsProvider
from services.runtime.person_keys import PersonKeys
from services.runtime.reconciliation import CardCounter, count_cards
from services.runtime.starting import report_settings
from services.runtime.web.server import run
from services.runtime.years.followed import FollowedAllowances

if __name__ == "__main__":
    report_settings("exports")
    settings = ExportsSettings()
    person_keys = PersonKeys(SettingsProvider(settings))
    allowances = FollowedAllowances.from_settings(settings)
    encrypt_for = cpr_encryptors(settings, person_keys)
    cards = statements(encrypt_for(OWN_CPR))
    feeds = card_feeds(FEEDS, {feed.name: encrypt_for(feed.name) for feed in FEEDS if needs_cpr(feed)}, allowances)
    run(
        service="exports",
        settings=settings,
        processors=processors(cards, feeds),
        start_checks=[person_keys.catch_up(settings), allowances.catch_up],
        background_tasks=[
            person_keys.follow(settings),
            allowances.follow,
            extract_job(
                cards, FileStore(settings.extract_files), poll=settings.extract_poll, lease=settings.extract_lease
            ),
            pending_job(cards),
            document_job_runner(lambda: JOB_KINDS),
            message_finder(settings),
            report_results,
            feed_check(FEEDS, feeds, settings),
            statistics_job(delay_days=settings.statistics_delay_days),
        ],
        card_counter=CardCounter(
            "exports", cards.topics, lambda runtime: count_cards(runtime.reader(cards), figures_of)
        ),
    )
