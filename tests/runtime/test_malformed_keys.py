"""A key setting that cannot be read is refused by its name, and no part of the key is repeated."""

from __future__ import annotations

import re
import traceback
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from services.exports.cpr_encryption import load_key
from services.exports.settings import ExportsSettings
from services.gateway.settings import GatewaySettings, PayrollSettings
from services.portals.login.oidc import read_client_key
from services.portals.settings import PortalsSettings
from services.runtime.encryption import Encryptor
from services.runtime.settings import KeyMaterial

KEY: Final = b64encode(sha256(b"one").digest()).decode()
OTHER: Final = b64encode(sha256(b"two").digest()).decode()
_PART: Final = 8
"""So many characters of a key that are repeated in an error are a part of it."""

WHOLE: Final = {
    "FRIKORT_KAFKA": "127.0.0.1:1",
    "FRIKORT_MONGODB": "mongodb://127.0.0.1:1/?replicaSet=frikort",
    "FRIKORT_ENCRYPTION_KEYS": f"k1:{KEY}",
    **{f"FRIKORT_KEY_ENCRYPTION_KEYS_{purpose}": f"k1:{OTHER}" for purpose in ("CPR", "NAME", "TEXT")},
    "FRIKORT_LOOKUP_KEY": OTHER,
    "FRIKORT_AUDIT_LOG_KEYS": f"k1:{OTHER}",
    "FRIKORT_SESSION_KEYS": f"k1:{KEY}",
    "FRIKORT_AUTHORITY_KEYS": "/nowhere",
    "FRIKORT_EXTRACT_FILES": "file:///nowhere",
    "FRIKORT_LOGIN_CLIENT_KEY": "/nowhere",
    "FRIKORT_ISSUER": "http://login.example.dk",
    "FRIKORT_JWKS_URL": "http://login.example.dk/jwks",
    "FRIKORT_API_URL": "http://api.example.dk",
    "FRIKORT_PUBLIC_URL": "http://www.example.dk",
    "FRIKORT_GATEWAY_URL": "http://api.example.dk",
}
SEVERAL: Final = {
    "without an id": KEY,
    "without padding or an id": KEY.rstrip("="),
    "with an empty id": f":{KEY}",
    "the id and the key exchanged": f"{KEY}:k1",
    "the same id twice": f"k1:{KEY},k1:{OTHER}",
    "the second without an id": f"k1:{KEY},{OTHER}",
    "cut off": f"k1:{KEY[:30]}",
    "a key twice in one": f"k1:{KEY}{OTHER}",
    "separated by a semicolon": f"k1:{KEY};k2:{OTHER}",
    "in quotes": f"'k1:{KEY}'",
    "hexadecimal": f"k1:{sha256(b'one').hexdigest()}",
    "nothing after a comma": f"k1:{KEY},",
    "empty": "",
}
UNNAMED: Final = {
    "cut off": KEY[:30],
    "hexadecimal": sha256(b"one").hexdigest(),
    "in quotes": f'"{KEY}"',
    "two without an id": f"{KEY},{OTHER}",
    "the same id twice": f"{KEY},2:{OTHER},2:{OTHER}",
    "the id and the key exchanged": f"{KEY}:2",
    "empty": "",
}


def key_settings() -> Iterator[tuple[type[BaseSettings], str, bool]]:
    """Every setting of every process that holds keys, and whether one may be without an id."""
    for kind in (GatewaySettings, PayrollSettings, ExportsSettings, PortalsSettings):
        for name, field in kind.model_fields.items():
            for mark in field.metadata:
                if isinstance(mark, KeyMaterial):
                    yield kind, f"FRIKORT_{name.upper()}", mark.unnamed


CASES: Final = [
    pytest.param(kind, setting, value, id=f"{kind.__name__} {setting} {what}")
    for kind, setting, unnamed in key_settings()
    for what, value in (UNNAMED if unnamed else SEVERAL).items()
]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def shown(error: BaseException) -> str:
    """What a log, a terminal or a supervisor can show of an error."""
    return "".join(traceback.format_exception(error)) + str(error) + repr(error)


