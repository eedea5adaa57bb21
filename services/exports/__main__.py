"""``python -m services.exports``."""

from frikort_contracts.authorities import FEEDS

from services.exports.card_feeds.processor import card_feeds
from services.exports.card_feeds.records import OWN_CPR, needs_cpr
from services.exports.cpr_encryption import cpr_encryptor, load_key
from services.exports.difference_messages import message_finder
from services.exports.extracts.requests import EXTRACT_FILES, PERIOD_EXTRACTS, REQUESTS
from services.exports.extracts.worker import extract_job, pending_job
from services.exports.feed_check import feed_check
from services.exports.figures import figures_of
from services.exports.jobs import JOB_KINDS
from services.exports.processor import EncryptCpr, statements
from services.exports.reconciliation import RECONCILIATIONS
from services.exports.results import report_results
from services.exports.settings import ExportsSettings
from services.exports.statistics.card_history import CARD_HISTORIES
from services.exports.statistics.publisher import statistics_job
from services.runtime.document_jobs import document_job_runner
from services.runtime.encryption import Encryptor
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
    earlier = None if settings.encryption_keys is None else settings.encryption_keys.get_secret_value()
    encryptor = None if earlier is None else Encryptor.from_setting(earlier)
    allowances = FollowedAllowances.from_settings(settings)

    def encrypt_for(authority: str) -> EncryptCpr:
        return cpr_encryptor(person_keys, encryptor, load_key(settings.authority_keys, authority))

    cards = statements(encrypt_for(OWN_CPR))
    feeds = card_feeds(FEEDS, {feed.name: encrypt_for(feed.name) for feed in FEEDS if needs_cpr(feed)}, allowances)
    run(
        service="exports",
        settings=settings,
        processors=[cards, REQUESTS, EXTRACT_FILES, PERIOD_EXTRACTS, RECONCILIATIONS, CARD_HISTORIES, feeds],
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
