"""A browser that watches itself: what the console says, what breaks the Content-Security-Policy, what axe-core finds."""

import re
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"

# Nothing but the pages: no first-run page, no calls home. A container has no sandbox of its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Desktop, small laptop, phone.
WIDTHS = (1440, 1024, 390)
HEIGHT = 900
THEMES = ("light", "dark")

# A busy machine answers within seconds.
WITHIN_MS = 60_000


class Browser:
    """One page of one browser, and all that went wrong in it."""

    def __init__(self, context, folder: Path):
        self.context = context
        self.folder = folder
        self.faults: list[str] = []
        self.allowed: list[str] = []
        context.on("page", self.watch)
        self.page: Page = context.new_page()

    def watch(self, page: Page) -> None:
        page.set_default_timeout(WITHIN_MS)
        page.on("console", lambda message: self.note(message.type, message.text))
        page.on("pageerror", lambda error: self.note("error", f"uncaught: {error}"))
        page.on("dialog", lambda dialog: (self.note("error", f"a dialog: {dialog.message}"), dialog.dismiss()))

    def note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(re.search(one, text) for one in self.allowed):
            self.faults.append(f"{self.page.url}: {kind}: {text}")

    @contextmanager
    def allowing(self, pattern: str):
        """While a request is meant to fail: the browser itself writes its status to the console."""
        self.allowed.append(pattern)
        yield
        self.allowed.remove(pattern)

    def look(self, name: str) -> None:
        """Screenshots in both themes and all widths, with axe-core, and nothing wider than the screen."""
        for theme in THEMES:
            self.page.emulate_media(color_scheme=theme)
            for width in WIDTHS:
                self.page.set_viewport_size({"width": width, "height": HEIGHT})
                over = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if over > 0:
                    self.faults.append(f"{name} at {width}: {over} px wider than the screen")
                self.page.screenshot(path=self.folder / f"{name}-{width}-{theme}.png", full_page=True)
            self.judge(f"{name}, {theme}")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})

    def judge(self, name: str) -> None:
        for found in Axe().run(self.page).response["violations"]:
            if found["impact"] in ("serious", "critical"):
                nodes = "; ".join(node["html"][:200] for node in found["nodes"][:3])
                self.faults.append(f"{name}: axe: {found['impact']}: {found['id']}: {nodes}")


@contextmanager
def browser(folder: Path):
    """A browser with an English reader in Berlin, whose zone differs from UTC."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = chromium.new_context(
            viewport={"width": WIDTHS[0], "height": HEIGHT}, timezone_id="Europe/Berlin", locale="en-GB"
        )
        yield Browser(context, folder)
        chromium.close()
