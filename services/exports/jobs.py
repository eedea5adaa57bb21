"""Jobs over the statements of all cards: ``python -m services.exports.jobs start|status|cancel``."""

from __future__ import annotations

import sys
from typing import Final

from frikort_contracts.extracts import RepublishStatements

from services.runtime.document_jobs import main
from services.runtime.processing.jobs import JobKind


def _republish(card_id: str) -> RepublishStatements:
    return RepublishStatements(card_id=card_id)


JOB_KINDS: Final = (JobKind("republish-statements", documents="statements", message=_republish),)
"""``republish-statements`` fills the feed of an authority that lost its copy."""

if __name__ == "__main__":
    sys.exit(main("exports", JOB_KINDS))
