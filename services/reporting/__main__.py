"""``python -m services.reporting``."""

from services.reporting.figures import figures_of
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.reporting.settings import ReportingSettings
from services.runtime.reconciliation import CardCounter, count_cards
from services.runtime.starting import report_settings
from services.runtime.web.server import run
from services.runtime.years.followed import FollowedAllowances

if __name__ == "__main__":
    report_settings("reporting")
    settings = ReportingSettings()
    allowances = FollowedAllowances.from_settings(settings)
    rules = Rules(
        allowances,
        settings.provisional_accepted,
        most_a_year=settings.reports_per_year,
        most_a_card=settings.reports_per_card,
    )
    processor = card_states(rules)
    run(
        service="reporting",
        settings=settings,
        processors=[processor],
        start_checks=[allowances.catch_up],
        background_tasks=[allowances.follow],
        card_counter=CardCounter(
            "reporting", processor.topics, lambda runtime: count_cards(runtime.reader(processor), figures_of)
        ),
    )
