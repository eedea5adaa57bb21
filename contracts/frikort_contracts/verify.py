"""``python -m frikort_contracts.verify FILE --keys KEYS``: whether an evidence file is genuine, and what it says.

Needs no network: only the file and Frikort's public keys. Install ``frikort-contracts[verify]``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import TypeAdapter, ValidationError

from frikort_contracts.evidence import (
    EvidenceFile,
    EvidenceRoot,
    ExtractManifest,
    FilesManifest,
    ReportReceipt,
    Statement,
    digest_of_text,
    leaf_of,
    root_from,
)

GENUINE: Final = 0
NOT_GENUINE: Final = 1
UNREADABLE: Final = 2

_ALGORITHM: Final = "Ed25519"
_STATEMENT: Final[TypeAdapter[ReportReceipt | ExtractManifest | FilesManifest]] = TypeAdapter(Statement)


class NotGenuine(Exception):
    """The file does not prove what it says. The text gives the reason."""


def read_root(signed_root: str, keys: Sequence[Mapping[str, Any]]) -> EvidenceRoot:
    """The root in a JWS that one of ``keys`` (public JWKs) has signed. Raises ``NotGenuine``."""
    known = {key.thumbprint(): key for key in (OKPKey.import_key(dict(given)) for given in keys)}
    try:
        key = known.get(jws.extract_compact(signed_root.encode()).headers().get("kid", ""))
        if key is None:
            raise NotGenuine("the root is signed with a key that is not among the given ones")
        return EvidenceRoot.model_validate_json(
            jws.deserialize_compact(signed_root, key, algorithms=[_ALGORITHM]).payload
        )
    except (JoseError, ValidationError, ValueError):
        raise NotGenuine("the signature of the root is not valid") from None


def verify(
    evidence: EvidenceFile, keys: Sequence[Mapping[str, Any]]
) -> ReportReceipt | ExtractManifest | FilesManifest:
    """The statement of a genuine file. Raises ``NotGenuine``."""
    root = read_root(evidence.signed_root, keys)
    if root_from(leaf_of(evidence.statement), evidence.index, root.size, evidence.path) != root.root:
        raise NotGenuine("the statement is not one of those that were signed")
    try:
        return _STATEMENT.validate_json(evidence.statement)
    except ValidationError:
        raise NotGenuine("the statement is of a form that this version does not know") from None


def parser() -> argparse.ArgumentParser:
    """The arguments."""
    made = argparse.ArgumentParser(prog="python -m frikort_contracts.verify", description=__doc__)
    made.add_argument("file", type=Path, help="the receipt of a report, or the manifest of an extract")
    made.add_argument("--keys", type=Path, required=True, help="Frikort's public keys, a JSON Web Key Set")
    made.add_argument("--data", type=Path, nargs="*", default=[], help="files of the extract, to compare with it")
    made.add_argument("--roots", type=Path, help="a copy of the published roots, one JWS a line")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns ``GENUINE``, ``NOT_GENUINE`` or ``UNREADABLE``."""
    given = parser().parse_args(arguments)
    try:
        evidence = EvidenceFile.model_validate_json(given.file.read_bytes())
        keys = json.loads(given.keys.read_text(encoding="utf-8"))["keys"]
        roots = None if given.roots is None else given.roots.read_text(encoding="utf-8").split()
        statement = verify(evidence, keys)
        _check_published(evidence.signed_root, roots, keys)
        _check_data(statement, given.data)
    except NotGenuine as reason:
        sys.stderr.write(f"NOT GENUINE: {reason}.\n")
        return NOT_GENUINE
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"The files cannot be read: {type(error).__name__}.\n")
        return UNREADABLE
    sys.stdout.write("Genuine. It says:\n" + _shown(statement))
    return GENUINE


def _check_published(signed_root: str, published: Sequence[str] | None, keys: Sequence[Mapping[str, Any]]) -> None:
    """Check that the published roots, if given, follow each other without a gap, and that this one is among them."""
    if published is None:
        return
    before: EvidenceRoot | None = None
    for number, text in enumerate(published):
        root = read_root(text, keys)
        if before is not None and (root.sequence, root.previous) != (
            before.sequence + 1,
            digest_of_text(published[number - 1]),
        ):
            raise NotGenuine(f"the published root {root.sequence} does not follow the one before")
        before = root
    if signed_root not in published:
        raise NotGenuine("the root is not among the published ones")


def _check_data(statement: ReportReceipt | ExtractManifest | FilesManifest, paths: Sequence[Path]) -> None:
    digests = (
        {file.sha256 for file in statement.files} if isinstance(statement, ExtractManifest | FilesManifest) else set()
    )
    for path in paths:
        with path.open("rb") as content:
            if file_digest(content, "sha256").hexdigest() not in digests:
                raise NotGenuine(f"{path.name} is not a file of this extract")


def _shown(statement: ReportReceipt | ExtractManifest | FilesManifest) -> str:
    fields = statement.model_dump(mode="json", exclude_none=True)
    return "".join(f"  {name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields.items())


if __name__ == "__main__":
    sys.exit(main())
