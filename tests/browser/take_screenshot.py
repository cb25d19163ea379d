"""Take a picture of a built page: python -m tests.browser.take_screenshot PAGE.html PICTURE.png."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, DESK, READY


def take(page_file: Path, picture: Path, *, fragment: str = "") -> None:
    """Open a page at 1440 x 900, wait until it is drawn, and write a PNG."""
    program = os.environ.get("PARKGAP_CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": DESK[0], "height": DESK[1]})
        page.goto(page_file.resolve().as_uri() + (f"#{fragment}" if fragment else ""))
        page.wait_for_selector(READY, state="attached")
        page.wait_for_timeout(500)
        page.screenshot(path=str(picture))
        browser.close()


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]), fragment="".join(sys.argv[3:4]))
