"""Writes what the Helm chart takes from code: ``python -m deploy.generate_chart`` (``make chart``).

``deploy/helm/frikort/generated/tables.yaml`` holds the topics with their settings, the users of Kafka with their
rights, the users of MongoDB, and the consumer group and topics of each consuming process. The templates add what
depends on an installation, such as the number of replicas. Beside it are copies of the alert rules and of the
dashboard, because a chart reads no file outside of itself. ``--check`` writes nothing and exits 1 if a committed file
differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import yaml
from frikort_contracts.access import PRINCIPALS, Operation, Right, rights
from frikort_contracts.authorities import FEEDS
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import TOPICS, Topic

from deploy.mongodb.rights import PROVISIONER, USERS
from deploy.observability import dashboard
from services.balance.processor import LEDGERS
from services.exports.card_feeds.processor import card_feeds
from services.exports.processor import statements
from services.exports.processors import processors
from services.gateway.projections import PROJECTIONS
from services.issuance.processor import cards
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.allowance_file import load_allowances
from services.runtime.kafka.consumer import group_of
from services.runtime.kafka.topics import names_of
from services.runtime.processing.decision import DocumentSet
from services.runtime.safety_checks import topic_config

CHART: Final = Path(__file__).parent / "helm" / "frikort"
ALLOWANCES: Final = Path(__file__).parent / "allowances.toml"
TABLES: Final = CHART / "generated" / "tables.yaml"
RULES: Final = Path(__file__).parent / "observability" / "alerts.yml"

_HEADER: Final = "# Written by `make chart` from the tables in code: do not edit.\n"
_DEPENDS_ON_REPLICATION: Final = "min.insync.replicas"


_PROCESSORS: Final[Mapping[str, tuple[str, Sequence[DocumentSet[Any]]]]] = {
    "issuance": ("issuance", [cards(bytes(32))]),
    "reporting": ("reporting", [card_states(Rules(load_allowances(ALLOWANCES), provisional_accepted=False))]),
    "balance": ("balance", [LEDGERS]),
    "exports": (
        "exports",
        processors(statements(lambda person, card_id: ""), card_feeds(FEEDS, {}, AllowanceTable(years={}))),
    ),
    "projections": ("gateway", PROJECTIONS),
}
"""The service and the processors of each consuming process, as its ``__main__`` passes them to the runtime.

Only the names of the processors and their topics are read.
"""


def tables() -> dict[str, Any]:
    """What the chart takes from code."""
    return {
        "topics": {name: _topic(name, topic) for name, topic in sorted(names_of(TOPICS).items())},
        "kafkaUsers": {principal: _acls(principal) for principal in PRINCIPALS},
        "mongodbUsers": [PROVISIONER, *USERS],
        "consumers": {process: _consumer(*of) for process, of in _PROCESSORS.items()},
    }


def _topic(name: str, topic: Topic) -> dict[str, Any]:
    config = topic_config(name, topic, replication=1)
    del config[_DEPENDS_ON_REPLICATION]
    return {"partitions": topic.partitions, "config": config}


def _acls(principal: str) -> list[dict[str, Any]]:
    """The rights of a principal as Strimzi writes them: one entry for each resource."""
    own = sorted((right for right in rights() if right.principal == principal), key=_resource_of)
    return [
        {
            "type": resource.value,
            "name": name,
            "patternType": "prefix" if is_prefix else "literal",
            "operations": [_strimzi_name(right.operation) for right in of_resource],
        }
        for (resource, name, is_prefix), of_resource in groupby(own, key=attrgetter("resource", "name", "is_prefix"))
    ]


def _resource_of(right: Right) -> tuple[str, str, str]:
    return right.resource.value, right.name, right.operation.value


def _strimzi_name(operation: Operation) -> str:
    """`DescribeConfigs` for `describe_configs`."""
    return operation.value.title().replace("_", "")


def _consumer(service: str, processors: Sequence[DocumentSet[Any]]) -> dict[str, Any]:
    topics = sorted({topic.name for processor in processors for topic in processor.topics})
    return {"group": group_of(service, processors), "topics": topics}


def text() -> str:
    """The file of the tables as it must be."""
    return _HEADER + yaml.safe_dump(tables(), sort_keys=True, width=120)


def files() -> Mapping[Path, str]:
    """Every file as it must be."""
    return {
        TABLES: text(),
        TABLES.with_name(RULES.name): RULES.read_text(encoding="utf-8"),
        TABLES.with_name(dashboard.FILE.name): dashboard.text(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m deploy.generate_chart", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if what is committed differs")
    only_check = parser.parse_args(arguments).check
    code = 0
    for path, content in files().items():
        if not only_check:
            path.write_text(content, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != content:
            sys.stderr.write(f"{path} is not as generated; run: make chart\n")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
