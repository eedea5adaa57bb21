"""Every page in one router, and how an application gets them."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from services.portals import authority, caseworker, citizen, common, employer, public, static
from services.portals.errors import add_page_handlers
from services.portals.page import Guard
from services.portals.security import SecurityMiddleware

router = APIRouter(include_in_schema=False)
for part in (common, public, citizen, employer, caseworker, authority):
    router.include_router(part.router)


def add_portals(app: FastAPI, *, guard: Guard, public_url: str, login: str = "") -> None:
    """Add all pages to ``app``, which has the API that they are clients of.

    ``guard`` tells who is signed in; ``public_url`` is where people find us; ``login`` is the origin of the OpenID
    provider, which the form that logs off leads to.
    """
    secure = public_url.startswith("https:")
    app.state.guard = guard
    app.state.public_url = public_url
    app.state.secure = secure
    app.include_router(router)
    app.router.routes.append(static.ROUTE)
    add_page_handlers(app)
    app.add_middleware(SecurityMiddleware, secure=secure, login=login)
