"""The command that creates the users of MongoDB from the table of rights, and finds every other right."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pymongo import MongoClient

from deploy.local import mongodb_users
from deploy.local.config import REPOSITORY, Config
from deploy.local.engines import Engines
from deploy.mongodb.__main__ import main
from deploy.mongodb.provision import ExcessRights, MissingUsers, Privilege, check, compare, lets_everybody_in, provision
from deploy.mongodb.rights import PROVISIONER, USERS, privileges_of
from services.runtime import exit_codes

Client = MongoClient[dict[str, Any]]
READ_ALL: Final = {"resource": {"db": "frikort_gateway", "collection": ""}, "actions": ["find"]}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Engines of this module alone: its tests change users."""
    config = Config(tmp_path_factory.mktemp("users"))
    with Engines(config, environment={}, docker_answers=lambda: False) as running:
        yield running


@pytest.fixture
def client(own: Engines) -> Iterator[Client]:
    """A client of the provisioner. Afterwards the users and roles are those of the table again."""
    with Client(own.mongodb) as client:
        yield client
        for found in client.admin.command("usersInfo", 1)["users"]:
            if found["user"] not in {PROVISIONER, *USERS}:
                client.admin.command("dropUser", found["user"])
        own.mongodb_access.provision()


@pytest.fixture
def environment(own: Engines, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings of the command."""
    for name, value in own.mongodb_access.environment(PROVISIONER).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FRIKORT_ENVIRONMENT", "local")
    monkeypatch.setenv("FRIKORT_MONGODB_PASSWORDS", str(own.config.data / "keys" / "mongodb"))
    monkeypatch.setenv("FRIKORT_START_TIMEOUT", "0")
    return monkeypatch


def password_of(_: str) -> str:
    return "a-password-for-a-new-user"


def test_a_second_run_changes_nothing(client: Client) -> None:
    assert provision(client, password_of, "local") == (0, 0)
    check(client, "local")


def test_a_missing_user_is_created(client: Client) -> None:
    client.admin.command("dropUser", "issuance")
    with pytest.raises(MissingUsers, match="there is no user issuance"):
        check(client, "local")
    assert provision(client, password_of, "local") == (1, 0)
    check(client, "local")
    client.admin.command("dropUser", "issuance")  # it has another password than its file


def test_a_role_with_more_rights_is_found_and_brought_back_to_the_table(client: Client) -> None:
    client.admin.command("grantPrivilegesToRole", "frikort-payroll", privileges=[READ_ALL])
    with pytest.raises(ExcessRights, match=r"payroll may find frikort_gateway\.\*"):
        check(client, "local")
    assert provision(client, password_of, "local") == (0, 1)
    check(client, "local")


def test_a_role_with_fewer_rights_is_found(client: Client) -> None:
    kept = privileges_of("balance", "local")
    client.admin.command("updateRole", "frikort-balance", privileges=[])
    with pytest.raises(MissingUsers, match=r"balance may not find frikort_balance\.ledgers"):
        check(client, "local")
    assert kept
    assert provision(client, password_of, "local") == (0, 1)


def test_a_user_with_a_further_role_is_found_and_loses_it(client: Client) -> None:
    client.admin.command("grantRolesToUser", "portals", roles=[{"role": "read", "db": "frikort_gateway"}])
    with pytest.raises(ExcessRights, match="portals may find frikort_gateway"):
        check(client, "local")
    assert provision(client, password_of, "local") == (1, 0)
    check(client, "local")


def test_another_user_that_may_read_a_database_is_found_unless_it_is_named(client: Client) -> None:
    client.admin.command("createUser", "backups", pwd="backups", roles=["readAnyDatabase"])
    with pytest.raises(ExcessRights, match="backups is not in the table"):
        check(client, "local")
    check(client, "local", allowed=["backups"])


def test_another_user_without_rights_on_the_databases_is_accepted(client: Client) -> None:
    roles = [{"role": "read", "db": "elsewhere"}]
    client.admin.command("createUser", "elsewhere", pwd="elsewhere", roles=roles)
    check(client, "local")


def test_a_password_is_changed_when_asked_for(own: Engines, client: Client) -> None:
    assert provision(client, password_of, "local", change_passwords=True) == (len(USERS), 0)
    with Client(own.mongodb_access.address, username="balance", password=password_of("balance")) as balance:
        assert balance["frikort_balance"]["ledgers"].find_one() is None
    own_passwords = own.mongodb_access.passwords
    provision(client, lambda user: own_passwords[user].read_text(), "local", change_passwords=True)


def test_the_settable_clock_is_a_right_of_the_local_environment_only(client: Client) -> None:
    with pytest.raises(ExcessRights, match=r"gateway may insert frikort_gateway\.clock"):
        check(client, "production")


def test_a_server_that_needs_no_user_is_found(own: Engines) -> None:
    with Client(own.mongodb_access.address) as anybody, Client(own.mongodb) as administrator:
        assert not lets_everybody_in(anybody)
        assert lets_everybody_in(administrator)


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_the_command_succeeds_when_the_rights_are_those_of_the_table(
    environment: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    assert main(arguments) == exit_codes.DONE


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_the_command_refuses_other_rights(
    environment: pytest.MonkeyPatch, client: Client, arguments: list[str]
) -> None:
    client.admin.command("createUser", "backups", pwd="backups", roles=["readAnyDatabase"])
    assert main(arguments) == exit_codes.UNSAFE_SETTING
    assert main([*arguments, "--allow", "backups"]) == exit_codes.DONE


def test_the_command_says_what_is_missing(environment: pytest.MonkeyPatch, client: Client) -> None:
    client.admin.command("dropUser", "issuance")
    assert main(["--check"]) == exit_codes.NOT_DONE
    environment.setenv("FRIKORT_MONGODB_PASSWORDS", "/nowhere")
    assert main([]) == exit_codes.NOT_DONE


def test_a_refusal_of_mongodb_is_logged_by_its_name_and_without_its_text(
    environment: pytest.MonkeyPatch, own: Engines, tmp_path: Path
) -> None:
    (wrong := tmp_path / "password").write_text("of-somebody-else")
    environment.setenv("FRIKORT_MONGODB_PASSWORD_FILE", str(wrong))
    assert problem_of_the_command() == "OperationFailure: code 18 AuthenticationFailed"
    for name, value in own.mongodb_access.environment("balance").items():
        environment.setenv(name, value)
    assert problem_of_the_command() == "OperationFailure: code 13 Unauthorized"


def problem_of_the_command() -> str:
    """What the command's one log line says is wrong."""
    argv = [sys.executable, "-m", "deploy.mongodb", "--check"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (done.returncode, line["event"]) == (exit_codes.NOT_DONE, "mongodb.wrong")
    return str(line["problem"])


def test_the_command_gives_up_without_a_server(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FRIKORT_MONGODB", "mongodb://127.0.0.1:1/?replicaSet=x&serverSelectionTimeoutMS=200")
    assert main([]) == exit_codes.CANNOT_START


def test_the_command_refuses_unsafe_settings_in_production(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FRIKORT_ENVIRONMENT", "production")
    assert main([]) == exit_codes.UNSAFE_SETTING


def test_the_rights_of_a_user_are_compared_one_by_one() -> None:
    rights = {Privilege("frikort_balance", "ledgers", action) for action in ("find", "insert", "update", "drop")}
    excess, missing = compare({"balance": rights}, "production")
    assert excess == ["balance may drop frikort_balance.ledgers"]
    assert "balance may not createIndex frikort_balance.ledgers" in missing
    assert "there is no user gateway" in missing


def test_passwords_and_the_key_file_are_readable_by_their_owner_only(own: Engines) -> None:
    users = mongodb_users.load_or_create(own.config.data / "keys")
    files = [users.key_file, *users.passwords.values()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert len({path.read_text() for path in files}) == len(files)
