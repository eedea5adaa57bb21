"""Creates the users and roles of the table in MongoDB, and compares those that exist with it. Blocks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.mongodb.rights import DATABASES, PROVISIONER, USERS, Environment, privileges_of, role_of

logger = structlog.get_logger(__name__)

Client = MongoClient[dict[str, Any]]
PasswordOf = Callable[[str], str]
"""The password of a user. Raises ``OSError``."""

_ADMIN: Final = "admin"
_MECHANISMS: Final = ["SCRAM-SHA-256"]
_UNAUTHORIZED: Final = 13


class Privilege(NamedTuple):
    """An action on a collection. The database or the collection can be empty: every one."""

    database: str
    collection: str
    action: str

    def __str__(self) -> str:
        return f"{self.action} {self.database or '*'}.{self.collection or '*'}"


class MissingUsers(RuntimeError):
    """Users or rights of the table that MongoDB does not have."""


class ExcessRights(RuntimeError):
    """Rights in MongoDB that the table does not give."""


class Provisioned(NamedTuple):
    """How many users and roles were created or changed."""

    users: int
    roles: int


def provision(
    client: Client, password_of: PasswordOf, environment: Environment, *, change_passwords: bool = False
) -> Provisioned:
    """Create the missing users, and give every role the rights of the table.

    ``client`` connects as the provisioner. A user that exists gets its password again only with ``change_passwords``.
    Raises ``OSError`` and the errors of pymongo.
    """
    admin = client[_ADMIN]
    roles = _roles(client)
    changed_roles = changed_users = 0
    for user in USERS:
        name, privileges = role_of(user), privileges_of(user, environment)
        if name not in roles:
            admin.command("createRole", name, privileges=privileges, roles=[])
        elif (found := roles[name]) != (wanted := _expanded(privileges)):
            admin.command("updateRole", name, privileges=privileges, roles=[])
            _log_change(name, found, wanted)
        else:
            continue
        changed_roles += 1
    existing = {found["user"]: found for found in admin.command("usersInfo", 1)["users"]}
    for user in USERS:
        own_roles = [{"role": role_of(user), "db": _ADMIN}]
        if user not in existing:
            admin.command("createUser", user, pwd=password_of(user), roles=own_roles, mechanisms=_MECHANISMS)
        elif change_passwords:
            admin.command("updateUser", user, pwd=password_of(user), roles=own_roles, mechanisms=_MECHANISMS)
        elif existing[user]["roles"] != own_roles:
            admin.command("updateUser", user, roles=own_roles)
        else:
            continue
        changed_users += 1
    return Provisioned(changed_users, changed_roles)


def check(client: Client, environment: Environment, *, allowed: Collection[str] = ()) -> None:
    """Compare the rights of all users with the table.

    ``allowed`` are users that may have rights on Frikort's databases though the table does not name them, such as one
    for backups. Raises ``ExcessRights`` before ``MissingUsers``, and the errors of pymongo.
    """
    rights = {
        _name(found): _rights(client, found)
        for found in client[_ADMIN].command("usersInfo", {"forAllDBs": True})["users"]
    }
    excess, missing = compare(rights, environment, allowed)
    if excess:
        raise ExcessRights("; ".join(excess))
    if missing:
        raise MissingUsers("; ".join(missing))


def compare(
    found: Mapping[str, Collection[Privilege]], environment: Environment, allowed: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """What the users in MongoDB may do that the table does not give, and what they may not do that it gives."""
    excess: list[str] = []
    missing: list[str] = []
    for user, rights in sorted(found.items()):
        if user in USERS:
            wanted = _expanded(privileges_of(user, environment))
            excess += [f"{user} may {privilege}" for privilege in sorted(set(rights) - wanted)]
            missing += [f"{user} may not {privilege}" for privilege in sorted(wanted - set(rights))]
        elif user not in {PROVISIONER, *allowed}:
            ours = [privilege for privilege in rights if privilege.database in {"", *DATABASES}]
            excess += [f"{user} is not in the table and may {privilege}" for privilege in sorted(ours)[:1]]
    missing += [f"there is no user {user}" for user in USERS if user not in found]
    return excess, missing


def lets_everybody_in(client: Client) -> bool:
    """Whether MongoDB answers ``client``, which has no user, as it answers an administrator."""
    try:
        client[_ADMIN].command("usersInfo", 1)
    except OperationFailure as error:
        if error.code != _UNAUTHORIZED:
            raise
        return False
    return True


def _roles(client: Client) -> dict[str, set[Privilege] | None]:
    """The privileges of the roles; None for a role that includes another one, and so is not as the table makes it."""
    found: Sequence[Mapping[str, Any]] = client[_ADMIN].command("rolesInfo", 1, showPrivileges=True)["roles"]
    return {role["role"]: None if role["roles"] else _expanded(role["privileges"]) for role in found}


def _log_change(role: str, found: set[Privilege] | None, wanted: set[Privilege]) -> None:
    """A right that a person granted by hand is an incident, so its removal is logged."""
    had = set() if found is None else found
    removed, added = sorted(map(str, had - wanted)), sorted(map(str, wanted - had))
    logger.warning("mongodb.role_changed", role=role, removed=removed, added=added, included_roles=found is None)


def _rights(client: Client, found: Mapping[str, Any]) -> set[Privilege]:
    """All rights of a user, also those that it has through several roles."""
    asked = {"user": found["user"], "db": found["db"]}
    (shown,) = client[_ADMIN].command("usersInfo", asked, showPrivileges=True)["users"]
    return _expanded(shown["inheritedPrivileges"])


def _expanded(privileges: Iterable[Mapping[str, Any]]) -> set[Privilege]:
    """The privileges, one for each action. A privilege on the cluster counts as one on every database."""
    return {
        Privilege(privilege["resource"].get("db", ""), privilege["resource"].get("collection", ""), action)
        for privilege in privileges
        for action in privilege["actions"]
    }


def _name(found: Mapping[str, Any]) -> str:
    """The name of a user; with its database, unless that is `admin`."""
    return found["user"] if found["db"] == _ADMIN else f"{found['db']}.{found['user']}"