def parts_in(text: str, *secrets: str) -> list[str]:
    """The parts of the secrets that the text repeats."""
    pieces = [piece for secret in secrets for piece in re.split(r"[^A-Za-z0-9+/=]", secret)]
    return [p[i : i + _PART] for p in pieces for i in range(len(p) - _PART + 1) if p[i : i + _PART] in text]


def test_the_keys_of_all_processes_are_known(environment: pytest.MonkeyPatch) -> None:
    found = {(kind.__name__, setting) for kind, setting, _ in key_settings()}
    assert found == {
        ("GatewaySettings", "FRIKORT_ENCRYPTION_KEYS"),
        *(("GatewaySettings", f"FRIKORT_KEY_ENCRYPTION_KEYS_{purpose}") for purpose in ("CPR", "NAME", "TEXT")),
        ("GatewaySettings", "FRIKORT_LOOKUP_KEY"),
        ("GatewaySettings", "FRIKORT_AUDIT_LOG_KEYS"),
        ("PayrollSettings", "FRIKORT_ENCRYPTION_KEYS"),
        ("ExportsSettings", "FRIKORT_KEY_ENCRYPTION_KEYS_CPR"),
        ("ExportsSettings", "FRIKORT_ENCRYPTION_KEYS"),
        ("PortalsSettings", "FRIKORT_SESSION_KEYS"),
    }
    for kind, _, _ in key_settings():
        kind()


@pytest.mark.parametrize(("kind", "setting", "value"), CASES)
def test_a_malformed_key_is_refused_by_the_name_of_its_setting_and_never_repeated(
    environment: pytest.MonkeyPatch, kind: type[BaseSettings], setting: str, value: str
) -> None:
    environment.setenv(setting, value)
    with pytest.raises(ValidationError) as refused:
        kind()
    text = shown(refused.value)
    assert setting in text
    assert parts_in(text, value, KEY, OTHER) == []


@pytest.mark.parametrize("content", [KEY, f'{{"kty": "EC", "d": "{KEY}"}}', f'["{KEY}"]', f'{{"skat": "{KEY}"}}', ""])
@pytest.mark.parametrize("as_path", [True, False])
def test_a_key_file_that_cannot_be_read_is_refused_and_neither_its_content_nor_its_path_is_repeated(
    tmp_path: Path, content: str, as_path: bool
) -> None:
    (path := tmp_path / "key").write_text(content)
    given = Path(content) if as_path else path
    readers: dict[str, Any] = {
        "FRIKORT_LOGIN_CLIENT_KEY": read_client_key,
        "FRIKORT_AUTHORITY_KEYS": lambda path: load_key(path, "skat"),
    }
    for setting, read in readers.items():
        with pytest.raises(ValueError, match=setting) as refused:
            read(given)
        assert parts_in(shown(refused.value), content, KEY) == []


def test_a_key_is_rotated_by_appending_it_everywhere_and_then_moving_it_to_the_front() -> None:
    """One instance after another is restarted. At every moment all instances decrypt what any of them encrypts."""
    first, both, moved = f"k1:{KEY}", f"k1:{KEY},k2:{OTHER}", f"k2:{OTHER},k1:{KEY}"
    instances = [Encryptor.from_setting(first) for _ in range(3)]
    texts = [instance.encrypt("before", "purpose") for instance in instances]
    for setting in (both, moved):
        for number in range(len(instances)):
            instances[number] = Encryptor.from_setting(setting)
            texts += [instance.encrypt("between", "purpose") for instance in instances]
            for instance in instances:
                assert {instance.decrypt(text, "purpose") for text in texts} <= {"before", "between"}
    assert all(instance.encrypt("after", "purpose").startswith("k2.") for instance in instances)
