"""The whole system as docs/operations.md starts it in production, without the launcher's `LocalSystem`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from frikort_contracts.access import PRINCIPALS, PROVISIONER
from frikort_contracts.values import danish_day

from deploy.local import broker_config, kafka, keys, people, ports, provider, provider_config
from deploy.local.client import Caller, fetch_token
from deploy.local.cluster import Cluster
from deploy.local.config import REPOSITORY, Config
from deploy.local.process import Process, terminate_all
from deploy.local.progress import Silent
from deploy.local.system import MEMORY, SERVICES, TOPICS, Service, answers_ready
from deploy.mongodb.rights import USERS
from services.runtime.kafka.connection import MECHANISM
from tests.certificates import Authority
from tests.production.tls_proxy import TlsProxy

MONGODB: Final = "deploy.mongodb"
_SCRAM_LOGIN: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"
_PUBLIC: Final = ("gateway", "portals")
_LOOSENED: Final = ("FRIKORT_FRESH_LOGIN",)
"""Settings that the launcher loosens for people who try the system; here they keep their defaults."""


@dataclass
class Production:
    """The running system, as a context manager: three brokers, a replica set of three, and every process once.

    Attributes:
        addresses: the https addresses of "gateway", "portals" and "provider".
        processes: every process of the system, by name.
    """

    directory: Path
    authority: Authority
    allowances: Path
    addresses: dict[str, str] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self._certificates = self.authority.issue("server")
        self._targets = {name: ports.free_port() for name in _PUBLIC}
        for name in (*_PUBLIC, "provider"):
            self.addresses[name] = f"https://127.0.0.1:{ports.free_port()}"
        self._config = Config(self.directory)
        self.keys = keys.load_or_create(self.directory / "keys")
        self.people = people.load()

    def __enter__(self) -> Self:
        """Start the engines, run both commands, then start every process and wait until each is ready."""
        with ExitStack() as stack:
            self.engines = stack.enter_context(Cluster(self._config, certificates=self._certificates))
            self.run_command(TOPICS)
            self.run_command(MONGODB)
            for name in _PUBLIC:
                proxy = TlsProxy(self._certificates.server, _port_of(self.addresses[name]), self._targets[name])
                stack.enter_context(proxy)
            openid = self._provider()
            self.processes = {service.name: self.process(service) for service in SERVICES}
            started = [openid, *self.processes.values()]
            stack.callback(terminate_all, started)
            for process in started:
                process.start()
            for process in started:
                process.wait_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def process(self, service: Service, name: str | None = None, **changes: str | None) -> Process:
        """A process of the system that is not started yet. ``changes`` replaces settings, or removes those of None."""
        health = ports.free_port()
        own = {"FRIKORT_HEALTH_PORT": str(health)}
        if service.public:
            own["FRIKORT_PORT"] = str(self._targets[service.name] if name is None else ports.free_port())
        settings = self._settings()
        environment = self.environment(service.name) | {
            setting: settings[setting] for setting in service.settings if setting not in _LOOSENED
        }
        environment |= own | {setting: value for setting, value in changes.items() if value is not None}
        for setting, value in changes.items():
            if value is None:
                environment.pop(setting, None)
        return Process(
            name or service.name,
            [sys.executable, "-m", service.module],
            log=self._config.log(name or service.name),
            environment=environment,
            directory=REPOSITORY,
            ready=lambda: answers_ready(f"http://127.0.0.1:{health}"),
        )

    def environment(self, user: str) -> dict[str, str]:
        """The environment variables of every process, and those with which ``user`` connects to the engines."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FRIKORT_")}
        common = {
            "FRIKORT_ENVIRONMENT": "production",
            "FRIKORT_ALLOWANCES": str(self.allowances),
            # The certificates of the OpenID provider and of the gateway are those of our authority.
            "SSL_CERT_FILE": str(self.authority.file),
            **MEMORY,
        }
        if user in PRINCIPALS:
            common |= self.engines.access.environment(user)
        if user in USERS or user == PROVISIONER:
            common |= self.engines.mongodb_access.environment(user)
        return inherited | common

    def run_command(self, module: str, *arguments: str) -> None:
        """Run a command of the provisioner. Raises ``LauncherError`` unless it ends with 0."""
        passwords = {"FRIKORT_MONGODB_PASSWORDS": str(self.directory / "keys" / "mongodb")} if module == MONGODB else {}
        Process(
            module,
            [sys.executable, "-m", module, *arguments],
            log=self._config.log(module),
            environment=self.environment(PROVISIONER) | passwords,
            directory=REPOSITORY,
        ).run()

    def change_kafka_password(self, user: str, password: str) -> None:
        """Give a user of the broker a new password, as docs/operations.md says. Raises ``LauncherError``."""
        login, change = self.write_kafka_login(), self.directory / f"{user}.properties"
        broker_config.write_properties(change, {MECHANISM: f"iterations=4096,password={password}"})
        installation = kafka.install(self._config.cache, Silent())
        java = [str(installation.java), "-cp", f"{installation.jars}/*", "kafka.admin.ConfigCommand"]
        connection = ["--bootstrap-server", self.engines.kafka, "--command-config", str(login)]
        arguments = ["--alter", "--entity-type", "users", "--entity-name", user, "--add-config-file", str(change)]
        log = self._config.log("kafka-configs")
        Process("kafka-configs", [*java, *connection, *arguments], log=log).run()

    def log_of(self, name: str) -> str:
        """What a process or command has logged."""
        return self._config.log(name).read_text()

    def write_kafka_login(self) -> Path:
        """Write ``provisioner.properties``, as docs/operations.md says."""
        login = self.directory / "provisioner.properties"
        own = (self.directory / "keys" / "kafka" / PROVISIONER / "password").read_text()
        module = f'{_SCRAM_LOGIN} required username="{PROVISIONER}" password="{own}";'
        properties = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": MECHANISM,
            "sasl.jaas.config": module,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.file),
        }
        broker_config.write_properties(login, properties)
        return login

    def caller(self, person: str) -> Caller:
        """A client of the API with a token of one of the people of the OpenID provider."""
        return Caller(self.addresses["gateway"], fetch_token(self.addresses["provider"], self.people[person]))

    def _settings(self) -> Mapping[str, str]:
        """The settings that only some processes get, by name."""
        return {
            "FRIKORT_ENCRYPTION_KEYS": self.keys.encryption_keys,
            **{
                f"FRIKORT_KEY_ENCRYPTION_KEYS_{purpose.upper()}": text
                for purpose, text in self.keys.key_encryption_keys.items()
            },
            "FRIKORT_LOOKUP_KEY": self.keys.lookup_key,
            "FRIKORT_AUDIT_LOG_KEYS": self.keys.audit_log_keys,
            "FRIKORT_SESSION_KEYS": self.keys.session_keys,
            "FRIKORT_AUTHORITY_KEYS": str(self.keys.authority_keys),
            "FRIKORT_EXTRACT_FILES": (self._config.data.absolute() / "extracts").as_uri(),
            "FRIKORT_ISSUER": self.addresses["provider"],
            "FRIKORT_JWKS_URL": f"{self.addresses['provider']}/jwks",
            "FRIKORT_AUDIENCE": provider_config.AUDIENCE,
            "FRIKORT_API_URL": self.addresses["gateway"],
            "FRIKORT_GATEWAY_URL": self.addresses["gateway"],
            "FRIKORT_PUBLIC_URL": self.addresses["portals"],
            "FRIKORT_LOGIN_CLIENT_ID": keys.PORTAL,
            "FRIKORT_LOGIN_CLIENT_KEY": str(self.keys.portal_key),
        }

    def _provider(self) -> Process:
        """The OpenID provider: the launcher's in place of the state's. It is no process of the system."""
        folder = self.directory / "keys"
        config = provider_config.write(folder, self.keys, self.people, self.addresses["portals"])
        return Process(
            "provider",
            provider.install(self._config.cache, self.directory / "openid", Silent()),
            log=self._config.log("provider"),
            environment=os.environ
            | {
                "FRIKORT_ENVIRONMENT": "local",
                "FRIKORT_HOST": "127.0.0.1",
                "FRIKORT_PORT": str(_port_of(self.addresses["provider"])),
                "FRIKORT_ISSUER": self.addresses["provider"],
                "FRIKORT_PROVIDER_KEY": str(self.keys.provider_key),
                "FRIKORT_PROVIDER_CONFIG": str(config),
                "FRIKORT_PROVIDER_CERTIFICATE": str(self._certificates.server),
            },
            ready=lambda: answers_ready(self.addresses["provider"]),
        )


def allowances_of_this_year(path: Path) -> Path:
    """Write an allowance table in which the amounts of the current year are known. Returns its path."""
    year = danish_day(datetime.now(UTC)).year
    rows = f"[{year}]\nallowance = 4_276_600\nincome_limit = 1_069_200\nhourly_rate = 29_554\n"
    path.write_text(rows)
    return path


def _port_of(address: str) -> int:
    return int(address.rpartition(":")[2])
