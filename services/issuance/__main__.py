"""``python -m services.issuance``."""

from services.issuance.decide import CARDS
from services.runtime.service import run
from services.runtime.settings import RuntimeSettings

if __name__ == "__main__":
    run(service="issuance", settings=RuntimeSettings(), processors=[CARDS])
