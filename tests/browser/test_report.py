"""The report and the front page in a real browser: quiet, readable, printable, unharmed."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pipeline.publish.report import build_report
from pipeline.publish.report_cells import Words
from pipeline.publish.report_pdf import find_chromium, report_pdf
from pipeline.publish.screenshot import draw_figure
from tests.conftest import required_in_ci
from tests.pages import DESK, PHONE, Open
from tests.publish.report_samples import HOSTILE, parcels, places, sample

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PAGES = ("report.html", "index.html")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a report whose names try to break it."""
    named = places(dict(zip(("K1", "M1", "M2", "R1"), HOSTILE, strict=False)))
    title = Words(HOSTILE[0], HOSTILE[1])
    made = build_report(sample(places=named, title=title, parcels=parcels(synthetic=True)))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_bytes(made.html.encode())
    return path


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_built_page_is_quiet_and_fits(
    embedded: Path, open_offline: Open, name: str, size: tuple[int, int]
) -> None:
    watch = open_offline(embedded / "outputs" / "shanghai" / name, size=size)
    watch.assert_quiet()
    width = watch.page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0]
    assert watch.page.title().startswith("上海")


def test_the_report_says_what_the_tables_say(embedded: Path, open_offline: Open) -> None:
    page = open_offline(embedded / "outputs" / "shanghai" / "report.html").page
    assert page.locator(".lines > li").count() == 10
    lines = page.locator("#summary").inner_text()
    assert "2023 年 188、2024 年 266 万平方米，共 454" in lines
    assert "与文件合计一致" in lines
    total = page.locator("#table-targets tr.total").inner_text()
    assert "188" in total
    assert "266" in total
    cases = page.locator("#table-cases tbody tr")
    areas = [cases.nth(i).locator("td.number .first").first.inner_text() for i in range(3)]
    assert areas == ["3.13", "4.39", "0.039"]
    assert page.locator("#table-contradictions tbody tr").count() >= 10
    assert page.locator("#parcels .synthetic").count() == 1
    assert "No street data in this run" in page.locator(".cover").inner_text()


def test_every_link_of_the_index_leads_to_a_file(embedded: Path, open_offline: Open) -> None:
    page = open_offline(embedded / "outputs" / "shanghai" / "index.html").page
    links = page.locator("main a")
    targets = links.evaluate_all("all => all.map(one => decodeURI(one.pathname))")
    assert len(targets) >= 5
    assert [path for path in targets if not Path(path).is_file()] == []


def test_hostile_names_do_nothing(hostile: Path, open_offline: Open) -> None:
    for size in (DESK, PHONE):
        watch = open_offline(hostile, size=size)
        watch.assert_quiet()
        assert watch.page.locator("script, img").count() == 0
        assert watch.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert "<script>alert(1)</script>" in watch.page.locator("h1").inner_text()


def test_every_figure_is_drawn_and_large_enough_to_read(hostile: Path, open_offline: Open) -> None:
    page = open_offline(hostile).page
    boxes = [one.bounding_box() for one in page.locator(".drawing svg").all()]
    assert len(boxes) == 3
    assert all(box["width"] >= 700 and box["height"] >= 100 for box in boxes)


def test_the_print_has_no_contents_list_and_keeps_its_marks(
    hostile: Path, open_offline: Open
) -> None:
    page = open_offline(hostile).page
    page.emulate_media(media="print")
    assert not page.locator(".contents").is_visible()
    assert page.locator(".banner.synthetic").is_visible()


def test_a_figure_becomes_a_picture_with_chinese_letters(tmp_path: Path, chromium: object) -> None:
    del chromium  # skips where there is no browser
    svg = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 120">{}</svg>"""
    sizes = []
    for name, inside in (("empty", ""), ("text", '<text x="9" y="80" font-size="60">缺口</text>')):
        (tmp_path / f"{name}.svg").write_text(svg.format(inside), encoding="utf-8")
        draw_figure(tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
        head = (tmp_path / f"{name}.png").read_bytes()
        assert struct.unpack(">II", head[16:24]) == (600, 240)
        sizes.append(len(head))
    assert sizes[1] > 1.5 * sizes[0]  # something is drawn


def test_the_report_prints_to_pdf(hostile: Path, tmp_path: Path) -> None:
    program = find_chromium()
    if program is None:
        required_in_ci("Chromium is not installed (set PARKGAP_CHROMIUM)")
    report_pdf(hostile, tmp_path / "report.pdf", program)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
