"""Every page in one router, and how an application gets them."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from services.gateway.portals import authority, caseworker, common, public, static
from services.gateway.portals.errors import add_page_handlers
from services.gateway.portals.page import Guard
from services.gateway.portals.security import SecurityMiddleware

router = APIRouter(include_in_schema=False)
for part in (common, public, caseworker, authority):
    router.include_router(part.router)


def add_portals(app: FastAPI, *, guard: Guard, secure: bool, login: str = "") -> None:
    """Add all pages to ``app``, which has the API that they are clients of.

    ``guard`` tells who is signed in; ``secure`` says that the outside is HTTPS; ``login`` is the origin of the OpenID
    provider, which the form that logs off leads to.
    """
    app.state.guard = guard
    app.state.secure = secure
    app.include_router(router)
    app.router.routes.append(static.ROUTE)
    add_page_handlers(app)
    app.add_middleware(SecurityMiddleware, secure=secure, login=login)
