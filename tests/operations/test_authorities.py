"""The table of authorities: what a file of it must have, and all 98 municipalities on a real broker."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from frikort_contracts.access import PROVISIONER
from frikort_contracts.authorities import LOCAL, SETTING, Facts, Feed, configured, municipality_feed, read, to_toml
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.topics import DEAD_SUFFIX

from deploy.local.config import REPOSITORY, Config
from deploy.local.system import TOPICS, LocalSystem
from services.runtime.kafka.topics import admin_client, partitions_of


def test_the_file_of_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = (*LOCAL, Feed(name="ministry", facts=Facts.USE, principal="authority-star"))
    (tmp_path / "authorities.toml").write_text(to_toml(rows))
    assert read(tmp_path / "authorities.toml") == rows
    assert configured({SETTING: str(tmp_path / "authorities.toml")}) == rows
    assert configured({}) == LOCAL


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no table"),
        ("[[authorities]]\nname =", "cannot be read"),
        ('[[authorities]]\nname = "a"\nfacts = "everything"\n', "facts"),
        ('[[authorities]]\nname = "a"\nfacts = "benefits"\n', "one municipality"),
        ('[[authorities]]\nname = "a"\nfacts = "tax"\nmunicipality = "101"\n', "one municipality"),
        ('[[authorities]]\nname = "a"\nfacts = "benefits"\nmunicipality = "999"\n', "municipality"),
        ('[[authorities]]\nname = "a"\nfacts = "use"\ncpr = true\n', "without persons"),
        ('[[authorities]]\nname = "a"\nfacts = "tax"\nprincipal = "operator"\n', "principal"),
        ('[[authorities]]\nname = "A.b"\nfacts = "tax"\n', "name"),
        (2 * '[[authorities]]\nname = "a"\nfacts = "tax"\n', "twice"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "authorities.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=problem):
        read(path)


async def _topics(system: LocalSystem) -> set[str]:
    async with admin_client(system.access.settings()) as admin:
        return set(await partitions_of(admin))


@pytest.mark.verify
@pytest.mark.timeout(300)
def test_all_municipalities_are_provisioned_on_a_broker(tmp_path: Path) -> None:
    table = tmp_path / "authorities.toml"
    rows = (*LOCAL[:2], *map(municipality_feed, MUNICIPALITIES))
    table.write_text(to_toml(rows))
    with LocalSystem(Config(tmp_path / "data", environment={SETTING: str(table)}), services=()) as system:
        environment = system.environment(PROVISIONER, ())
        check = subprocess.run([sys.executable, "-m", TOPICS, "--check"], env=environment, cwd=REPOSITORY, check=False)
        assert check.returncode == 0
        found = asyncio.run(_topics(system))
    assert len(rows) == 2 + 98
    assert {row.topic for row in rows} | {row.topic + DEAD_SUFFIX for row in rows} <= found
