"""Hold pages against paper and pictures: print layout, and what the first view looks like."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pipeline.publish.overview_map import build_overview
from pipeline.publish.park_map import build_park
from pipeline.settings.maps import MapsSettings
from tests.pages import DESK, PHONE, READY, Open
from tests.publish.map_samples import reference_overview
from tests.publish.park_samples import park

pytestmark = pytest.mark.browser

REFERENCE = Path(__file__).parent / "overview_reference.png"
SCALE = 0.45
BLOCK = 10  # pixels: fonts differ between machines, the picture as a whole does not
FAR_APART = 24  # of 255, in the mean of a block
TOLERATED_SHARE = 0.1
COMPARE = """async ([one, other, block, far]) => {
  const pixels = async (data) => {
    const image = new Image();
    image.src = "data:image/png;base64," + data;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), {
      width: Math.floor(image.width / block), height: Math.floor(image.height / block),
    });
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    return pen.getImageData(0, 0, canvas.width, canvas.height);
  };
  const [a, b] = [await pixels(one), await pixels(other)];
  if (a.width !== b.width || a.height !== b.height) return 1;
  let differing = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    const gap = Math.max(...[0, 1, 2].map((k) => Math.abs(a.data[i + k] - b.data[i + k])));
    if (gap > far) differing += 1;
  }
  return differing / (a.data.length / 4);
}"""


@pytest.fixture(scope="module")
def overview(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the overview of the reference tables with synthetic gaps."""
    path = tmp_path_factory.mktemp("paper") / "overview.html"
    path.write_text(build_overview(reference_overview(), MapsSettings()), encoding="utf-8")
    return path


def picture(chromium: object, path: Path, fragment: str = "") -> bytes:
    """Take a small picture of a page."""
    context = chromium.new_context(  # type: ignore[attr-defined]
        viewport={"width": DESK[0], "height": DESK[1]}, device_scale_factor=SCALE
    )
    page = context.new_page()
    page.goto(path.resolve().as_uri() + fragment)
    page.wait_for_selector(READY, state="attached")
    page.wait_for_timeout(400)
    taken: bytes = page.screenshot()
    context.close()
    return taken


def difference(chromium: object, one: bytes, other: bytes) -> float:
    """Give the share of blocks in which two pictures differ plainly."""
    page = chromium.new_page()  # type: ignore[attr-defined]
    texts = [base64.b64encode(data).decode("ascii") for data in (one, other)]
    share = float(page.evaluate(COMPARE, [*texts, BLOCK, FAR_APART]))
    page.close()
    return share


def test_the_overview_looks_as_it_did(chromium: object, overview: Path) -> None:
    now = picture(chromium, overview)
    assert difference(chromium, now, REFERENCE.read_bytes()) < TOLERATED_SHARE


def test_the_comparison_sees_a_change(chromium: object, overview: Path) -> None:
    now = picture(chromium, overview)
    assert difference(chromium, now, picture(chromium, overview)) == 0
    changed = picture(chromium, overview, "#mode=gaps&service=rail&tab=ranking")
    assert difference(chromium, now, changed) > 2 * TOLERATED_SHARE


def test_maps_take_the_size_of_the_paper_and_give_it_back(
    open_offline: Open, overview: Path
) -> None:
    for size in (DESK, (800, 600), PHONE):
        page = open_offline(overview, size=size).page
        before = page.evaluate("parkgap.app.maps.layout.getBounds().toBBoxString()")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        width = page.evaluate("document.getElementById('stage').getBoundingClientRect().width")
        assert width == pytest.approx(276 / 25.4 * 96, abs=1)
        halves = page.evaluate("Object.values(parkgap.app.maps).map((map) => map.getSize().x)")
        assert sum(halves) == pytest.approx(width, abs=8)
        shown = page.evaluate("parkgap.app.maps.layout.getBounds().toBBoxString()").split(",")
        west, south, east, north = map(float, before.split(","))
        assert float(shown[0]) <= west + 1e-6
        assert float(shown[2]) >= east - 1e-6
        assert float(shown[1]) <= south + 1e-6
        assert float(shown[3]) >= north - 1e-6
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        after = page.evaluate("parkgap.app.maps.layout.getBounds().toBBoxString()")
        assert [float(x) for x in after.split(",")] == pytest.approx(
            [west, south, east, north], abs=0.02
        )


def test_what_is_printed_is_no_white_sheet(open_offline: Open, overview: Path) -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the printed page")
    printed = open_offline(overview).page.pdf(prefer_css_page_size=True, print_background=True)
    page = pdfium.PdfDocument(printed)[0].render(scale=1).to_numpy()
    height, width = page.shape[:2]
    middle = page[height // 8 : height // 2, width // 10 : -width // 10]
    assert (middle.min(axis=2) < 245).mean() > 0.4  # sea and symbols, not paper


def test_a_park_page_links_back_and_enlarges_its_drawing(
    open_offline: Open, tmp_path: Path
) -> None:
    from dataclasses import replace

    from pipeline.publish.themed_map import MapFigure

    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">'
        '<script>window.top.hacked = 1</script><rect width="10" height="10"/></svg>'
    )
    data = replace(park(), figures=[MapFigure(("图", "Drawing"), svg)], back="../overview.html")
    path = tmp_path / "park.html"
    path.write_text(build_park(data, MapsSettings()), encoding="utf-8")
    watch = open_offline(path)
    page = watch.page
    assert page.locator("a.back").get_attribute("href") == "../overview.html"
    drawing = page.locator("#tab-body .drawing")
    small = drawing.bounding_box()
    drawing.click()
    assert drawing.bounding_box()["width"] > 2 * small["width"]
    page.keyboard.press("Escape")
    assert drawing.bounding_box()["width"] == pytest.approx(small["width"])
    assert page.evaluate("window.hacked") is None
    watch.assert_quiet()
