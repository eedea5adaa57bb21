"""``python -m services.balance``."""

from services.balance.decide import LEDGERS
from services.runtime.service import run
from services.runtime.settings import RuntimeSettings

if __name__ == "__main__":
    run(service="balance", settings=RuntimeSettings(), processors=[LEDGERS])
