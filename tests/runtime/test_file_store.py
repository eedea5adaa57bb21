"""The contract of a store of files, on a folder and on an S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fsspec import filesystem
from moto.server import ThreadedMotoServer

from services.runtime.file_store import FileStore

LARGE = bytes(range(256)) * (24 * 1024)  # more than a part of an upload


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server on this machine."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    if request.param == "folder":
        return FileStore((tmp_path / "extracts").as_uri())
    for name, value in (
        ("AWS_ENDPOINT_URL", request.getfixturevalue("server")),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    filesystem("s3", skip_instance_cache=True).mkdir(bucket := tmp_path.name.replace("_", "-").lower()[:60])
    return FileStore(f"s3://{bucket}/extracts")


def write(store: FileStore, name: str, *pieces: bytes) -> None:
    writer = store.create(name)
    for piece in pieces:
        writer.write(piece)
    writer.finish()


async def read(store: FileStore, name: str, part: range) -> bytes:
    return b"".join([piece async for piece in store.read(name, part)])


async def test_a_file_is_read_as_it_was_written(store: FileStore) -> None:
    write(store, "x/1.csv", b"kort;", "år\n".encode())
    write(store, "x/1.parquet", LARGE, LARGE)

    assert await read(store, "x/1.csv", range(9)) == "kort;år\n".encode()
    assert await read(store, "x/1.parquet", range(2 * len(LARGE))) == LARGE * 2


async def test_a_range_is_read_alone(store: FileStore) -> None:
    write(store, "x/1.csv", LARGE)

    for part in (range(1), range(5, 9), range(len(LARGE) - 3, len(LARGE)), range(300_000, 900_001)):
        assert await read(store, "x/1.csv", part) == LARGE[part.start : part.stop]


async def test_an_abandoned_file_is_not_there(store: FileStore) -> None:
    for content in (b"small", LARGE):
        writer = store.create("x/1.csv")
        writer.write(content)
        writer.abandon()

        assert not await store.exists("x/1.csv")


async def test_a_missing_file_is_reported(store: FileStore) -> None:
    assert not await store.exists("x/1.csv")
    with pytest.raises(FileNotFoundError):
        await read(store, "x/1.csv", range(1))


async def test_a_file_that_is_shorter_than_its_manifest_says_is_an_error(store: FileStore) -> None:
    write(store, "x/1.csv", b"abc")
    with pytest.raises(EOFError):
        await read(store, "x/1.csv", range(4))


async def test_files_are_deleted_when_they_are_old(store: FileStore) -> None:
    write(store, "x/1.csv", b"a")
    write(store, "y/1.csv", b"b")

    assert await store.delete_before(datetime.now(UTC) - timedelta(minutes=1)) == 0
    assert await store.exists("x/1.csv")
    assert await store.delete_before(datetime.now(UTC) + timedelta(minutes=1)) == 2
    assert not await store.exists("x/1.csv")
    assert await store.delete_before(datetime.now(UTC) + timedelta(minutes=1)) == 0


async def test_a_store_without_files_has_none_to_delete(store: FileStore) -> None:
    assert await store.delete_before(datetime.now(UTC)) == 0


@pytest.mark.parametrize("address", ["/extracts", "http://example.dk/extracts", "memory://extracts"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match="begins with"):
        FileStore(address)


def test_a_name_in_a_folder_is_written_once(tmp_path: Path) -> None:
    store = FileStore(tmp_path.as_uri())
    write(store, "x/1.csv", b"a")
    with pytest.raises(FileExistsError):
        store.create("x/1.csv")
