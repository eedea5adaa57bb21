"""How clients connect to Kafka follows from the settings, and no password is shown."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ApiVersionRequest
from faststream.security import BaseSecurity, SASLScram512

from services.runtime.kafka.connection import client_options, faststream_security, librdkafka_options
from services.runtime.settings import KafkaSettings, RuntimeSettings

PASSWORD = "the-password"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return path


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text("")
    return path


def settings(**given: Any) -> KafkaSettings:
    return KafkaSettings(kafka="one:9092", **given)


def test_without_a_user_and_tls_a_client_connects_in_the_clear() -> None:
    options = client_options(settings())
    assert options == {"bootstrap_servers": "one:9092", "security_protocol": "PLAINTEXT", "ssl_context": None}
    assert librdkafka_options(settings()) == {"bootstrap.servers": "one:9092", "security.protocol": "PLAINTEXT"}
    assert type(faststream_security(settings())) is BaseSecurity


@pytest.mark.parametrize(("tls", "protocol"), [(False, "SASL_PLAINTEXT"), (True, "SASL_SSL")])
def test_a_user_authenticates_by_scram(password_file: Path, tls: bool, protocol: str) -> None:
    given = settings(kafka_user="balance", kafka_password_file=password_file, kafka_tls=tls)
    options = client_options(given)
    assert (options["security_protocol"], options["sasl_mechanism"]) == (protocol, "SCRAM-SHA-512")
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("balance", PASSWORD)
    assert (options["ssl_context"] is not None) == tls
    security = faststream_security(given)
    assert isinstance(security, SASLScram512)
    assert (security.username, security.password, security.use_ssl) == ("balance", PASSWORD, tls)
    assert librdkafka_options(given)["sasl.password"] == PASSWORD
    assert librdkafka_options(given)["security.protocol"] == protocol


def test_tls_checks_the_certificate_and_the_name_of_the_broker() -> None:
    context = client_options(settings(kafka_tls=True))["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_a_password_can_be_given_directly() -> None:
    assert client_options(settings(kafka_user="a", kafka_password=PASSWORD))["sasl_plain_password"] == PASSWORD


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"kafka_user": "a"}, "FRIKORT_KAFKA_USER and one of"),
        ({"kafka_password": PASSWORD}, "FRIKORT_KAFKA_USER and one of"),
        ({"kafka_user": "a", "kafka_password_file": Path("/nowhere")}, "FRIKORT_KAFKA_PASSWORD_FILE names no file"),
        ({"kafka_tls": True, "kafka_ca_file": Path("/nowhere")}, "FRIKORT_KAFKA_CA_FILE names no file"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused_by_name(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        settings(**given)
    assert PASSWORD not in str(refused.value)


def test_a_password_twice_and_certificates_without_tls_are_refused(password_file: Path, certificates: Path) -> None:
    with pytest.raises(ValueError, match="leave one out"):
        settings(kafka_user="a", kafka_password=PASSWORD, kafka_password_file=password_file)
    with pytest.raises(ValueError, match="FRIKORT_KAFKA_TLS is not"):
        settings(kafka_ca_file=certificates)


def test_settings_do_not_show_the_password() -> None:
    given = RuntimeSettings(
        kafka="one:9092", mongodb="mongodb://a/?replicaSet=b", kafka_user="a", kafka_password=PASSWORD
    )
    assert PASSWORD not in repr(given)
    assert PASSWORD not in given.model_dump_json()


def test_a_request_on_a_connection_that_uvloop_has_closed_is_a_connection_error() -> None:
    async def send_after_close() -> None:
        server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        connection = AIOKafkaConnection(*server.sockets[0].getsockname())
        _, writer = await asyncio.open_connection(connection.host, connection.port)
        writer.transport.abort()  # as by a broker that ends
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        connection._writer = writer  # its reader has not noticed yet
        with pytest.raises(KafkaConnectionError, match="handler is closed"):
            connection.send(ApiVersionRequest())
        assert not connection.connected()
        server.close()

    uvloop.run(send_after_close())
