"""The web application of the API process: routes, errors, middleware and lifespan."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.gateway.api import everyone, local
from services.gateway.api.audit_middleware import AuditMiddleware
from services.gateway.api.errors import add_handlers, problem_response
from services.gateway.audit.routes import check_routes
from services.gateway.authority import router as authority
from services.gateway.caseworker import router as caseworker
from services.gateway.citizen import represented
from services.gateway.citizen import router as citizen
from services.gateway.employer import employments, payroll, reminders, reports
from services.gateway.openapi import Addresses, add_openapi
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import build
from services.runtime.service import Runtime
from services.runtime.web.requests import RequestMiddleware

# Routes are tried in order: those with the most requests first.
ROUTERS: Final = tuple(
    module.router
    for module in (reports, payroll, employments, reminders, caseworker, citizen, represented, authority, everyone)
)


def operation_id(route: APIRoute) -> str:
    """The name of the endpoint's function."""
    return route.name


def application_factory(settings: GatewaySettings, runtime: Runtime) -> FastAPI:
    """The application. Raises ``ValueError`` that names a setting that cannot be used."""
    process = build(settings, runtime)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await runtime.start()
        try:
            async with process.running():
                yield
        finally:
            await runtime.stop()

    app = FastAPI(
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
    )
    app.state.gateway = process.container
    for router in ROUTERS:
        app.include_router(router)
    check_routes(app)
    if settings.environment == "local":
        app.include_router(local.router)
    runtime.health.details["projections"] = process.projections.detail
    app.router.routes.extend(runtime.health_routes)
    add_openapi(app, Addresses(settings.api_url, settings.authorization_address, settings.token_address))
    add_handlers(app)
    app.add_middleware(AuditMiddleware)
    app.add_middleware(
        RequestMiddleware,
        service="gateway",
        body_most=settings.body_most,
        files_most={payroll.PATH: settings.batch_bytes_most},
        requests_most=settings.requests_most,
        error_response=problem_response,
    )
    return app
