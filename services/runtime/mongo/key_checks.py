"""Check values of the keys without which stored data cannot be read or found.

A check value is an HMAC of a constant under the key: it proves that a key is the same one, and reveals nothing else
about it. It is stored at the first start of a process that holds the key. Later another key under the same name is
refused, and so is a start without a key that was used before, unless the key was retired.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from services.runtime.encryption import KeyedHasher
from services.runtime.keys import keys_of
from services.runtime.mongo.document_store import add_all
from services.runtime.mongo.driver import Database
from services.runtime.safety_checks import UnsafeSetting
from services.runtime.settings import ProcessSettings

COLLECTION: Final = "key_checks"
_RISK: Final = "makes stored data unreadable or impossible to find"

_Name = tuple[str, str]
"""A setting, and the id of one of its keys."""


async def check_keys(database: Database, settings: ProcessSettings) -> None:
    """Compare the lasting keys of the settings with the check values in ``database``; store those of new keys.

    Raises ``UnsafeSetting`` that names the setting, and the errors of pymongo.
    """
    own = {
        (key.setting, key.id): _check_value(key.setting, key.id, key.value)
        for key in keys_of(settings)
        if key.is_lasting
    }
    if not own:
        return
    stored = await _stored(database, own)
    compare(own, stored)
    new = [
        {"_id": f"{setting} {key_id}".strip(), "setting": setting, "key_id": key_id, "check": check}
        for (setting, key_id), check in own.items()
        if (setting, key_id) not in stored
    ]
    if new and not all(await add_all(database[COLLECTION], new)):
        compare(own, await _stored(database, own))  # another instance was faster


async def retire(database: Database, setting: str, key_ids: Collection[str]) -> None:
    """Let processes start without these keys from now on. Raises the errors of pymongo."""
    if key_ids:
        retired = _retired(setting)
        documents = [{"_id": f"{retired} {key_id}".strip(), "setting": retired, "key_id": key_id} for key_id in key_ids]
        await add_all(database[COLLECTION], documents)


def compare(own: Mapping[_Name, str], stored: Mapping[_Name, str]) -> None:
    """Compare the check values of the settings with the stored ones. Raises ``UnsafeSetting``."""
    for (setting, key_id), check in stored.items():
        under = f" under the id {key_id}" if key_id else ""
        if (setting, key_id) not in own:
            named = f"the key {key_id}" if key_id else "the key that has no id"
            raise UnsafeSetting(setting, f"without {named}, which was used before", "add that key", risk=_RISK)
        if own[setting, key_id] != check:
            raise UnsafeSetting(setting, f"another key than before{under}", "put the earlier key there", risk=_RISK)


def _retired(setting: str) -> str:
    return f"{setting} retired"


async def _stored(database: Database, own: Collection[_Name]) -> dict[_Name, str]:
    """The check values of the settings, without those of retired keys that the process does not have."""
    settings = sorted({setting for setting, _ in own})
    names = [*settings, *map(_retired, settings)]
    found = await database[COLLECTION].find({"setting": {"$in": names}}).to_list(None)
    checks = {(one["setting"], one["key_id"]): one.get("check", "") for one in found}
    return {
        (setting, key_id): check
        for (setting, key_id), check in checks.items()
        if setting in settings and ((setting, key_id) in own or (_retired(setting), key_id) not in checks)
    }


def _check_value(setting: str, key_id: str, key: bytes) -> str:
    return KeyedHasher(key).hash("key check", setting, key_id)
