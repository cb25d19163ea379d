"""Declare how much of a raster is held at once, and by how many points it stands for homes."""

from __future__ import annotations

from pipeline.settings.base import Section, setting


class RasterSettings(Section):
    """How much of a raster is held at once, and by how many points it stands for homes."""

    cells_at_once: int = setting(
        4_000_000,
        zh="一次载入内存的栅格像元数上限",
        en="most cells of a raster held in memory at once",
        unit="count",
        source="analyst choice: 8 bytes a cell and a few copies, some 150 MB",
        ge=10_000,
    )
    points_at_most: int = setting(
        200_000,
        zh="栅格在两步移动搜索法中代表居民的点数上限；更多时按方块汇总，总数不变（覆盖率仍按像元）",
        en="most points that a raster of people gives for floating catchments; more are gathered "
        "in blocks that keep the total (coverage is always by cells)",
        unit="count",
        source="analyst choice: uncertainty.homes_at_most is smaller still",
        ge=100,
    )
