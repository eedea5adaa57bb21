"""``python -m services.reporting``."""

from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.reporting.settings import ReportingSettings
from services.runtime.web.server import run
from services.runtime.years.followed import FollowedAllowances

if __name__ == "__main__":
    settings = ReportingSettings()
    allowances = FollowedAllowances.from_settings(settings)
    rules = Rules(
        allowances,
        settings.provisional_accepted,
        most_a_year=settings.reports_per_year,
        most_a_card=settings.reports_per_card,
    )
    run(
        service="reporting",
        settings=settings,
        processors=[card_states(rules)],
        start_checks=[allowances.catch_up],
        background_tasks=[allowances.follow],
    )
