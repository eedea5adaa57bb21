"""``python -m tests.bench.peers.streams``: write the checksums of the jars."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.peers.streams import CHECKSUMS, checksums, fetch

with tempfile.TemporaryDirectory() as scratch:
    fetch(Path(scratch))
    CHECKSUMS.write_text(checksums(Path(scratch)))
