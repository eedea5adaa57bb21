"""A real browser, and the checks of a page in it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Playwright, Response

from deploy.local import java, ports
from deploy.local.config import REPOSITORY, default_cache
from deploy.local.npm import install
from deploy.local.progress import Silent
from tests.waiting import eventually

CHROMIUM: Final = Path("/usr/bin/chromium")
MISSING: Final = (
    "The tests of the pages need Chromium: on Debian or Ubuntu "
    "`apt-get install --no-install-recommends chromium` (/usr/bin/chromium), as .ci/run does."
)
WIDTHS: Final = (1200, 390)
# Chromium reads only the last of two such flags, so Playwright's own list is repeated here. The last three are added:
# the list under the address bar is an invisible page in each window that costs as much as the page under test.
_OFF: Final = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch,"
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup"
)
_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={_OFF}",
]
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "EN-301-549", "best-practice"]
# The second compiler does not pay off in so short a run. The schema of HTML needs a deeper stack than the default.
_JVM: Final = ["-Xmx384m", "-Xss2m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
_MOST_TABS: Final = 120
_WIDE: Final = """() => [...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth)
    .map(one => one.outerHTML.slice(0, 80)).slice(0, 3)"""
# axe-core waits for timers, which never fire where scripts are off, so their functions run at once.
_TIMERS: Final = """() => { window.setTimeout = (run, after, ...rest) => {
    Promise.resolve().then(() => run(...rest)); return 0 } }"""
SCREENSHOTS: Final = REPOSITORY / "docs" / "portals"


class Tab:
    """A page in its own browser profile, which shares nothing with other tabs."""

    def __init__(self, page: Page, checks: Checks, width: int, *, javascript: bool = True) -> None:
        self.page = page
        self.width = width
        self.keys = Keys(page)
        self._javascript = javascript
        self._checks = checks
        self._console_messages: list[str] = []
        self._opened: set[str] = set()
        self._document: Response | None = None
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._console_messages.append(str(error)))
        page.on("response", self._response)

    @property
    def pages(self) -> int:
        """The number of pages with addresses of their own that were opened."""
        return len(self._opened)

    async def open(self, address: str) -> Tab:
        """Open an address."""
        await self.page.goto(address)
        return self

    async def check(self) -> None:
        """Check that the page is accessible, valid, no wider than the screen, and logs nothing on the console."""
        assert self._document is not None, "no page is open"
        await self.page.wait_for_load_state("domcontentloaded")  # a click returns before the next page is loaded
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found = [f"logs on the console: {message}" for message in self._console_messages]
        if wide > 0:
            found.append(f"is {wide} px too wide for a screen of {self.width} px: {await self.page.evaluate(_WIDE)}")
        if not self._javascript:
            await self.page.evaluate(_TIMERS)
        found += await self._checks.accessibility(self.page)
        found += await self._checks.html(await self._document.body())
        if found:
            raise AssertionError("\n  ".join([self.page.url, *found]))

    async def screenshot(self, name: str) -> None:
        """Save a screenshot for the documentation if ``SCREENSHOTS`` is set, as `make screenshots` does."""
        if os.environ.get("SCREENSHOTS"):
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.width}.png", full_page=True)

    def _console(self, message: ConsoleMessage) -> None:
        # A page with status 404 or 422 is no error; a file that it fails to load is one.
        is_page = message.text.startswith("Failed to load resource") and message.location["url"] in self._opened
        if message.type in {"error", "warning"} and not is_page:
            self._console_messages.append(f"{message.text} ({message.location['url']})")

    def _response(self, response: Response) -> None:
        request = response.request
        if (
            request.is_navigation_request()
            and request.frame == self.page.main_frame
            and not 300 <= response.status < 400
        ):
            self._document = response
            self._opened.add(response.url)


class Keys:
    """The keyboard of a person who uses no mouse."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def tab_to(self, target: Locator) -> Keys:
        """Press Tab until ``target`` has the focus, and check that the focus is visible."""
        await target.wait_for()
        for _ in range(_MOST_TABS):
            await self._page.keyboard.press("Tab")
            if await target.evaluate("element => element === document.activeElement"):
                is_visible = await target.evaluate(
                    "element => { const s = getComputedStyle(element);"
                    " return s.outlineStyle !== 'none' || s.boxShadow !== 'none' }"
                )
                assert is_visible, f"{target} has the focus, but does not show it"
                return self
        raise AssertionError(f"{target} cannot be reached with the Tab key")

    async def choose(self, radio: Locator) -> None:
        """Choose a radio button: Tab moves to its group, the arrow keys to the button."""
        first = self._page.locator(f'input[name="{await radio.get_attribute("name")}"]').first
        await (await self.tab_to(first)).press("Space")
        for _ in range(_MOST_TABS):
            if await radio.is_checked():
                return
            await self.press("ArrowDown")
        raise AssertionError(f"{radio} cannot be reached with the arrow keys")

    async def type(self, text: str) -> None:
        """Type into the focused element."""
        await self._page.keyboard.type(text)

    async def press(self, key: str) -> None:
        """Press a key, such as ``Enter``, ``Space``, ``ArrowDown`` or ``Escape``."""
        await self._page.keyboard.press(key)


