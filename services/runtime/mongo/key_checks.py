"""Check values of the keys without which stored data cannot be read or found.

A check value is an HMAC of a constant under the key: it proves that a key is the same one, and reveals nothing else
about it. It is stored at the first start of a process that holds the key. Later another key under the same name is
refused, and so is a start without a key that was used before.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def compare(own: Mapping[_Name, str], stored: Mapping[_Name, str]) -> None:
    """Compare the check values of the settings with the stored ones. Raises ``UnsafeSetting``."""
    for (setting, key_id), check in stored.items():
        under = f" under the id {key_id}" if key_id else ""
        if (setting, key_id) not in own:
            raise UnsafeSetting(setting, f"without the key {key_id}, which was used before", "add that key", risk=_RISK)
        if own[setting, key_id] != check:
            raise UnsafeSetting(setting, f"another key than before{under}", "put the earlier key there", risk=_RISK)


async def _stored(database: Database, own: Mapping[_Name, str]) -> dict[_Name, str]:
    settings = sorted({setting for setting, _ in own})
    found = await database[COLLECTION].find({"setting": {"$in": settings}}).to_list(None)
    return {(stored["setting"], stored["key_id"]): stored["check"] for stored in found}


def _check_value(setting: str, key_id: str, key: bytes) -> str:
    return KeyedHasher(key).hash("key check", setting, key_id)
