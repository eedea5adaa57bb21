"""The rendered chart, and what the tests read from it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import helm_python
import yaml

from deploy.generate_chart import CHART
from deploy.local.config import REPOSITORY

PAGE: Final = REPOSITORY / "docs" / "kubernetes.md"
SIZES: Final = ("one-machine", "region", "country")
NAMESPACE: Final = "frikort"
_KINDS: Final = ("Deployment", "Job", "StatefulSet")
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)

Resource = dict[str, Any]


class Workload(NamedTuple):
    """A Deployment, Job or StatefulSet, its pod template and its one container."""

    name: str
    kind: str
    labels: Mapping[str, str]
    pod: Resource
    container: Resource

    @property
    def environment(self) -> dict[str, Any]:
        """Its environment variables: a text, or the reference to a secret."""
        return {one["name"]: one.get("value", one.get("valueFrom")) for one in self.container["env"]}


def installation() -> dict[str, Any]:
    """The values of an installation as the page shows them."""
    (block,) = (text for language, text in _BLOCK.findall(_page()) if language == "yaml")
    return helm_python.values_from_yaml(block)


def commands() -> list[list[str]]:
    """The commands of the page that Helm renders, as words."""
    blocks = (text.replace("\\\n", " ") for language, text in _BLOCK.findall(_page()) if language == "bash")
    words = (shlex.split(line) for block in blocks for line in block.splitlines())
    return [line for line in words if line[:2] in (["helm", "install"], ["helm", "upgrade"])]


def values_of_command(words: list[str]) -> dict[str, Any]:
    """The values that a command of the page gives, as Helm merges them: files in their order, then settings."""
    values: dict[str, Any] = {}
    for option, argument in pairwise(words):
        if option == "-f":
            given = installation() if argument == "installation.yaml" else _values(REPOSITORY / argument)
        elif option == "--set":
            given = helm_python.parse_set_string(argument)
        elif option == "--set-file":
            name, _, path = argument.partition("=")
            given = {name: (REPOSITORY / path).read_text(encoding="utf-8")}
        else:
            continue
        values = merged(values, given)
    return values


def values_of_size(size: str) -> dict[str, Any]:
    """The values of a size and of the page's installation."""
    return merged(_values(CHART / f"values-{size}.yaml"), installation())


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both values; where they differ, those of ``above``."""
    both = dict(below)
    for name, value in above.items():
        present = both.get(name)
        if isinstance(value, Mapping) and isinstance(present, Mapping):
            both[name] = merged(present, value)
        else:
            both[name] = value
    return both


def render(values: Mapping[str, Any], *, revision: int = 1, is_upgrade: bool = False) -> list[Resource]:
    """The resources of the chart with these values. Raises ``HelmError``."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(
            dict(values),
            name="frikort",
            namespace=NAMESPACE,
            revision=revision,
            is_install=not is_upgrade,
            is_upgrade=is_upgrade,
        )
    texts = (text for name, text in files.items() if not name.endswith(".txt"))
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


@cache
def resources(size: str) -> tuple[Resource, ...]:
    """The resources of a size, at its installation."""
    return tuple(render(values_of_size(size)))


def of_kind(size: str, kind: str) -> dict[str, Resource]:
    """The resources of a kind, by name."""
    return {found["metadata"]["name"]: found for found in resources(size) if found["kind"] == kind}


def workloads(size: str, *kinds: str) -> dict[str, Workload]:
    """What runs pods of ours in a size, by the name of the process or command; of all kinds if none is given."""
    return {found.name: found for found in _workloads(resources(size)) if found.kind in (kinds or _KINDS)}


def _workloads(found: tuple[Resource, ...]) -> Iterator[Workload]:
    for one in found:
        if one["kind"] in _KINDS:
            template = one["spec"]["template"]
            (container,) = template["spec"]["containers"]
            labels = template["metadata"]["labels"]
            yield Workload(labels["app.kubernetes.io/name"], one["kind"], labels, template["spec"], container)


def _values(path: Path) -> dict[str, Any]:
    return helm_python.values_from_yaml(path.read_text(encoding="utf-8"))


@cache
def _page() -> str:
    return PAGE.read_text(encoding="utf-8")
