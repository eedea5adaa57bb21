"""A requester's extracts: what it requested, how far each has come, and the content of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

from frikort_contracts.extract_files import FileFormat
from frikort_contracts.http.extracts import ExtractResource
from frikort_contracts.http.roles import Role

from services.gateway.extracts import presenters
from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.projections.extracts import part_id
from services.gateway.read_models import GatewayReadModels
from services.runtime.file_store import FileStore

ADDRESSES = {
    Role.AUTHORITY.value: "/v1/extracts",
    Role.CASEWORKER.value: "/v1/municipality/extracts",
    Role.EMPLOYER.value: "/v1/employer/extracts",
    Role.CITIZEN.value: "/v1/me/extracts",
}
"""The path of the extracts of each role."""


def address_of(request: StoredExtractRequest) -> str:
    """The path of the requester's extracts."""
    return ADDRESSES[request.requester.partition(":")[0]]


async def extract(read_models: GatewayReadModels, request: StoredExtractRequest) -> ExtractResource:
    """An extract and its progress."""
    address = address_of(request)
    in_files = await read_models.extract_files.get(request.extract_id)
    in_parts = None if in_files is not None else await read_models.extracts.get(request.extract_id)
    if in_parts is None:
        return presenters.extract(request, in_files, address)
    progress = await read_models.extract_progress(request.extract_id, in_parts.attempt)
    return presenters.extract_in_parts(request, in_parts, progress, address)


async def content(
    read_models: GatewayReadModels, files: FileStore, extract_id: str, file_format: FileFormat, part: range
) -> AsyncIterator[bytes] | None:
    """The bytes ``part`` of a file of a completed extract; None if it is deleted."""
    view = await read_models.extract_files.get(extract_id)
    if view is None or view.made is None:
        return _content_in_parts(read_models, extract_id, file_format, part)
    file = next(file for file in view.made.files if file.format is file_format)
    return files.read(file.name, part) if await files.exists(file.name) else None


async def _content_in_parts(
    read_models: GatewayReadModels, extract_id: str, file_format: FileFormat, part: range
) -> AsyncIterator[bytes]:
    """The content of a file of the release before. Parts before ``part`` are read and not sent."""
    view = await read_models.extracts.get(extract_id)
    if view is None or view.manifest is None:
        raise RuntimeError("a completed extract is missing")
    at, attempt = 0, view.manifest.attempt
    count = next(file.parts for file in view.manifest.files if file.format == file_format)
    for index in range(count):
        stored = await read_models.extract_parts.get(part_id(extract_id, attempt, file_format, index))
        if stored is None:
            raise RuntimeError("a part of a completed extract is missing")
        piece = stored.content.encode()
        if sent := piece[max(part.start - at, 0) : max(part.stop - at, 0)]:
            yield sent
        at += len(piece)
        if at >= part.stop:
            return
