"""The whole of Frikort on one machine: engines, topics, OpenID provider, services."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from frikort_contracts.access import PRINCIPALS, PROVISIONER

from deploy.local import keys, people, ports, provider, provider_config
from deploy.local.client import fetch_token
from deploy.local.config import REPOSITORY, Config
from deploy.local.engines import Engines
from deploy.local.kafka_users import KafkaAccess
from deploy.local.mongodb_users import MongoAccess
from deploy.local.process import Process, start_timeout, terminate_all
from deploy.local.progress import Progress, Silent
from deploy.mongodb.rights import USERS

# Otherwise glibc keeps apart what each thread of the database's driver has freed: up to 25 MB of a service.
MEMORY: Final = {"MALLOC_ARENA_MAX": "1"}
_PASSED_ON: Final = ("FRIKORT_TRACES_", "FRIKORT_MONGODB_DRIVER", "FRIKORT_AUTHORITIES")


@dataclass(frozen=True)
class Service:
    """A service that `python -m <module>` starts, and the settings that it needs beyond the common ones.

    One whose name is a principal of the topic table connects to Kafka as that principal; one whose name is a user of
    MongoDB connects to MongoDB as that user.
    """

    name: str
    module: str
    settings: tuple[str, ...] = ()
    public: bool = False
    """Whether it has a public port beside the port of health and metrics."""


SERVICES = (
    Service("issuance", "services.issuance"),
    Service("reporting", "services.reporting"),
    Service("balance", "services.balance"),
    Service(
        "exports",
        "services.exports",
        ("FRIKORT_KEY_ENCRYPTION_KEYS_CPR", "FRIKORT_AUTHORITY_KEYS", "FRIKORT_EXTRACT_FILES"),
    ),
    Service(
        "gateway",
        "services.gateway",
        (
            "FRIKORT_ENCRYPTION_KEYS",
            "FRIKORT_KEY_ENCRYPTION_KEYS_CPR",
            "FRIKORT_KEY_ENCRYPTION_KEYS_NAME",
            "FRIKORT_KEY_ENCRYPTION_KEYS_TEXT",
            "FRIKORT_LOOKUP_KEY",
            "FRIKORT_AUDIT_LOG_KEYS",
            "FRIKORT_ISSUER",
            "FRIKORT_JWKS_URL",
            "FRIKORT_AUDIENCE",
            "FRIKORT_API_URL",
            "FRIKORT_FRESH_LOGIN",
            "FRIKORT_EXTRACT_FILES",
        ),
        public=True,
    ),
    Service(
        "portals",
        "services.portals",
        (
            "FRIKORT_SESSION_KEYS",
            "FRIKORT_GATEWAY_URL",
            "FRIKORT_ISSUER",
            "FRIKORT_PUBLIC_URL",
            "FRIKORT_LOGIN_CLIENT_ID",
            "FRIKORT_LOGIN_CLIENT_KEY",
        ),
        public=True,
    ),
    Service("projections", "services.gateway.projections"),
    Service("payroll", "services.gateway.payroll", ("FRIKORT_ENCRYPTION_KEYS",)),
)
"""The processes of the system. Each gets only the settings, and so the keys, that it needs."""

PROVIDER_SETTINGS = ("FRIKORT_ISSUER", "FRIKORT_PROVIDER_KEY", "FRIKORT_PROVIDER_CONFIG")
"""The settings of the OpenID provider, which is not a service of Frikort."""
TOPICS = "services.runtime.kafka.topics"


class LocalSystem:
    """The running system, as a context manager.

    Attributes:
        kafka: bootstrap address of the broker, `host:port`.
        access: how programs connect to the broker, each as its principal.
        mongodb: connection string of the user of MongoDB that may do everything, with its password.
        mongodb_access: how programs connect to MongoDB, each as its user.
        gateway_url, portals_url, provider_url: addresses without a slash at the end.
        keys: the local keys, for tests and demos that play an authority.
        people: the people and programs that can get a token, by id.
        processes: every process by name: the services, "provider", "kafka" and "mongodb" (the last two only
            where they are processes of the launcher), and further instances as "<service>-<instance>".
        engines: the broker and the database, with those of the processes that are theirs.
    """

    kafka: str
    access: KafkaAccess
    mongodb: str
    mongodb_access: MongoAccess
    provider_url: str
    keys: keys.Keys
    engines: Engines

    def __init__(
        self,
        config: Config,
        progress: Progress | None = None,
        *,
        services: Sequence[Service] = SERVICES,
        topics: str | None = TOPICS,
        engines: Callable[[Config, Progress], Engines] = Engines,
    ) -> None:
        """`services` and `topics` (the module that provisions them, or None) can be others in tests.

        `engines` is `deploy.local.cluster.Cluster` for three brokers and three members of a replica set.
        """
        self.config = config
        self.people = people.load()
        self.processes: dict[str, Process] = {}
        self._progress = progress or Silent()
        self._services = {service.name: service for service in services}
        self._topics = topics
        self._engines = engines
        self._ports: dict[str, int] = {}
        self._stack = ExitStack()

    @property
    def gateway_url(self) -> str:
        """The address of the API, without a slash at the end."""
        return self.url("gateway")

    @property
    def portals_url(self) -> str:
        """The address of the portals, without a slash at the end."""
        return self.url("portals")

    def url(self, name: str) -> str:
        """The public address of a process, such as `url("gateway")` or `url("portals-2")`."""
        return f"http://127.0.0.1:{self._ports[name]}"

    def health_url(self, name: str) -> str:
        """The address of a process's health and metrics, such as `health_url("balance-2")`."""
        return self.url(ports.health(name))

    def __enter__(self) -> Self:
        """Start everything and wait until all of it is ready.

        Raises:
            LauncherError: something is missing, a port is in use, or a process did not start.
        """
        # The OpenID provider and the portals get each other's and the gateway's address, even if those do not run here.
        for name in ("gateway", "portals", "provider", *map(ports.health, self._services)):
            self._ports[name] = self.config.port(name)
        with ExitStack() as stack:
            self.engines = stack.enter_context(self._engines(self.config, self._progress))
            self.kafka, self.access, self.mongodb = self.engines.kafka, self.engines.access, self.engines.mongodb
            self.mongodb_access = self.engines.mongodb_access
            self.processes.update(self.engines.processes)
            self.keys = keys.load_or_create(self.config.data / "keys")
            self.provider_url = self.url("provider")
            if self._topics:
                with self._progress.step("topics"):
                    self._process("topics", Service(PROVISIONER, self._topics)).run()
            created = [
                self._provider(),
                *(self._add_process(service.name, service) for service in self._services.values()),
            ]
            stack.callback(self._stop_services)
            for process in created:
                process.start()
            for process in created:
                with self._progress.step(f"{process.name} at {self._address(process.name)}", process.started_at):
                    process.wait_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start_service(self, name: str, instance: int = 2) -> Process:
        """Start one more instance of a service on a free port, and wait until it is ready.

        It is called `<name>-<instance>` in `processes`, in `url` and in `health_url`.

        Raises:
            ValueError: an instance of this name exists already.
            LauncherError: it did not start.
        """
        instance_name = f"{name}-{instance}"
        if instance_name in self.processes:
            raise ValueError(f"{instance_name} exists already: processes[{instance_name!r}].restart()")
        self._ports[ports.health(instance_name)] = ports.free_port()
        if self._services[name].public:
            self._ports[instance_name] = ports.free_port()
        process = self._add_process(instance_name, self._services[name])
        process.start()
        process.wait_ready()
        return process

    def token(self, person_id: str) -> str:
        """An access token for one of `people`, from the OpenID provider."""
        person = self.people[person_id]
        key = keys.signing_key(self.keys.client_keys[person.id]) if person.keyed else None
        return fetch_token(self.provider_url, person, key)

    def environment(
        self, name: str, settings: Sequence[str], *, port: int | None = None, health_port: int | None = None
    ) -> dict[str, str]:
        """The environment of a child: the common settings, and those named in `settings`.

        One whose `name` is a principal of the topic table gets the settings with which it connects to Kafka, and a user
        of MongoDB those with which it connects to MongoDB.
        Of the FRIKORT_ variables of the launcher's own environment, the log level, the start timeout, the
        settings of traces and the driver of MongoDB are passed on.
        """
        keyed = {
            "FRIKORT_ENCRYPTION_KEYS": self.keys.encryption_keys,
            **{
                f"FRIKORT_KEY_ENCRYPTION_KEYS_{purpose.upper()}": text
                for purpose, text in self.keys.key_encryption_keys.items()
            },
            "FRIKORT_LOOKUP_KEY": self.keys.lookup_key,
            "FRIKORT_AUDIT_LOG_KEYS": self.keys.audit_log_keys,
            "FRIKORT_AUTHORITY_KEYS": str(self.keys.authority_keys),
            "FRIKORT_EXTRACT_FILES": (self.config.data.absolute() / "extracts").as_uri(),
            "FRIKORT_PROVIDER_KEY": str(self.keys.provider_key),
            "FRIKORT_PROVIDER_CONFIG": str(self.config.data / "keys" / provider_config.FILE),
            "FRIKORT_ISSUER": self.provider_url,
            "FRIKORT_JWKS_URL": f"{self.provider_url}/jwks",
            "FRIKORT_AUDIENCE": provider_config.AUDIENCE,
            # A developer's token, which is got without a page, is used for an hour.
            "FRIKORT_FRESH_LOGIN": "3600",
            "FRIKORT_PUBLIC_URL": self.portals_url,
            "FRIKORT_GATEWAY_URL": self.gateway_url,
            "FRIKORT_API_URL": self.gateway_url,
            "FRIKORT_SESSION_KEYS": self.keys.session_keys,
            "FRIKORT_LOGIN_CLIENT_ID": keys.PORTAL,
            "FRIKORT_LOGIN_CLIENT_KEY": str(self.keys.portal_key),
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FRIKORT_")}
        common = {
            "FRIKORT_ENVIRONMENT": "local",
            "FRIKORT_MONGODB": self.mongodb_access.address,
            "FRIKORT_HOST": "127.0.0.1",
            "FRIKORT_ALLOWANCES": str(REPOSITORY / "deploy" / "allowances.toml"),
            "FRIKORT_TOPIC_REPLICATION": "1",
            "FRIKORT_START_TIMEOUT": f"{start_timeout():g}",
            "FRIKORT_STOP_DELAY": "0",  # there is no load balancer
            "FRIKORT_LOG_LEVEL": os.environ.get("FRIKORT_LOG_LEVEL", "INFO"),
            **{name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)},
            **MEMORY,
        }
        if name in PRINCIPALS:
            common |= self.access.environment(name)
        if name in USERS:
            common |= self.mongodb_access.environment(name)
        if port is not None:
            common["FRIKORT_PORT"] = str(port)
        if health_port is not None:
            common["FRIKORT_HEALTH_PORT"] = str(health_port)
        own = {name: keyed[name] for name in settings}
        return inherited | common | own | dict(self.config.environment)

    def _address(self, name: str) -> str:
        """The public address of a process, or of its health if it has no other."""
        return self.url(name) if name in self._ports else self.health_url(name)

    def _add_process(self, name: str, service: Service) -> Process:
        process = self._process(name, service)
        self.processes[name] = process
        return process

    def _process(self, name: str, service: Service) -> Process:
        health_port = self._ports.get(ports.health(name))
        environment = self.environment(
            service.name,
            service.settings,
            port=self._ports[name] if service.public else None,
            health_port=health_port,
        )
        return Process(
            name,
            [sys.executable, "-m", service.module],
            log=self.config.log(name),
            environment=environment,
            directory=REPOSITORY,
            ready=lambda: health_port is None or answers_ready(self.health_url(name)),
        )

    def _provider(self) -> Process:
        provider_config.write(self.config.data / "keys", self.keys, self.people, self.portals_url)
        self.processes["provider"] = Process(
            "provider",
            provider.install(self.config.cache, self.config.data / "openid", self._progress),
            log=self.config.log("provider"),
            environment=self.environment("provider", PROVIDER_SETTINGS, port=self._ports["provider"]),
            ready=lambda: answers_ready(self.provider_url),
        )
        return self.processes["provider"]

    def _stop_services(self) -> None:
        terminate_all([process for name, process in self.processes.items() if name not in self.engines.processes])


def answers_ready(url: str) -> bool:
    """Whether the service at this address is ready."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:  # noqa: S310  # our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
