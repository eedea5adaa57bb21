"""Settings that every service shares, from environment variables ``FRIKORT_<NAME>``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import quote_plus

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.runtime.encryption import read_keys

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class KeyMaterial:
    """Marks a setting that holds secret keys: `<key id>:<base64 of 32 bytes>`, comma separated.

    ``is_lasting``: stored data can only be read or found with it, so its check value is stored, and another is refused.
    ``unnamed``: one key may be without an id.
    """

    is_lasting: bool
    unnamed: bool = False

    def read(self, text: str, setting: str) -> dict[str, bytes]:
        """The keys by id. Raises ``ValueError`` that names the setting."""
        return read_keys(text, setting, unnamed=self.unnamed)


class WebAddress:
    """Marks a setting that must be an https address in production."""


LastingKeys = Annotated[SecretStr, KeyMaterial(is_lasting=True)]
LookupKeys = Annotated[SecretStr, KeyMaterial(is_lasting=True, unnamed=True)]
OptionalLastingKeys = Annotated[SecretStr | None, KeyMaterial(is_lasting=True)]
ReplaceableKeys = Annotated[SecretStr, KeyMaterial(is_lasting=False)]
HttpsAddress = Annotated[str, WebAddress()]
OptionalHttpsAddress = Annotated[str | None, WebAddress()]
FileAddress = Annotated[str, Field(pattern=r"^(file:///|s3://)[^?#]+$")]
FILES_DESCRIPTION: Final = (
    "Where the files of extracts are: `file:///<folder>` or `s3://<bucket>/<folder>`; the same for exports and gateway."
)


class _FromEnvironment(BaseSettings):
    """Each field is read from ``FRIKORT_`` and its name, for example ``FRIKORT_MONGODB``."""

    model_config = SettingsConfigDict(
        env_prefix="FRIKORT_",
        frozen=True,
        # pydantic would repeat the keys and passwords beside a setting that is missing.
        hide_input_in_errors=True,
    )

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        for name in self.model_fields_set:
            for mark in type(self).model_fields[name].metadata:
                if isinstance(mark, KeyMaterial) and isinstance(secret := getattr(self, name), SecretStr):
                    mark.read(secret.get_secret_value(), f"FRIKORT_{name.upper()}")
        return self


def _check_user(engine: str, user: str | None, password: SecretStr | None, password_file: Path | None) -> None:
    """Raise ``ValueError`` unless a user and one form of its password are set, or none of them."""
    if password is not None and password_file is not None:
        raise ValueError(f"{engine}_PASSWORD and {engine}_PASSWORD_FILE are set: leave one out")
    if (user is None) != (password is None and password_file is None):
        raise ValueError(f"set {engine}_USER and one of {engine}_PASSWORD_FILE and {engine}_PASSWORD")


def _check_files(engine: str, password_file: Path | None, ca_file: Path | None, *, tls: bool) -> None:
    """Raise ``ValueError`` for a file that is missing or has no use."""
    if ca_file is not None and not tls:
        raise ValueError(f"{engine}_CA_FILE is set and {engine}_TLS is not")
    for name, path in (("PASSWORD", password_file), ("CA", ca_file)):
        if path is not None and not path.is_file():
            raise ValueError(f"{engine}_{name}_FILE names no file")


def _secret(password: SecretStr | None, file: Path | None) -> SecretStr | None:
    """The password, from its setting or its file. Raises ``OSError``."""
    return password if file is None else SecretStr(file.read_text(encoding="utf-8").strip())


class CommandSettings(_FromEnvironment):
    """What every process and every command needs."""

    environment: Literal["local", "production"] = Field(
        default="production",
        description="`production` refuses weak settings; `local` allows a settable clock and provisional amounts.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)] = "info"
    start_timeout: float = Field(default=60.0, description="Seconds to wait for Kafka and MongoDB at start.")


class MongoSettings(_FromEnvironment):
    """How to reach MongoDB. A user and its password can also be in the connection string."""

    mongodb: str = Field(repr=False, description="MongoDB connection string; must name a replica set.")
    mongodb_user: str | None = Field(default=None, description="The user of this process, as in the table of rights.")
    mongodb_password: SecretStr | None = Field(default=None, description="Its password; better in a file.")
    mongodb_password_file: Path | None = Field(default=None, description="A file with its password.")
    mongodb_tls: bool = Field(default=False, description="Connect with TLS and check the servers' certificates.")
    mongodb_ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) of the authorities to trust; by default the system's."
    )

    @model_validator(mode="after")
    def _check_mongodb_access(self) -> Self:
        _check_user("FRIKORT_MONGODB", self.mongodb_user, self.mongodb_password, self.mongodb_password_file)
        if self.mongodb_user is not None and "@" in self.mongodb:
            raise ValueError("FRIKORT_MONGODB has a user, and FRIKORT_MONGODB_USER is set: leave one out")
        _check_files("FRIKORT_MONGODB", self.mongodb_password_file, self.mongodb_ca_file, tls=self.mongodb_tls)
        return self

    @property
    def mongodb_uri(self) -> str:
        """The connection string with the user, the password and TLS. Raises ``OSError``. Never log it."""
        scheme, _, rest = self.mongodb.partition("://")
        hosts, _, options = rest.partition("?")
        added = [options] if options else []
        if self.mongodb_user is not None:
            secret = _secret(self.mongodb_password, self.mongodb_password_file)
            password = "" if secret is None else secret.get_secret_value()
            hosts = f"{quote_plus(self.mongodb_user)}:{quote_plus(password)}@{hosts}"
            if "authsource=" not in options.lower():
                added.append("authSource=admin")
        if self.mongodb_tls:
            added.append("tls=true")
        if self.mongodb_ca_file is not None:
            added.append(f"tlsCAFile={quote_plus(str(self.mongodb_ca_file))}")
        if not added:
            return self.mongodb
        return f"{scheme}://{hosts if '/' in hosts else f'{hosts}/'}?{'&'.join(added)}"

    def without_mongodb_user(self) -> Self:
        """The same settings for a client that does not log in."""
        scheme, _, rest = self.mongodb.partition("://")
        hosts, mark, options = rest.partition("?")
        address = f"{scheme}://{hosts.rpartition('@')[2]}{mark}{options}"
        none = {"mongodb_user": None, "mongodb_password": None, "mongodb_password_file": None}
        return self.model_copy(update={"mongodb": address, **none})


class ProcessSettings(CommandSettings, MongoSettings):
    """What every process needs."""

    mongodb_driver: Literal["motor", "pymongo"] = Field(
        default="motor", description="The driver of MongoDB: motor, or the asynchronous client of pymongo."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    revision: str = Field(default="unknown", description="The commit of the release, for `frikort_build_info`.")
    traces_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where spans are sent by OTLP over HTTP, `http://collector:4318/v1/traces`; unset: no traces.",
    )
    traces_share: float = Field(
        default=1.0, ge=0, le=1, description="The share of traces that are recorded; the same in every process."
    )
    health_port: int = Field(
        default=8081, ge=1, le=65535, description="Port of health and metrics, for the operator's network alone."
    )
    stop_timeout: float = Field(
        default=8.0,
        gt=0,
        description="Seconds from SIGTERM to the end; must be shorter than the orchestrator's grace period.",
    )


class PublicSettings(ProcessSettings):
    """What a process with a public port also needs: its port, and the limits of connections and requests."""

    port: int = Field(default=8080, ge=1, le=65535, description="The public port.")
    stop_delay: float = Field(
        default=1.0,
        ge=0,
        description="Seconds after SIGTERM in which the public port still serves and readiness is 503, so that a load"
        " balancer turns to other instances; at most a quarter of `stop_timeout`, and part of it.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Addresses and networks of the proxies in front (for the API also of the portals), comma separated:"
        " their `X-Forwarded-For` is believed, and the limits per address do not apply to them.",
    )
    connections_most: int = Field(
        default=4000, ge=1, description="Most connections; the next replaces the one that has waited longest."
    )
    connections_per_address: int = Field(default=200, ge=1, description="Most connections of one address.")
    requests_most: int = Field(default=1000, ge=1, description="Most requests at once; the next are refused with 503.")
    requests_per_client: int = Field(
        default=200, ge=1, description="Most requests at once of one address or caller; the next are refused with 429."
    )
    headers_timeout: float = Field(default=10.0, gt=0, description="Seconds until the headers of a request are there.")
    body_timeout: float = Field(
        default=20.0, gt=0, description="Seconds until a body is there, plus one for each `body_rate` bytes received."
    )
    body_rate: int = Field(default=20_000, ge=1, description="Least bytes per second of a long body.")
    send_timeout: float = Field(
        default=30.0, gt=0, description="Seconds that a client may stop reading a response, until it is cut off."
    )


class KafkaSettings(_FromEnvironment):
    """How to reach Kafka. With a user, clients authenticate by SCRAM-SHA-512."""

    kafka: str = Field(description="Kafka bootstrap servers, `host:port`, comma separated.")
    kafka_user: str | None = Field(default=None, description="The principal of this process, as in the topic table.")
    kafka_password: SecretStr | None = Field(default=None, description="Its password; better in a file.")
    kafka_password_file: Path | None = Field(default=None, description="A file with its password.")
    kafka_tls: bool = Field(default=False, description="Connect with TLS and check the broker's certificate.")
    kafka_ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) of the authorities to trust; by default the system's."
    )

    @model_validator(mode="after")
    def _check_kafka_access(self) -> Self:
        _check_user("FRIKORT_KAFKA", self.kafka_user, self.kafka_password, self.kafka_password_file)
        _check_files("FRIKORT_KAFKA", self.kafka_password_file, self.kafka_ca_file, tls=self.kafka_tls)
        return self

    @property
    def kafka_secret(self) -> SecretStr | None:
        """The password, from its setting or its file. Raises ``OSError``."""
        return _secret(self.kafka_password, self.kafka_password_file)


class TopicSettings(CommandSettings, KafkaSettings):
    """What the topic command needs."""

    topic_replication: int = Field(default=3, ge=1, description="Replicas of each topic, when topics are made.")


class RuntimeSettings(ProcessSettings, TopicSettings):
    """What a process on Kafka needs."""

    allowances: Path = Field(
        default=REPOSITORY / "deploy" / "allowances.toml", description="The allowance table (TOML)."
    )
    accept_provisional: bool | None = Field(
        default=None, description="Accept reports in a provisional year; by default only when local."
    )
    batch_records: int = Field(default=750, ge=1, description="Most records in one batch.")
    cached_documents: int = Field(
        default=4000,
        ge=0,
        description="Most documents that a processor keeps in memory after it wrote them; a read model keeps fewer.",
    )
    min_batch_interval: float = Field(
        default=0.02, ge=0, le=2, description="Seconds for each small batch, on average; records gather meanwhile."
    )
    stall_timeout: float = Field(
        default=60.0, gt=0, description="Seconds without progress while records wait, until a processor is not ready."
    )
    rebuild_lag: int = Field(
        default=10_000,
        gt=0,
        description="Records that wait, at the start, with which a process of read models is not ready yet.",
    )
    publish_timeout: float = Field(default=20.0, description="Seconds until a publish counts as failed.")
    session_timeout: float = Field(default=10.0, description="Seconds without heartbeat until Kafka evicts us.")
    dead_letter_limit: int = Field(default=1000, ge=1, description="Dead letters in a row that stop the service.")

    @property
    def provisional_accepted(self) -> bool:
        """Whether reports in a provisional year are accepted."""
        if self.accept_provisional is None:
            return self.environment == "local"
        return self.accept_provisional
