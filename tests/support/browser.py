"""A real browser, without network, for tests that look at pages as people do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def browser_path() -> str:
    """Where the browser is; without one these tests fail, for skipping them would say nothing."""
    names = (os.environ.get("CHROME_PATH", ""), *_NAMES)
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    assert found, "there is no Chromium; `make browser` installs Debian's"
    return found


@contextmanager
def launched() -> Iterator[Any]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=list(_OPTIONS))
        yield browser
        browser.close()


class Visit:
    """A page that is looked at: what it fetched, what it complained of, what it asked.

    Args:
        browser: a browser.
        address: of the page; a file, or what a server shows.
        width: of the window, in pixels.
        options: of the browser's context.
    """

    def __init__(
        self, browser: Any, address: Path | str, width: int = 1280, **options: Any
    ) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.fetched: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.fetched.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(address if isinstance(address, str) else address.as_uri())

    def close(self) -> None:
        """Leave the page."""
        self.context.close()

    def too_wide(self) -> list[str]:
        """What stands out of the window to the left or right."""
        found: list[str] = self.page.evaluate(
            """() => {
                const width = document.documentElement.clientWidth, found = [];
                if (document.documentElement.scrollWidth > width)
                    found.push(`page ${document.documentElement.scrollWidth} > ${width}`);
                for (const one of document.querySelectorAll("body *")) {
                    if (one.closest("thead, svg, [role=region]")) continue;
                    const box = one.getBoundingClientRect();
                    if (box.width && (box.left < -1 || box.right > width + 1))
                        found.push(`${one.tagName} ${one.textContent.slice(0, 60)}`);
                }
                return found;
            }"""
        )
        return found

    def overlaps(self) -> list[str]:
        """Pieces of text that cover each other."""
        found: list[str] = self.page.evaluate(
            """() => {
                const boxes = [], found = [];
                const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                while (walk.nextNode()) {
                    const node = walk.currentNode, hidden = "svg, thead, .skip";
                    if (!node.data.trim() || node.parentElement.closest(hidden)) continue;
                    const range = document.createRange();
                    range.selectNodeContents(node);
                    for (const box of range.getClientRects())
                        if (box.width > 1) boxes.push([box, node.data.trim().slice(0, 40)]);
                }
                for (let a = 0; a < boxes.length; a++)
                    for (let b = a + 1; b < boxes.length; b++) {
                        const [one, text] = boxes[a], [other, more] = boxes[b];
                        const right = Math.min(one.right, other.right);
                        const bottom = Math.min(one.bottom, other.bottom);
                        const x = right - Math.max(one.left, other.left);
                        const y = bottom - Math.max(one.top, other.top);
                        // Lines stand close; what covers another shares most of its height.
                        if (x > 2 && y > 8) found.push(`${text} / ${more}`);
                    }
                return found;
            }"""
        )
        return found
