"""Public routes: the statistics as JSON and CSV, and their description for data portals (DCAT)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from frikort_contracts.http.statistics import PublishedYears, YearStatistics
from starlette.responses import JSONResponse, Response, StreamingResponse

from services.gateway.api.dependencies import optional_caller
from services.gateway.api.json_route import JsonRoute
from services.gateway.audit.routes import not_audited
from services.gateway.container import Container
from services.gateway.operation_problems import problems
from services.gateway.problems import ProblemError
from services.gateway.projections.statistics import StatisticsView
from services.gateway.public import presenters
from services.runtime import csv_writer

router = APIRouter(route_class=JsonRoute, prefix="/v1/statistics", tags=["everyone"])

Public = Annotated[Container, Depends(optional_caller)]
Year = Annotated[int, Path(ge=2019, le=2200)]

_CACHED = {"Cache-Control": "public, max-age=3600"}


@router.get("", response_model=PublishedYears)
@not_audited
async def list_statistics(container: Public, response: Response) -> PublishedYears:
    """The years of which there are statistics; no token is needed."""
    response.headers.update(_CACHED)
    return PublishedYears(years=await container.read_models.statistics_years())


@router.get(
    "/catalog",
    response_class=JSONResponse,
    responses={
        200: {"description": "The catalogue", "content": {"application/ld+json": {"schema": {"type": "object"}}}}
    },
)
@not_audited
async def statistics_catalog(container: Public) -> Response:
    """The description of the statistics for data portals: JSON-LD after DCAT-AP-DK."""
    latest = await container.read_models.statistics.find({}, sort=[("month", -1)], limit=1)
    published_at = latest[0].published_at if latest else None
    years = await container.read_models.statistics_years()
    content = presenters.catalog(container.api_url, years, published_at)
    return JSONResponse(content, media_type="application/ld+json", headers=_CACHED)


@router.get("/{year}", response_model=YearStatistics, openapi_extra=problems("not-found"))
@not_audited
async def get_statistics(year: Year, container: Public, response: Response) -> YearStatistics:
    """The statistics of a year by month and municipality; no token is needed."""
    response.headers.update(_CACHED)
    return presenters.year(year, await _months(container, year))


@router.get(
    "/{year}/csv",
    response_class=StreamingResponse,
    responses={200: {"description": "The file", "content": {"text/csv": {}}}},
    openapi_extra=problems("not-found"),
)
@not_audited
async def download_statistics(year: Year, container: Public) -> Response:
    """The statistics of a year as CSV: semicolons, decimal commas, UTF-8 with BOM."""
    content = presenters.csv_file(await _months(container, year))
    headers = {**_CACHED, "Content-Disposition": f'attachment; filename="frikort-statistik-{year}.csv"'}
    return StreamingResponse(content, media_type=csv_writer.MEDIA_TYPE, headers=headers)


async def _months(container: Container, year: int) -> list[StatisticsView]:
    months = await container.read_models.statistics.find({"year": year}, sort=[("month", 1)])
    if not months:
        raise ProblemError("not-found")
    return months
