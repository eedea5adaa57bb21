"""S6: Production refuses published, weak and equal keys, addresses without https, and engines without login or TLS."""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from services.gateway.settings import GatewaySettings
from services.portals.settings import PortalsSettings
from services.runtime.keys import is_published, keys_of, weakness_of_key, weakness_of_password
from services.runtime.production_checks import findings
from services.runtime.safety_checks import UnsafeSetting, check_settings

ROOT: Final = Path(__file__).parents[2]


def new_key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def gateway(**changes: Any) -> GatewaySettings:
    """Settings of the gateway that production accepts."""
    given: dict[str, Any] = {
        "environment": "production",
        "kafka": "broker:9093",
        "kafka_user": "gateway",
        "kafka_password": SecretStr(secrets.token_hex(32)),
        "kafka_tls": True,
        "mongodb": "mongodb://a,b,c/?replicaSet=frikort",
        "mongodb_user": "gateway",
        "mongodb_password": SecretStr(secrets.token_hex(32)),
        "mongodb_tls": True,
        "encryption_keys": SecretStr(f"k2:{new_key()},k1:{new_key()}"),
        "lookup_key": SecretStr(new_key()),
        "audit_log_keys": SecretStr(f"k1:{new_key()}"),
        **{f"key_encryption_keys_{purpose}": SecretStr(f"k1:{new_key()}") for purpose in ("cpr", "name", "text")},
        "extract_files": "s3://frikort/extracts",
        "issuer": "https://login.example.dk",
        "jwks_url": "https://login.example.dk/jwks",
        "api_url": "https://api.example.dk",
    }
    return GatewaySettings(**given | changes)


def refused(settings: GatewaySettings | PortalsSettings) -> str:
    """The text of the refusal."""
    with pytest.raises(UnsafeSetting) as unsafe:
        check_settings(settings)
    return str(unsafe.value)


def test_safe_settings_are_accepted() -> None:
    check_settings(gateway())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"lookup_key": SecretStr(b64encode(bytes(32)).decode())}, "FRIKORT_LOOKUP_KEY is a repetition"),
        ({"lookup_key": SecretStr(b64encode(b"ab" * 16).decode())}, "FRIKORT_LOOKUP_KEY is a repetition"),
        ({"lookup_key": SecretStr(b64encode(bytes(range(32))).decode())}, "FRIKORT_LOOKUP_KEY is a pattern"),
        ({"lookup_key": SecretStr(b64encode(b"a secret that is a text of words").decode())}, "LOOKUP_KEY is a text"),
        ({"encryption_keys": SecretStr(f"a:{b64encode(bytes(32)).decode()}")}, "the key a in FRIKORT_ENCRYPTION_KEYS"),
        ({"issuer": "http://login.example.dk"}, "FRIKORT_ISSUER is an address without https"),
        ({"jwks_url": "http://login.example.dk/jwks"}, "FRIKORT_JWKS_URL is an address without https"),
        ({"api_url": "http://api.example.dk"}, "FRIKORT_API_URL is an address without https"),
        ({"token_url": "http://login.example.dk/token"}, "FRIKORT_TOKEN_URL is an address without https"),
        ({"mongodb_user": None, "mongodb_password": None}, "FRIKORT_MONGODB_USER is not set"),
        ({"mongodb_password": SecretStr("secret")}, "FRIKORT_MONGODB_PASSWORD is short or a pattern"),
        ({"mongodb_password": SecretStr("a" * 64)}, "FRIKORT_MONGODB_PASSWORD is short or a pattern"),
        ({"mongodb_tls": False}, "FRIKORT_MONGODB_TLS is false"),
        ({"mongodb": "mongodb://a/?replicaSet=f&tlsAllowInvalidCertificates=true"}, "tlsallowinvalidcertificates"),
        ({"kafka_user": None, "kafka_password": None}, "FRIKORT_KAFKA_USER is not set"),
        ({"kafka_password": SecretStr("secret")}, "FRIKORT_KAFKA_PASSWORD is short or a pattern"),
        ({"kafka_tls": False}, "FRIKORT_KAFKA_TLS is false"),
        ({"topic_replication": 1}, "FRIKORT_TOPIC_REPLICATION is 1"),
    ],
)
def test_an_unsafe_setting_is_refused_in_production_and_accepted_locally(changes: dict[str, Any], named: str) -> None:
    assert named in refused(gateway(**changes))
    check_settings(gateway(**changes, environment="local"))


