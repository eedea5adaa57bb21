"""``python -m services.issuance``."""

from services.issuance.processor import CARDS
from services.runtime.settings import RuntimeSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    run(service="issuance", settings=RuntimeSettings(), processors=[CARDS])
