"""What a process refuses in production: published, weak or equal keys, http addresses, engines without login or TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic_settings import BaseSettings
from pymongo.errors import ConfigurationError
from pymongo.uri_parser import parse_uri

from services.runtime.keys import keys_of, weakness_of_key, weakness_of_password
from services.runtime.settings import KafkaSettings, MongoSettings, WebAddress

_REMEDY: Final = "make one with `openssl rand -{} 32`"
_INSECURE_TLS: Final = ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")


class Finding(NamedTuple):
    """A setting that is refused in production: what it is, and what to put there. Never the value of a secret."""

    setting: str
    found: str
    put: str


def findings(settings: BaseSettings) -> list[Finding]:
    """All that is refused in production. Raises ``OSError`` if Kafka's password cannot be read."""
    return [*_keys(settings), *_addresses(settings), *_mongodb(settings), *_kafka(settings)]


def _keys(settings: BaseSettings) -> Iterator[Finding]:
    try:
        keys = keys_of(settings)
    except ValueError as error:
        setting, _, problem = str(error).partition(" ")
        yield Finding(setting, problem, _REMEDY.format("base64"))
        return
    names: dict[bytes, str] = {}
    for key in keys:
        name = f"the key {key.id} in {key.setting}" if key.id else key.setting
        if (weakness := weakness_of_key(key.value)) is not None:
            yield Finding(name, weakness, _REMEDY.format("base64"))
        elif key.value in names:
            yield Finding(name, f"the same key as {names[key.value]}", _REMEDY.format("base64"))
        names.setdefault(key.value, name)


def _addresses(settings: BaseSettings) -> Iterator[Finding]:
    for name, field in type(settings).model_fields.items():
        address = getattr(settings, name)
        is_marked = any(isinstance(mark, WebAddress) for mark in field.metadata)
        if is_marked and address is not None and not address.lower().startswith("https://"):
            yield Finding(f"FRIKORT_{name.upper()}", "an address without https", "put its https address")


def _mongodb(settings: BaseSettings) -> Iterator[Finding]:
    if not isinstance(settings, MongoSettings):
        return
    try:
        parsed = parse_uri(settings.mongodb_uri)
    except (ConfigurationError, ValueError, OSError):
        return  # refused in every environment
    options: dict[str, Any] = {name.lower(): value for name, value in parsed["options"].items()}
    if options.get("authmechanism") != "MONGODB-X509":
        if parsed["username"] is None:
            yield Finding("FRIKORT_MONGODB_USER", "not set", "put the user of this process")
        elif (weakness := weakness_of_password(parsed["password"] or "")) is not None:
            yield Finding("FRIKORT_MONGODB_PASSWORD", weakness, _REMEDY.format("hex"))
    if options.get("tls") is not True:
        yield Finding("FRIKORT_MONGODB_TLS", "false", "put true")
    for name in _INSECURE_TLS:
        if options.get(name):
            yield Finding(f"{name} in FRIKORT_MONGODB", "true", "leave it out")


def _kafka(settings: BaseSettings) -> Iterator[Finding]:
    if not isinstance(settings, KafkaSettings):
        return
    if (password := settings.kafka_secret) is None:
        yield Finding("FRIKORT_KAFKA_USER", "not set", "put the principal of this process, as in the topic table")
    elif (weakness := weakness_of_password(password.get_secret_value())) is not None:
        yield Finding("FRIKORT_KAFKA_PASSWORD", weakness, _REMEDY.format("hex"))
    if not settings.kafka_tls:
        yield Finding("FRIKORT_KAFKA_TLS", "false", "put true")
