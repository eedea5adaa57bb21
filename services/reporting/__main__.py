"""``python -m services.reporting``."""

from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.settings import RuntimeSettings
from services.runtime.web.server import run
from services.runtime.years.followed import FollowedAllowances

if __name__ == "__main__":
    settings = RuntimeSettings()
    allowances = FollowedAllowances.from_settings(settings)
    rules = Rules(allowances, settings.provisional_accepted)
    run(
        service="reporting",
        settings=settings,
        processors=[card_states(rules)],
        start_checks=[allowances.catch_up],
        background_tasks=[allowances.follow],
    )