class Checks:
    """axe-core and the Nu HTML checker (one JVM for all pages of a session)."""

    def __init__(self, modules: Path, nu: httpx2.AsyncClient) -> None:
        self._axe = (modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
        self._danish = json.loads((modules / "axe-core" / "locales" / "da.json").read_text(encoding="utf-8"))
        self._nu = nu

    async def accessibility(self, page: Page) -> list[str]:
        """The findings of axe-core: each broken rule with its elements."""
        await page.evaluate(self._axe)
        found: dict[str, Any] = await page.evaluate(
            """([locale, tags]) => { axe.configure({ locale });
               return axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'],
               preload: false }) }""",
            [self._danish, _RULES],
        )
        return [
            f"{rule['id']}: {rule['help']}: " + " | ".join(node["html"][:300] for node in rule["nodes"])
            for rule in found["violations"]
        ]

    async def html(self, document: bytes) -> list[str]:
        """The errors that the Nu checker finds in the document as the server sent it."""
        answer = await self._nu.post(
            "/", params={"out": "json"}, content=document, headers={"Content-Type": "text/html; charset=utf-8"}
        )
        answer.raise_for_status()
        return [
            f"line {message.get('lastLine')}: {message['message']}: {message.get('extract', '')}"
            for message in answer.json()["messages"]
            if message["type"] == "error"
        ]


@contextlib.contextmanager
def checkers(log: Path) -> Iterator[tuple[Path, str]]:
    """The folder of the checkers from npm, and the address of a running Nu checker."""
    modules = install(REPOSITORY / "tests" / "portals", default_cache())
    port = ports.free_port()
    jar = modules / "vnu-jar" / "build" / "dist" / "vnu.jar"
    java_command = java.fetch(default_cache(), Silent())
    options = [*_JVM, "-Dnu.validator.servlet.bind-address=127.0.0.1", "-cp", str(jar)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [java_command, *options, "nu.validator.servlet.Main", str(port)], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield modules, f"http://127.0.0.1:{port}/"
        finally:
            process.kill()  # it has no state, and its orderly stop takes long on a busy machine
            process.wait()


async def wait_for_server(address: str) -> None:
    """Wait until a server responds."""

    async def answers() -> bool:
        async with httpx2.AsyncClient(timeout=5) as client:
            try:
                await client.get(address)
            except httpx2.TransportError:
                return False
        return True

    await eventually(answers, within=90, what=address)


@contextlib.asynccontextmanager
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    """Debian's Chromium in headless mode. Fails with the remedy if it is not installed."""
    assert CHROMIUM.exists(), MISSING
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS, timeout=90_000)
    try:
        yield browser
    finally:
        await browser.close()


@contextlib.asynccontextmanager
async def tab(
    browser: Browser, checks: Checks, *, width: int = WIDTHS[0], javascript: bool = True
) -> AsyncIterator[Tab]:
    """A tab of a new browser profile."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900},
        locale="da-DK",
        timezone_id="Europe/Copenhagen",
        java_script_enabled=javascript,
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    try:
        yield Tab(await context.new_page(), checks, width, javascript=javascript)
    finally:
        await context.close()
