"""The log line of a refused request has the code of its problem."""

from __future__ import annotations

import pytest
from frikort_contracts.http.roles import Role
from starlette.responses import Response
from structlog.testing import capture_logs

from services.portals import forms
from services.portals.page import EmployerPage
from tests.portals.site import FORM, Refusal, Site


@pytest.fixture
def site(site: Site) -> Site:
    """The portals with a page that reads from the API, and a page whose form misses a field."""

    @site.app.get("/virksomhed/fil")
    async def download(page: EmployerPage) -> Response:
        return await page.forward("/v1/receipts/1", language="da")

    @site.app.post("/virksomhed/proeve")
    async def send(page: EmployerPage) -> Response:
        form = await page.posted({"name": forms.text()})
        return page.render("common/error.html", form=form, texts={"title": "", "help": ""}, instance="")

    return site


async def problem_in_the_log(site: Site, method: str, path: str) -> str | None:
    with capture_logs() as logs:
        async with site.client(accept="application/json") as client:
            await client.request(method, path, data=FORM if method == "POST" else None)
    (line,) = [entry for entry in logs if entry["event"] == "portals.request"]
    found: str | None = line.get("problem")
    return found


@pytest.mark.parametrize(
    ("method", "path", "problem"),
    [
        ("GET", "/virksomhed/fil", "card-unknown"),
        ("POST", "/virksomhed/proeve", "invalid-request"),
        ("GET", "/borger", "role-not-allowed"),
        ("GET", "/ukendt", "not-found"),
        ("GET", "/", None),
    ],
)
async def test_a_refused_request_is_logged_with_its_problem(
    site: Site, method: str, path: str, problem: str | None
) -> None:
    site.sign_in(Role.EMPLOYER)
    site.answer("GET", "/v1/receipts/1", Refusal("card-unknown"))
    assert await problem_in_the_log(site, method, path) == problem
