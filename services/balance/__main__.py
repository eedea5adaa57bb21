"""``python -m services.balance``."""

from services.balance.processor import LEDGERS
from services.runtime.settings import RuntimeSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    run(service="balance", settings=RuntimeSettings(), processors=[LEDGERS])
