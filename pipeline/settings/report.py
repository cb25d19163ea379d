"""Settle what the report compares and how far figures may differ."""

from __future__ import annotations

from pipeline.settings.base import Section, setting


class ReportSettings(Section):
    """What the report compares."""

    coverage_band_m: float = setting(
        600.0,
        zh="与公布的轨道站点覆盖率对照时采用的半径",
        en="radius at which station coverage is set beside published figures",
        unit="m",
        source="analyst choice: published coverages mostly count within 600 m",
        gt=0,
    )
    area_tolerance_share: float = setting(
        0.05,
        zh="文件、名录与范围的面积相差不超过此比例，记为一致",
        en="areas of document, register and footprint that differ by at most this share agree",
        unit="share",
        source="analyst choice",
        ge=0,
        lt=1,
    )