def test_equal_keys_are_refused() -> None:
    key = new_key()
    text = refused(gateway(encryption_keys=SecretStr(f"k1:{key}"), lookup_key=SecretStr(key)))
    assert "FRIKORT_LOOKUP_KEY is the same key as the key k1 in FRIKORT_ENCRYPTION_KEYS" in text


def test_every_unsafe_setting_is_named_in_one_message() -> None:
    weak = SecretStr(b64encode(bytes(32)).decode())
    text = refused(gateway(lookup_key=weak, issuer="http://a.dk", mongodb_tls=False, kafka_tls=False))
    assert re.findall(r"FRIKORT_\w+", text) == [
        "FRIKORT_LOOKUP_KEY",
        "FRIKORT_ISSUER",
        "FRIKORT_MONGODB_TLS",
        "FRIKORT_KAFKA_TLS",
    ]


def test_the_portals_need_https_and_their_own_key() -> None:
    settings = PortalsSettings(
        environment="production",
        mongodb="mongodb://a/?replicaSet=f",
        mongodb_user="portals",
        mongodb_password=SecretStr(secrets.token_hex(32)),
        mongodb_tls=True,
        public_url="http://frikort.example.dk",
        gateway_url="http://gateway:8080",
        api_url="http://api.example.dk",
        issuer="http://login.example.dk",
        session_keys=SecretStr(f"k1:{b64encode(bytes(32)).decode()}"),
        login_client_key=Path("key.json"),
    )
    named = {setting for setting, _, _ in findings(settings)}
    assert named == {
        "the key k1 in FRIKORT_SESSION_KEYS",
        "FRIKORT_PUBLIC_URL",
        "FRIKORT_GATEWAY_URL",
        "FRIKORT_API_URL",
        "FRIKORT_ISSUER",
    }


def test_the_keys_of_the_example_file_are_known() -> None:
    """Only `.env.example` publishes keys. Production refuses them."""
    published = [b64decode(key) for key in re.findall(r"[A-Za-z0-9+/]{43}=", (ROOT / ".env.example").read_text())]
    assert len(published) == 7
    assert all(map(is_published, published))
    assert {weakness_of_key(key) for key in published} == {"a published development key"}


def test_random_keys_and_passwords_are_accepted() -> None:
    assert {weakness_of_key(secrets.token_bytes(32)) for _ in range(2000)} == {None}
    assert {weakness_of_password(secrets.token_hex(32)) for _ in range(2000)} == {None}


def test_settings_and_refusals_show_no_secret() -> None:
    settings = gateway()
    secret_texts = [key.value for key in keys_of(settings)]
    assert secret_texts
    password = settings.mongodb_password
    assert password is not None
    weak = gateway(mongodb_password=SecretStr("hunter2-hunter2"), mongodb_tls=False)
    shown = [repr(settings), str(settings), repr(weak), refused(weak)]
    for text in shown:
        assert password.get_secret_value() not in text
        assert "hunter2" not in text
        assert settings.lookup_key.get_secret_value() not in text
        assert settings.encryption_keys.get_secret_value() not in text
    assert password.get_secret_value() in settings.mongodb_uri


def test_a_connection_string_with_a_password_is_not_shown() -> None:
    settings = gateway(mongodb="mongodb://user:hunter2@a/?replicaSet=f", mongodb_user=None, mongodb_password=None)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in refused(settings)
