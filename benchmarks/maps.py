"""Measure what a reader waits for: first paint, first frame of many polygons, size of the pages."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.publish.parcel_map import ParcelData, build_parcels
from pipeline.publish.themed_map import Fact
from pipeline.settings.maps import MapsSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

MEGABYTE = 1_000_000
REPEATS = 5
POLYGONS = 50_000
DESK: ViewportSize = {"width": 1440, "height": 900}
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
OUTCOMES = {"idle": ("闲置", "idle"), "surplus": ("节余", "surplus"), "low": ("低效", "low")}
PAINTED = """() => new Promise((done) => {
  const ready = () => {
    if (document.documentElement.dataset.ready !== "yes") return requestAnimationFrame(ready);
    // the frame after the one in which the page said it was ready is on screen
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const first = performance.getEntriesByName("first-contentful-paint")[0];
      done([performance.now(), first ? first.startTime : performance.now()]);
    }));
  };
  ready();
})"""
WATCH = """() => {
  const frames = [];
  let last = performance.now();
  const step = (now) => {
    frames.push(now - last);
    last = now;
    if (!globalThis.watched) requestAnimationFrame(step);
  };
  globalThis.frames = frames;
  requestAnimationFrame(step);
}"""
SEEN = "() => { globalThis.watched = true; return globalThis.frames.slice(1); }"
DRAG_STEPS = 40


def many_parcels(count: int = POLYGONS) -> ParcelData:
    """Lay out a town of plots with moved corners, outcomes and some figures, in EPSG:4326."""
    random = np.random.default_rng(3)
    side = int(np.ceil(np.sqrt(count)))
    row, column = (grid.ravel()[:count] for grid in np.indices((side, side)))
    corner = np.stack([350_000 + column * 60.0, 3_450_000 + row * 60.0], axis=1)
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * 54.0
    corners = corner[:, None, :] + square + random.uniform(-3, 3, (count, 4, 2))
    frame = gpd.GeoDataFrame(
        {
            "parcel_id": [f"P{i:06d}" for i in range(count)],
            "outcome": random.choice(np.array([*OUTCOMES, None], dtype=object), count),
            "far": np.round(random.uniform(0.1, 2.5, count), 2),
            "area_m2": np.round(random.uniform(2_000, 3_000, count)),
        },
        geometry=shapely.polygons(corners),
        crs=32651,
    ).to_crs(4326)
    facts = [Fact("far", "容积率", "Ratio"), Fact("area_m2", "面积", "Area", unit="m²")]
    return ParcelData(
        title=("五万地块", "50,000 parcels"),
        parcels=frame,
        outcomes=OUTCOMES,
        facts=facts,
        synthetic=True,
    )


def waits(browser: Browser, page_file: Path) -> tuple[list[float], list[float], list[float]]:
    """Open a page afresh several times: seconds to first paint, to ready, and frames of a drag."""
    paints, readies, frames = [], [], []
    for _ in range(REPEATS):
        context = browser.new_context(viewport=DESK)
        page = context.new_page()
        page.goto(page_file.resolve().as_uri(), wait_until="commit")
        ready, paint = page.evaluate(PAINTED)
        readies.append(ready / 1000)
        paints.append(paint / 1000)
        frames += _drag(page)
        context.close()
    return paints, readies, frames


def _drag(page: Page) -> list[float]:
    """Drag the map across the screen as a hand does; gives the milliseconds of each frame."""
    page.mouse.move(900, 500)
    page.mouse.down()
    page.evaluate(WATCH)
    page.mouse.move(1200, 650, steps=DRAG_STEPS)
    frames: list[float] = page.evaluate(SEEN)
    page.mouse.up()
    return frames


def run(folder: Path, *, many: bool = True) -> pd.DataFrame:
    """Measure every overview below a folder of outputs, and a page of 50,000 polygons.

    Parameters
    ----------
    folder
        Outputs of a run, such as `outputs/shanghai`.
    many
        Whether to build and measure the page of 50,000 polygons too.

    Returns
    -------
    pandas.DataFrame
        One row per page: its size in MB, medians of first paint and of the first whole frame in
        seconds, and the 95th percentile of a frame while dragging in milliseconds.
    """
    from playwright.sync_api import sync_playwright

    program = os.environ.get("PARKGAP_CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        pages = sorted(folder.rglob("maps/*.html"))
        if many:
            built = Path(scratch) / "polygons_50000.html"
            built.write_text(build_parcels(many_parcels(), MapsSettings()), encoding="utf-8")
            pages.append(built)
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        rows = [_row(browser, page) for page in pages]
        browser.close()
    return pd.DataFrame(rows)


def _row(browser: Browser, page: Path) -> dict[str, object]:
    paints, readies, frames = waits(browser, page)
    return {
        "page": page.stem,
        "size_mb": round(page.stat().st_size / MEGABYTE, 2),
        "first_paint_s": round(statistics.median(paints), 2),
        "whole_frame_s": round(statistics.median(readies), 2),
        "slowest_s": round(max(readies), 2),
        "drag_frame_p95_ms": round(float(np.percentile(frames, 95)), 1),
    }


def markdown(table: pd.DataFrame) -> str:
    """Write the figures as a table of the results page."""
    head = f"| {' | '.join(table.columns)} |"
    rule = "|" + "---|" * len(table.columns)
    rows = [f"| {' | '.join(str(cell) for cell in row)} |" for row in table.to_numpy()]
    return "\n".join([head, rule, *rows])


def main(arguments: Sequence[str]) -> None:
    """Print the figures of a folder of outputs."""
    print(markdown(run(Path(arguments[0]))))


if __name__ == "__main__":
    main(sys.argv[1:])
