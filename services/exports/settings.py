"""Settings of exports, beyond those of every service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.runtime.settings import (
    FILES_DESCRIPTION,
    FileAddress,
    OptionalLastingKeys,
    ReplaceableKeys,
    RuntimeSettings,
)


class ExportsSettings(RuntimeSettings):
    """Read from ``FRIKORT_`` and the field's name in capitals."""

    key_encryption_keys_cpr: ReplaceableKeys = Field(
        description="`<key id>:<base64 of 32 bytes>`, comma separated: they decrypt the data keys of CPR numbers."
    )
    encryption_keys: OptionalLastingKeys = Field(
        default=None,
        description="The keys of people whose cards were issued before people had keys; only to read such cards again.",
    )
    authority_keys: Path = Field(
        description="A JSON file: authority -> public JWK (EC P-256), for each authority that gets the CPR number."
    )
    # Statements are not urgent, and a batch costs much the same whatever its size.
    min_batch_interval: float = Field(default=1.0, ge=0, le=2, description="Seconds for each small batch, on average.")
    extract_files: FileAddress = Field(description=FILES_DESCRIPTION)
    extract_poll: float = Field(default=1.0, gt=0, description="Seconds between checks for new extracts.")
    extract_lease: float = Field(default=30.0, gt=0, description="Seconds until a silent worker loses its extract.")
    statistics_delay_days: int = Field(
        default=10, ge=1, description="Days from the end of a month until its statistics are published."
    )
