"""References of cases and reports, which their senders choose: in a message each is in the clear or encrypted.

They are free text about a person. Messages from before they were encrypted have them in the clear.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from frikort_contracts.uuids import uuid5_text
from frikort_contracts.values import Ciphertext, Reference, is_none

# A field without a value is left out of the JSON: commands are strict, so a release that does not know it reads them.
ClearReference = Annotated[
    Reference | None, Field(exclude_if=is_none, description="In the clear; absent if it is encrypted.")
]
"""The reference in a command, unless it is encrypted."""
EncryptedReference = Annotated[
    Ciphertext | None, Field(exclude_if=is_none, description="The sender's own reference, encrypted.")
]
"""The encrypted reference in a command."""
ReportId = Annotated[
    str | None,
    StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
    Field(
        exclude_if=is_none,
        description="Id of the report, which follows from the employment and the reference; with an encrypted one.",
    ),
]
"""The id of the report in a command, beside an encrypted reference."""


def report_id_of(employment_id: str, reference: str) -> str:
    """The id of the report that the employer calls ``reference``: a UUIDv5 in the namespace of the employment's id.

    Employment (employer and card) and reference are the business key: the same reference always names the same report.
    """
    return uuid5_text(UUID(employment_id).bytes, reference)


def check_one_form(clear: str | None, *encrypted: str | None) -> None:
    """A reference is in the clear, or has every part of the encrypted form. Raises ``ValueError``."""
    parts = sum(part is not None for part in encrypted)
    if parts != (len(encrypted) if clear is None else 0):
        raise ValueError("a reference is either in the clear or encrypted")
