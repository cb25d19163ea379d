"""Settle how the published layers are made."""

from __future__ import annotations

from typing import Literal

from pipeline.settings.base import Section, setting


class LayerSettings(Section):
    """How layers for QGIS and researchers are made."""

    grid_m: float = setting(
        250.0,
        zh="栅格的格边长",
        en="cell of the rasters",
        unit="m",
        source="analyst choice",
        ge=50,
        le=2000,
    )
    excel: bool = setting(
        default=False,
        zh="是否另写一份 Excel 工作簿",
        en="whether to write an Excel workbook as well",
    )
    unstated_licence: Literal["mark", "refuse"] = setting(
        "mark",
        zh="来源未声明许可，或许可不能保证全部行时：标明（mark）或拒绝（refuse）",
        en="a source without a stated licence, or with rows it cannot promise: say so, or refuse",
        source="analyst choice",
    )
