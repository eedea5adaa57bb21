"""Files in a folder or in an S3 bucket, by one address: ``file:///folder`` or ``s3://bucket/folder``.

A name is written once. A file that is written is durable when ``finish`` returns. For a bucket the extra ``s3`` must be
installed; address, region and credentials are those of the AWS environment (``AWS_ENDPOINT_URL`` and others).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

import fsspec
from fsspec.implementations.local import LocalFileSystem

READ_BYTES: Final = 256 * 1024


class FileWriter:
    """A new file. Its calls block."""

    def __init__(self, files: Any, name: str, path: str) -> None:
        self.name = name
        self._files = files
        self._path = path
        self._file = files.open(path, "xb" if isinstance(files, LocalFileSystem) else "wb")

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        self._file.write(content)

    def finish(self) -> None:
        """Close the file; it is durable then."""
        if not isinstance(self._files, LocalFileSystem):
            self._file.close()  # completes the upload
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _sync_folders(PurePosixPath(self._path).parent)

    def abandon(self) -> None:
        """Remove the file, as far as the store answers. What is left is removed when it is old."""
        with contextlib.suppress(Exception):
            if isinstance(self._files, LocalFileSystem):
                self._file.close()
                self._files.rm_file(self._path)
            else:
                self._file.discard()
                self._file.closed = True  # else it is completed when it is collected


class FileStore:
    """The files below an address."""

    def __init__(self, address: str) -> None:
        """Raises ``ValueError`` for an address of another kind."""
        if not address.startswith(("file:///", "s3://")):
            raise ValueError("the address of files begins with file:/// or s3://")
        options = {"auto_mkdir": True} if address.startswith("file:") else {}
        self._files, self._root = fsspec.core.url_to_fs(address.rstrip("/"), **options)

    def create(self, name: str) -> FileWriter:
        """A new file. Raises ``OSError``, in a folder also if the name exists."""
        return FileWriter(self._files, name, self._path(name))

    async def read(self, name: str, part: range) -> AsyncIterator[bytes]:
        """The bytes ``part`` of a file. Raises ``FileNotFoundError``."""
        file = await asyncio.to_thread(self._files.open, self._path(name), "rb")
        try:
            await asyncio.to_thread(file.seek, part.start)
            left = len(part)
            while left:
                content = await asyncio.to_thread(file.read, min(left, READ_BYTES))
                if not content:
                    raise EOFError("a file is shorter than its manifest says")
                left -= len(content)
                yield content
        finally:
            await asyncio.to_thread(file.close)

    async def exists(self, name: str) -> bool:
        """Whether a file is there."""
        return bool(await asyncio.to_thread(self._files.exists, self._path(name)))

    async def delete_before(self, moment: datetime) -> int:
        """Delete the files that were last changed before ``moment``. Returns how many."""
        return await asyncio.to_thread(self._delete_before, moment)

    def _delete_before(self, moment: datetime) -> int:
        self._files.invalidate_cache()
        old = [path for path in self._files.find(self._root) if _utc(self._files.modified(path)) < moment]
        for path in old:
            self._files.rm_file(path)
            if isinstance(self._files, LocalFileSystem):
                with contextlib.suppress(OSError):  # it has other files
                    self._files.rmdir(str(PurePosixPath(path).parent))
        return len(old)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _sync_folders(folder: PurePosixPath) -> None:
    """Make the names in a folder, and its own name, durable."""
    for each in (folder, folder.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
