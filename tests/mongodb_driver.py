"""The driver of MongoDB that tests with a database use; ``make verify ONLY=driver`` sets the other one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast
from uuid import uuid4

from services.runtime.mongo.driver import Database, Driver, close, connect, durable_database

DRIVER: Final = cast(Driver, os.environ.get("FRIKORT_MONGODB_DRIVER", "motor"))


@asynccontextmanager
async def empty_database(uri: str, prefix: str) -> AsyncIterator[Database]:
    """A database with a service's write and read concerns, whose name begins with ``prefix``; dropped at the end."""
    client = connect(uri, driver=DRIVER)
    name = f"{prefix}_{uuid4().hex}"
    yield durable_database(client, name)
    await client.drop_database(name)
    await close(client)
