"""Take a picture of a page with headless Chromium, for the README and for print."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

from pipeline.atomic import atomic_path
from pipeline.errors import ParkgapError, Problem, SourceError

WINDOW = "1440,900"
WAIT_MS = 6000
SECONDS = 120
FIGURE_SCALE = 2
QUIET = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--hide-scrollbars",
)


def chromium() -> str:
    """Find Chromium: `PARKGAP_CHROMIUM`, or a browser of that family on the PATH.

    Raises
    ------
    SourceError
        When there is none.
    """
    names = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
    found = os.environ.get("PARKGAP_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SourceError(
            Problem(
                zh="未找到 Chromium",
                en="Chromium was not found",
                remedy_zh="安装 chromium，或设环境变量 PARKGAP_CHROMIUM",
                remedy_en="install chromium, or set PARKGAP_CHROMIUM",
            )
        )
    return found


def drive_chromium(page: Path, *arguments: str, fragment: str = "") -> None:
    """Open a local page in a fresh headless Chromium with further arguments.

    `fragment` is the state of a map, as its address bar shows it after the ``#``.

    Raises
    ------
    SourceError
        When Chromium is absent or fails.
    """
    with TemporaryDirectory() as profile:
        rootless = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()
        done = subprocess.run(  # noqa: S603 - the browser the user has, on a page of our own
            [
                chromium(),
                *QUIET,
                *rootless,
                f"--user-data-dir={profile}",
                f"--virtual-time-budget={WAIT_MS}",
                *arguments,
                page.resolve().as_uri() + (f"#{fragment}" if fragment else ""),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    if done.returncode != 0:
        raise SourceError(
            Problem(
                zh="Chromium 未能打开页面",
                en=f"Chromium failed on the page: {done.stderr.strip()[-300:]}",
                path=page,
            )
        )


def take(page: Path, picture: Path, *, fragment: str = "") -> None:
    """Write a PNG of the first view of a page, or of the view of a fragment, atomically."""
    with atomic_path(picture) as temporary:
        drive_chromium(
            page,
            f"--window-size={WINDOW}",
            f"--screenshot={temporary}",
            fragment=fragment,
        )


def draw_figure(figure: Path, picture: Path) -> None:
    """Write a PNG of an SVG figure at twice its own size, for papers and slides, atomically.

    Chromium draws it with the fonts of the system, Chinese ones included.

    Raises
    ------
    SourceError
        When Chromium is absent or fails.
    """
    box = ET.parse(figure).getroot().attrib["viewBox"].split()  # noqa: S314 (our own file)
    wide, high = (round(float(side)) for side in box[2:])
    with atomic_path(picture) as temporary:
        drive_chromium(
            figure,
            f"--window-size={wide},{high}",
            f"--force-device-scale-factor={FIGURE_SCALE}",
            "--default-background-color=ffffffff",
            f"--screenshot={temporary}",
        )


if __name__ == "__main__":
    try:
        take(Path(sys.argv[1]), Path(sys.argv[2]), fragment="".join(sys.argv[3:4]))
    except ParkgapError as error:
        sys.exit(str(error))
