"""Certificates with which local engines speak TLS. `make run` uses none: it listens on the loopback interface."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """Two PEM files."""

    authority: Path
    """The certificates of the authority that servers and clients trust."""
    server: Path
    """The private key and the certificate of the servers."""
