"""The web application of the API process: routers, error handlers, middleware and lifespan."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from services.gateway.api import everyone_router, local_clock_router
from services.gateway.api.audit_middleware import AuditMiddleware
from services.gateway.api.authentication import AuthenticationMiddleware
from services.gateway.api.errors import MethodMiddleware, add_handlers, problem_response
from services.gateway.audit.routes import check_routes
from services.gateway.auditor import router as auditor_router
from services.gateway.authority import reconciliations_router
from services.gateway.caseworker import router as caseworker_router
from services.gateway.citizen import own_card_router, represented_router
from services.gateway.employer import employments_router, payroll_router, reminders_router, reports_router
from services.gateway.extracts import authority_router, employer_router, municipality_router, own_router
from services.gateway.openapi import Addresses, add_openapi
from services.gateway.public import evidence_router
from services.gateway.public import router as public_router
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import build
from services.runtime.service import Runtime
from services.runtime.tracing import NO_TELEMETRY
from services.runtime.web.methods import HeadMiddleware, PathMethods
from services.runtime.web.requests import RequestLimits, RequestMiddleware

# Routes are tried in order: those with the most requests first.
ROUTERS: Final = tuple(
    module.router
    for module in (
        reports_router,
        payroll_router,
        employments_router,
        reminders_router,
        caseworker_router,
        own_card_router,
        represented_router,
        authority_router,
        municipality_router,
        employer_router,
        own_router,
        reconciliations_router,
        auditor_router,
        everyone_router,
        public_router,
        evidence_router,
    )
)


def operation_id(route: APIRoute) -> str:
    """The name of the endpoint's function."""
    return route.name


class ApiRoutes(NamedTuple):
    """The routes of the API, and the methods of their paths."""

    routes: Sequence[BaseRoute]
    methods: PathMethods


@cache
def api_routes() -> ApiRoutes:
    """All routes. They are built once for the process, because that takes a tenth of a second.

    Raises ``UndeclaredRoute`` for a route that does not say whether it is audited.
    """
    api = APIRouter(redirect_slashes=False, generate_unique_id_function=operation_id)
    for router in ROUTERS:
        api.include_router(router)
    check_routes(api.routes)
    return ApiRoutes(api.routes, PathMethods(api.routes))


def application_factory(settings: GatewaySettings, runtime: Runtime) -> FastAPI:
    """The application. Raises ``ValueError`` that names a setting that cannot be used."""
    process = build(settings, runtime)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await runtime.start()
        try:
            # The document takes longer to build than a request may hold the event loop.
            await asyncio.to_thread(app.openapi)
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
        telemetry=NO_TELEMETRY,
    )
    app.state.gateway = process.container
    routes, methods = api_routes()
    app.routes.extend(routes)
    if settings.environment == "local":
        app.include_router(local_clock_router.router)
    runtime.health.require("issuer", process.container.authenticator.check_keys)
    runtime.health.details["projections"] = process.projections.detail
    add_openapi(app, Addresses(settings.api_url, settings.authorization_address, settings.token_address))
    add_handlers(app, methods)
    app.add_middleware(AuditMiddleware)
    app.add_middleware(MethodMiddleware, methods=methods)
    app.add_middleware(AuthenticationMiddleware)
    app.add_middleware(
        RequestMiddleware,
        service="gateway",
        limits=RequestLimits.from_settings(
            settings, body_most=settings.body_most, files_most={payroll_router.PATH: settings.batch_bytes_most}
        ),
        error_response=problem_response,
        routes=methods.routes(),
    )
    app.add_middleware(HeadMiddleware)
    return app
