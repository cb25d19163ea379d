"""Print the report to PDF with the Chromium that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipeline.atomic import atomic_path
from pipeline.errors import Problem, SourceError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
TIMEOUT_S = 120.0


def find_chromium() -> Path | None:
    """Find a Chromium: the one PARKGAP_CHROMIUM names, else the first on the PATH."""
    named = os.environ.get("PARKGAP_CHROMIUM")
    found = named or next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    return None if found is None else Path(found)


def report_pdf(html_path: Path, pdf_path: Path, chromium: Path | None) -> None:
    """Print a page to PDF by its print style sheet; the file appears whole or not at all.

    Parameters
    ----------
    html_path
        The report that a run has written.
    pdf_path
        Where the PDF goes; its bytes carry the time of printing, so they differ between runs.
    chromium
        The browser's program; None when none was found.

    Raises
    ------
    SourceError
        The report or the browser is missing, or the browser made no PDF.
    """
    problems = [*_missing_page(html_path), *_missing_browser(chromium)]
    if problems or chromium is None:
        raise SourceError(*problems)
    with tempfile.TemporaryDirectory(prefix="parkgap-") as profile, atomic_path(pdf_path) as target:
        _print(chromium, html_path, target, Path(profile))


def _print(chromium: Path, html_path: Path, target: Path, profile: Path) -> None:
    command = [
        str(chromium),
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={target}",
        html_path.resolve().as_uri(),
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # Chromium refuses its sandbox to the superuser
    try:
        done = subprocess.run(  # noqa: S603 (a list of arguments, no shell)
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
        told = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        told = [str(error)]
    if not target.is_file() or not target.read_bytes().startswith(b"%PDF"):
        raise SourceError(
            Problem(
                zh="Chromium 未能生成 PDF",
                en=f"Chromium made no PDF: {' '.join(told) or 'no message'}",
                path=chromium,
                remedy_zh="在浏览器中打开报告并打印为 PDF",
                remedy_en="open the report in a browser and print it to PDF",
            )
        )


def _missing_page(path: Path) -> list[Problem]:
    if path.is_file():
        return []
    return [
        Problem(
            zh="报告尚未生成",
            en="the report has not been written yet",
            path=path,
            remedy_zh="先运行 parkgap run",
            remedy_en="run `parkgap run` first",
        )
    ]


def _missing_browser(path: Path | None) -> list[Problem]:
    if path is not None and path.is_file():
        return []
    return [
        Problem(
            zh="找不到 Chromium，无法打印 PDF",
            en="there is no Chromium to print the PDF with",
            path=path,
            rule="--pdf",
            remedy_zh="安装 chromium，或用环境变量 PARKGAP_CHROMIUM 指定；也可在浏览器中打印报告",
            remedy_en="install chromium or name it in PARKGAP_CHROMIUM; or print the report from "
            "a browser",
        )
    ]
