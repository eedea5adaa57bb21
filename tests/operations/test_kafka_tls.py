"""A broker that speaks TLS: clients check its certificate, and a service works as without TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from frikort_contracts.access import PROVISIONER, rights

from deploy.local import broker_config, kafka, kafka_users, ports
from deploy.local.kafka_users import KafkaAccess
from deploy.local.progress import Silent
from services.runtime import exit_codes
from services.runtime.kafka.topics.provisioning import check_all, provision
from tests.operations.harness import Harness
from tests.waiting import eventually


class Authority:
    """A certificate authority of a test."""

    def __init__(self, directory: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = directory / f"{name}.pem"
        made = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self.file.write_bytes(made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def issue(self, path: Path, address: str) -> None:
        """Write a key and a certificate for an IP address, as Kafka reads them."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        certificate = self._builder(subject, key).add_extension(names, False).sign(self._key, SHA256())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        broker_config.write_private(path, (private + certificate.public_bytes(Encoding.PEM)).decode())

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
async def access(harness: Harness, authority: Authority, tmp_path: Path) -> AsyncIterator[KafkaAccess]:
    """A broker whose listener for clients is closed to all but TLS, and how principals connect to it."""
    port, controller = ports.free_port(), ports.free_port()
    authority.issue(tmp_path / "broker.pem", "127.0.0.1")
    settings = broker_config.addresses(port, controller, str(tmp_path / "kafka")) | {
        "listener.security.protocol.map": "CONTROLLER:SASL_PLAINTEXT,CLIENT:SASL_SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(tmp_path / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
    }
    users = kafka_users.passwords(tmp_path / "keys")
    given = {"FRIKORT_KAFKA_TLS": "true", "FRIKORT_KAFKA_CA_FILE": str(authority.file)}
    access = KafkaAccess(f"127.0.0.1:{port}", users, given)
    broker = kafka.process(
        kafka.install(harness.engines.config.cache, Silent()),
        data=tmp_path / "kafka",
        log=tmp_path / "kafka.log",
        kafka_port=port,
        controller_port=controller,
        users=users,
        settings=settings,
    )
    broker.start()

    async def answers() -> bool:
        return await asyncio.to_thread(kafka.answers_metadata, access.settings())

    try:
        await eventually(answers, within=60, what="the broker answers over TLS")
        yield access
    finally:
        await asyncio.to_thread(broker.terminate)


async def test_topics_rights_and_services_work_over_tls(harness: Harness, access: KafkaAccess) -> None:
    settings = harness.settings.model_copy(update=access.settings().model_dump())
    assert (await provision(settings)).rights == len(rights())
    await check_all(settings)
    given = {name.removeprefix("FRIKORT_").lower(): text for name, text in access.environment(PROVISIONER).items()}
    service = harness.service("over-tls", **given)
    service.process.start()
    await asyncio.to_thread(service.process.wait_ready)
    assert service.process.terminate() == exit_codes.DONE


async def test_a_client_trusts_only_a_certificate_of_its_authority_for_the_address(
    access: KafkaAccess, tmp_path: Path
) -> None:
    async def answers(settings: dict[str, object]) -> bool:
        return await asyncio.to_thread(kafka.answers_metadata, access.settings().model_copy(update=settings))

    assert await answers({})
    assert not await answers({"kafka_tls": False})
    assert not await answers({"kafka_ca_file": Authority(tmp_path, "foreign").file})
    assert not await answers({"kafka": access.address.replace("127.0.0.1", "localhost")})
