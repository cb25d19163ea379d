"""The report as a document: sealed, the same every time, unharmed by hostile names."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from pipeline.errors import SourceError
from pipeline.publish.index_page import build_index, describe, size_words
from pipeline.publish.report import build_report
from pipeline.publish.report_cells import Words
from pipeline.publish.report_pdf import report_pdf
from tests.publish.report_samples import HOSTILE, gaps, parcels, places, sample


class Tags(HTMLParser):
    """Collect the elements and attributes a browser would see."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def test_the_page_allows_its_style_and_nothing_else() -> None:
    page = build_report(sample()).html
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    seen = Tags(page)
    assert "script" not in seen.tags
    assert not [name for name, _ in seen.attributes if name in {"src", "style"} or name[:2] == "on"]


def test_two_builds_give_the_same_bytes() -> None:
    first, second = build_report(sample()), build_report(sample())
    assert first.html == second.html
    assert first.figures == second.figures


def test_both_languages_stand_in_every_section() -> None:
    seen = Tags(build_report(sample(parcels=parcels(synthetic=True))).html)
    for words in ("摘要", "Summary", "案例园区", "Case parks", "数据的限度", "Limits", "估算"):
        assert words in seen.text
    assert "nan" not in seen.text.lower().replace("finance", "")
    assert "None" not in seen.text


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_text(name: str) -> None:
    named = places({"K1": name, "M1": name})
    data = sample(places=named, title=Words(name[:80], name[:80]))
    report = build_report(data)
    honest = build_report(sample())
    assert Tags(report.html).tags == Tags(honest.html).tags
    report.html.encode("utf-8")
    for drawing in report.figures.values():
        assert "script" not in {element.tag for element in ET.fromstring(drawing).iter()}  # noqa: S314
    assert len(report.html) < len(honest.html) + 40_000


def test_figures_are_well_formed_and_name_every_carrier() -> None:
    figures = build_report(sample()).figures
    assert set(figures) == {"gap_strip", "tier_matrix", "carrier_targets"}
    for drawing in figures.values():
        root = ET.fromstring(drawing)  # noqa: S314
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "CJK" in root.attrib["font-family"]
    assert "载体一" in figures["carrier_targets"]
    assert "文件未给目标" in figures["carrier_targets"]


def test_a_hollow_mark_is_an_estimate_and_a_full_one_a_measurement() -> None:
    def fills(drawing: str) -> list[str]:
        circles = ET.fromstring(drawing).iter("{http://www.w3.org/2000/svg}circle")  # noqa: S314
        return [circle.attrib["fill"] for circle in circles if len(circle)]

    assert set(fills(build_report(sample()).figures["gap_strip"])) == {"#ffffff"}
    measured = sample(gaps=gaps(measured=("K1", "M1", "M2")))
    assert "#ffffff" not in fills(build_report(measured).figures["gap_strip"])


def test_the_synthetic_mark_is_on_the_section() -> None:
    page = build_report(sample(parcels=parcels(synthetic=True))).html
    assert 'class="banner synthetic"' in page
    assert 'class="banner synthetic"' not in build_report(sample()).html


def test_the_index_says_of_each_file_what_it_is_and_rests_on(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs" / "city"
    built = tmp_path / "layers" / "built" / "city"
    files = {
        "page": outputs / "maps" / "parks" / "K1.html",
        "table": outputs / "tables" / "hospitals.csv",
        "targets": outputs / "figures" / "carrier_targets.svg",
        "own": built / "a b&<c>.gpkg",
        "strange": outputs / "maps" / "own.html",
    }
    for path in files.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 2048)
    files["strange"].write_text("<title>a &lt;b&gt; map</title>", encoding="utf-8")
    sources = pd.DataFrame(
        {
            "role": ["places", "hospitals"],
            "name_en": ["Places © OpenStreetMap contributors", "Hospitals"],
            "licence": ["MIT", "ODbL-1.0"],
            "date": ["2026-11-20", "2026-05-19"],
        }
    )
    layers = {
        "hospitals": {
            "title_zh": "医院院区", "title_en": "Hospital campuses", "about_zh": "每个入口一行",
            "about_en": "One row for each entrance", "licence": "ODbL-1.0",
            "sources": [{"role": "hospitals", "date": "2026-05-19"}],
        }
    }  # fmt: skip
    items = {
        key: describe(
            path,
            root=outputs,
            sources=sources.to_dict("records"),
            layers=layers,
            name=Words("甲园", "Park A") if key == "page" else None,
        )
        for key, path in files.items()
    }
    assert items["page"].title == Words("甲园：园区详图", "Park A: Park page")
    assert (items["table"].title.zh, items["table"].purpose.zh) == ("医院院区", "每个入口一行")
    told = {key: (item.dates, item.licences) for key, item in items.items()}
    assert told["table"] == ("2026-05-19", "ODbL-1.0")
    assert told["targets"] == ("2026-11-20", "MIT")
    assert told["own"] == ("2026-05-19 – 2026-11-20", "MIT + ODbL-1.0")
    html = build_index(
        title=Words("城", "city"), study_date="2026-05-19", version="0", digest="0",
        sources=sources, items=list(items.values()),
    )  # fmt: skip
    seen = Tags(html)
    links = [value for name, value in seen.attributes if name == "href"]
    assert "maps/parks/K1.html" in links
    assert "../../layers/built/city/a%20b%26%3Cc%3E.gpkg" in links
    for words in ("a <b> map", "2 KiB", "Hospital campuses", "© OpenStreetMap contributors"):
        assert words in seen.text


def test_sizes_as_people_read_them() -> None:
    assert [size_words(n) for n in (10, 2048, 3 * 1024 * 1024)] == ["10 B", "2 KiB", "3.0 MiB"]


def test_a_missing_browser_and_a_missing_report_are_told_together(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        report_pdf(tmp_path / "report.html", tmp_path / "report.pdf", None)
    assert len(caught.value.problems) == 2
    assert all(problem.zh and problem.en for problem in caught.value.problems)
    assert not (tmp_path / "report.pdf").exists()


def test_a_browser_that_prints_nothing_leaves_no_file(tmp_path: Path) -> None:
    page, browser = tmp_path / "report.html", tmp_path / "browser"
    page.write_text("<p>x", encoding="utf-8")
    browser.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    browser.chmod(0o755)
    with pytest.raises(SourceError, match="made no PDF"):
        report_pdf(page, tmp_path / "report.pdf", browser)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".pdf"] == []


def test_the_table_of_places_need_not_be_sorted() -> None:
    shuffled = places().sample(frac=1.0, random_state=3).reset_index(drop=True)
    page = build_report(sample(places=shuffled)).html
    assert isinstance(page, str)
    assert pd.Index(shuffled["place_id"]).is_unique
