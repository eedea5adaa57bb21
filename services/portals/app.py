"""The web application: pages, login, errors, and the lifespan that holds the runtime."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from functools import cache

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from services.portals import auditor, authority, caseworker, citizen, common, employer, public, static
from services.portals.container import Container, build
from services.portals.employer.files import UPLOAD_PATH
from services.portals.errors import add_handlers, error_response
from services.portals.login import routes as login
from services.portals.security import SecurityMiddleware, origin_of
from services.portals.settings import PortalsSettings
from services.portals.shown_pages import ShownPagesMiddleware
from services.runtime.service import Runtime
from services.runtime.tracing import NO_TELEMETRY
from services.runtime.web.methods import HeadMiddleware, PathMethods
from services.runtime.web.requests import RequestLimits, RequestMiddleware


def application_factory(settings: PortalsSettings, runtime: Runtime) -> FastAPI:
    """The application of the process. Raises ``ValueError`` that names a setting that cannot be used."""
    portals = build(settings, runtime)
    runtime.add_background_task(portals.end_expired_sessions)
    runtime.health.report("gateway", portals.gateway.ping)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await runtime.start()
        await portals.login.prepare()
        await portals.drafts.store.prepare()
        try:
            yield
        finally:
            await runtime.stop()
            await portals.gateway.close()

    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
    )
    add_portals(app, portals)
    return app


@cache
def page_routes() -> Sequence[BaseRoute]:
    """The routes of all pages. They are built once for the process, because that takes a tenth of a second."""
    pages = APIRouter(redirect_slashes=False)
    for part in (login, common, public, citizen, employer, caseworker, authority, auditor):
        pages.include_router(part.router)
    return [*pages.routes, static.ROUTE]


def add_portals(app: FastAPI, portals: Container) -> None:
    """Add all pages, login and the error pages to ``app``."""
    settings = portals.settings
    app.state.portals = portals
    app.routes.extend(page_routes())
    app.state.methods = PathMethods(app.routes)
    add_handlers(app, app.state.methods)
    app.add_middleware(ShownPagesMiddleware)
    app.add_middleware(SecurityMiddleware, secure=portals.secure, login=origin_of(settings.issuer))
    app.add_middleware(
        RequestMiddleware,
        service="portals",
        limits=RequestLimits.from_settings(
            settings, body_most=settings.body_most, files_most={UPLOAD_PATH: settings.file_most}
        ),
        error_response=error_response,
        routes=app.state.methods.routes(),
    )
    app.add_middleware(HeadMiddleware)
