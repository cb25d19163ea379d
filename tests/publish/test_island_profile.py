"""Check that the profile shows what was measured and says why the rest was not."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd

from pipeline.measures.island_contrast import Statistic
from pipeline.measures.island_results import ComponentResult, component_row
from pipeline.publish.island_profile import CAVEATS, STRIP_W, STRIP_X, profile_svg
from pipeline.settings.island import IslandSettings

SETTINGS = IslandSettings(draws=199, min_valid_draws=99)
NULL = np.arange(199.0)


def drawn(*, name: str = "枫林", english: str = "Fenglin") -> str:
    results = [
        ComponentResult("T1", Statistic("porosity", "all", 800.0, "openings per km"), -1.0, NULL),
        ComponentResult("T1", Statistic("access_gap", "rail", 800.0, "min"), 99.0, NULL),
        ComponentResult(
            "T1", Statistic("barriers", "all", 800.0, "share"), np.nan, NULL,
            reason="boundary_unknown",
        ),
    ]  # fmt: skip
    ranks = pd.DataFrame(
        [
            {
                "theme": "separation", "score": 1.2, "p": 0.04, "components": 2, "of": 4,
                "rank": 2, "ranked": 9, "rank_low": 1, "rank_high": 5, "low": -0.3, "high": 0.9,
                "verdict": "not_testable",
            }
        ]
    )  # fmt: skip
    rows = pd.DataFrame([component_row(result, SETTINGS) for result in results])
    return profile_svg(
        name_zh=name, name_en=english, rows=rows, ranks=ranks,
        categories={"rail": ("轨道", "rail")},
    )  # fmt: skip


def texts(svg: str) -> str:
    root = ET.fromstring(svg)  # noqa: S314
    return "\n".join("".join(element.itertext()) for element in root.iter())


def test_marks_stand_at_their_percentile() -> None:
    root = ET.fromstring(drawn())  # noqa: S314
    marks = root.findall("{http://www.w3.org/2000/svg}polygon")
    tips = [float(mark.attrib["points"].split(",")[0]) for mark in marks]
    assert tips == [
        round(STRIP_X + STRIP_W * (1 - 1 / 200), 3),
        round(STRIP_X + STRIP_W * (1 - 101 / 200), 3),
    ]


def test_what_is_not_measured_says_so_and_the_caveats_stand() -> None:
    shown = texts(drawn())
    assert "90 % [-0.30, 0.90] · 无法定论 undecided" in shown
    assert "边界仅为示意" in shown
    assert "the boundary is only indicative" in shown
    for zh, en in CAVEATS:
        assert zh in shown
        assert en in shown
    assert "排名 rank 2/9，范围 range 1–5" in shown


def test_names_cannot_break_the_document() -> None:
    svg = drawn(name="<script>&'\"", english="</svg>")
    assert "<script>" not in svg
    assert "</svg>: island profile" in texts(svg)
