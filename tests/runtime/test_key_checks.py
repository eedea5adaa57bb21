"""S7: A start with another key than the one that encrypted the stored data is refused."""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from deploy.local.engines import Engines
from services.runtime.mongo.driver import Database, connect, durable_database
from services.runtime.mongo.key_checks import COLLECTION, check_keys, retire
from services.runtime.safety_checks import UnsafeSetting
from services.runtime.service import Runtime
from services.runtime.settings import LastingKeys, LookupKeys, ProcessSettings, ReplaceableKeys


class KeyedSettings(ProcessSettings):
    """Settings with keys, as the gateway has."""

    lookup_key: LookupKeys
    encryption_keys: LastingKeys
    session_keys: ReplaceableKeys = SecretStr("")


def new_key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


OLD, NEW, LOOKUP, OTHER = new_key(), new_key(), new_key(), new_key()


def settings(lookup: str = LOOKUP, encryption: str = f"k1:{OLD}", session: str = OTHER) -> KeyedSettings:
    return KeyedSettings(
        environment="local",
        mongodb="mongodb://127.0.0.1:1/?replicaSet=frikort",
        lookup_key=SecretStr(lookup),
        encryption_keys=SecretStr(encryption),
        session_keys=SecretStr(f"s:{session}"),
    )


@pytest.fixture
async def database(engines: Engines) -> AsyncIterator[Database]:
    client = connect(engines.mongodb)
    name = f"test_keys_{uuid4().hex}"
    yield durable_database(client, name)
    await client.drop_database(name)
    client.close()


async def test_the_same_keys_are_accepted_at_every_start(database: Database) -> None:
    await check_keys(database, settings())
    await check_keys(database, settings())
    assert await database[COLLECTION].count_documents({}) == 2


async def test_another_lookup_key_is_refused_by_name(database: Database) -> None:
    await check_keys(database, settings())
    with pytest.raises(UnsafeSetting, match="FRIKORT_LOOKUP_KEY is another key than before") as refused:
        await check_keys(database, settings(lookup=OTHER))
    assert OTHER not in str(refused.value)


async def test_another_encryption_key_under_the_same_id_is_refused(database: Database) -> None:
    await check_keys(database, settings())
    with pytest.raises(UnsafeSetting, match="FRIKORT_ENCRYPTION_KEYS is another key than before under the id k1"):
        await check_keys(database, settings(encryption=f"k1:{NEW}"))


async def test_a_key_is_rotated_by_putting_a_new_one_in_front(database: Database) -> None:
    await check_keys(database, settings())
    await check_keys(database, settings(encryption=f"k2:{NEW},k1:{OLD}"))
    await check_keys(database, settings(encryption=f"k2:{NEW},k1:{OLD}"))


async def test_a_start_without_a_key_that_was_used_is_refused(database: Database) -> None:
    await check_keys(database, settings())
    with pytest.raises(UnsafeSetting, match="FRIKORT_ENCRYPTION_KEYS is without the key k1"):
        await check_keys(database, settings(encryption=f"k2:{NEW}"))


async def test_a_refused_start_stores_nothing(database: Database) -> None:
    await check_keys(database, settings())
    with pytest.raises(UnsafeSetting):
        await check_keys(database, settings(encryption=f"k2:{NEW}"))
    await check_keys(database, settings())


async def test_session_keys_may_be_replaced(database: Database) -> None:
    await check_keys(database, settings())
    await check_keys(database, settings(session=NEW))


async def test_of_two_first_starts_with_different_keys_one_is_refused(database: Database) -> None:
    starts = [check_keys(database, settings()), check_keys(database, settings(lookup=OTHER))]
    results = await asyncio.gather(*starts, return_exceptions=True)
    assert [isinstance(result, UnsafeSetting) for result in results].count(True) == 1


async def test_the_check_values_reveal_no_key(database: Database) -> None:
    await check_keys(database, settings())
    stored = str(await database[COLLECTION].find({}).to_list(None))
    assert LOOKUP not in stored
    assert OLD not in stored


async def test_a_look_up_key_is_removed_only_after_it_is_retired(database: Database) -> None:
    """People are found by the old key until the command that adds hashes finds nothing to do, and retires it."""
    await check_keys(database, settings())
    await check_keys(database, settings(lookup=f"2:{OTHER},{LOOKUP}"))
    with pytest.raises(UnsafeSetting, match="FRIKORT_LOOKUP_KEY is without the key that has no id"):
        await check_keys(database, settings(lookup=f"2:{OTHER}"))

    await retire(database, "FRIKORT_LOOKUP_KEY", [""])

    await check_keys(database, settings(lookup=f"2:{OTHER}"))
    await check_keys(database, settings(lookup=f"2:{OTHER},{LOOKUP}"))  # an instance that is not restarted yet


async def test_a_key_that_is_not_retired_stays_needed_and_is_named(database: Database) -> None:
    await check_keys(database, settings(lookup=f"3:{NEW},2:{OTHER},{LOOKUP}"))
    await retire(database, "FRIKORT_LOOKUP_KEY", [""])
    with pytest.raises(UnsafeSetting, match="FRIKORT_LOOKUP_KEY is without the key 2"):
        await check_keys(database, settings(lookup=f"3:{NEW}"))


async def test_a_retired_key_that_comes_back_as_another_is_refused(database: Database) -> None:
    await check_keys(database, settings(lookup=f"2:{OTHER},{LOOKUP}"))
    await retire(database, "FRIKORT_LOOKUP_KEY", [""])
    with pytest.raises(UnsafeSetting, match="FRIKORT_LOOKUP_KEY is another key than before"):
        await check_keys(database, settings(lookup=f"2:{OTHER},{NEW}"))


async def test_retiring_one_setting_retires_no_key_of_another(database: Database) -> None:
    await check_keys(database, settings())
    await retire(database, "FRIKORT_LOOKUP_KEY", ["k1"])
    with pytest.raises(UnsafeSetting, match="FRIKORT_ENCRYPTION_KEYS is without the key k1"):
        await check_keys(database, settings(encryption=f"k2:{NEW}"))


async def test_retiring_again_changes_nothing(database: Database) -> None:
    for _ in range(2):
        await retire(database, "FRIKORT_LOOKUP_KEY", ["", "2"])
    assert await database[COLLECTION].count_documents({}) == 2


async def test_a_process_with_another_key_does_not_start(engines: Engines) -> None:
    service = f"keyed_{uuid4().hex}"
    given = settings().model_copy(update={"mongodb": engines.mongodb})
    first = Runtime(service=service, settings=given)
    await first.start()
    await first.stop()
    other = Runtime(service=service, settings=given.model_copy(update={"lookup_key": SecretStr(OTHER)}))
    with pytest.raises(UnsafeSetting, match="FRIKORT_LOOKUP_KEY"):
        await other.start()
    assert other.refused is not None
