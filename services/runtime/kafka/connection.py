"""How clients of Kafka connect: addresses, SASL and TLS, in the form that each library takes. Made nowhere else."""

from __future__ import annotations

import ssl
from typing import Any, Final

from faststream.security import BaseSecurity, SASLScram512

from services.runtime.kafka import closed_connections
from services.runtime.settings import KafkaSettings

closed_connections.install()

MECHANISM: Final = "SCRAM-SHA-512"
# aiokafka's ``consumer_timeout_ms``: its fetcher goes through all partitions whenever a fetch, a read, a seek or a new
# assignment calls for it, and at least this often. The default of 200 costs an idle process a tenth of its time.
FETCHER_TIMEOUT_MS: Final = 2_000


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """The keyword arguments of aiokafka's producer, consumer and admin client. They contain the password."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka,
        "security_protocol": _protocol(settings),
        "ssl_context": _ssl_context(settings),
    }
    if (user := _user(settings)) is not None:
        name, password = user
        options |= {"sasl_mechanism": MECHANISM, "sasl_plain_username": name, "sasl_plain_password": password}
    return options


def faststream_security(settings: KafkaSettings) -> BaseSecurity:
    """The ``security`` of FastStream's broker."""
    context = _ssl_context(settings)
    if (user := _user(settings)) is not None:
        name, password = user
        return SASLScram512(name, password, ssl_context=context, use_ssl=settings.kafka_tls)
    return BaseSecurity(ssl_context=context, use_ssl=settings.kafka_tls)


def librdkafka_options(settings: KafkaSettings) -> dict[str, str]:
    """The configuration of confluent-kafka. It contains the password."""
    options = {"bootstrap.servers": settings.kafka, "security.protocol": _protocol(settings)}
    if settings.kafka_ca_file is not None:
        options["ssl.ca.location"] = str(settings.kafka_ca_file)
    if (user := _user(settings)) is not None:
        name, password = user
        options |= {"sasl.mechanism": MECHANISM, "sasl.username": name, "sasl.password": password}
    return options


def _protocol(settings: KafkaSettings) -> str:
    if settings.kafka_user is None:
        return "SSL" if settings.kafka_tls else "PLAINTEXT"
    return "SASL_SSL" if settings.kafka_tls else "SASL_PLAINTEXT"


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=settings.kafka_ca_file) if settings.kafka_tls else None


def _user(settings: KafkaSettings) -> tuple[str, str] | None:
    password = settings.kafka_secret
    if settings.kafka_user is None or password is None:
        return None
    return settings.kafka_user, password.get_secret_value()
