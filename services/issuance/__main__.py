"""``python -m services.issuance``."""

import secrets

from services.issuance.processor import cards
from services.runtime.settings import RuntimeSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    run(service="issuance", settings=RuntimeSettings(), processors=[cards(secrets.token_bytes(32))])
