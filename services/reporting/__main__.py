"""``python -m services.reporting``."""

from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.allowance_file import load_allowances
from services.runtime.settings import RuntimeSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    settings = RuntimeSettings()
    rules = Rules(load_allowances(settings.allowances), settings.provisional_accepted)
    run(service="reporting", settings=settings, processors=[card_states(rules)])
