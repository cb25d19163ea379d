"""Write where people live and work, and how many of them inside each footprint."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import shapely

from pipeline.measures.people import CELLS_AT_MOST, KINDS, Counted, PeopleCells
from pipeline.sources.people import counted_people, people_of
from pipeline.sources.study_inputs import StudyInputs
from pipeline.stages.context import StageContext


def write_people(
    context: StageContext, given: StudyInputs, places: gpd.GeoDataFrame, area: shapely.Geometry
) -> None:
    """Write where people live and work, and how many of them inside each footprint."""
    people, gathered = people_of(given, area)
    for role, side in gathered.items():
        context.notice(
            f"{role} 栅格像元过多，两步移动搜索法中按 {side}×{side} 像元的方块汇总，总数不变；"
            "覆盖率仍按像元计算（sources.rasters.points_at_most）",
            f"the raster of {role} has many cells: for floating catchments they are gathered in "
            f"blocks of {side} by {side} that keep the total; coverage is by cells still "
            "(sources.rasters.points_at_most)",
        )
    context.put("residents.parquet", people)
    inputs = {kind: context.input(kind) for kind in KINDS}
    counted = counted_people(people, inputs, given.sources.rasters)
    _tell_of_squares(context, counted)
    shapes = np.asarray(places.geometry.to_numpy(), dtype=object)
    inside = {
        kind: counted[kind].inside(shapes) if kind in counted else np.full(len(shapes), np.nan)
        for kind in KINDS
    }
    context.put("people_of_places.parquet", places[["place_id"]].assign(**inside))
    missing = [kind for kind in KINDS if kind not in counted]
    if missing and any(inputs.values()):
        names = " and ".join(missing)
        context.notice(
            f"没有 {names} 的数据：按其计算的占比为空（inputs.residents、inputs.workers）",
            f"nobody counts {names}: shares of them are null (inputs.residents, inputs.workers)",
        )


def _tell_of_squares(context: StageContext, counted: Mapping[str, Counted]) -> None:
    """Say that the points of a table were too many for each to have a cell of its own."""
    for kind, cells in counted.items():
        if isinstance(cells, PeopleCells) and cells.gathered_m is not None:
            context.notice(
                f"{kind} 表的点多于 {CELLS_AT_MOST:,} 个：统计园区内与覆盖范围内的人数时，"
                f"按 {cells.gathered_m:,.0f} m 的方格汇总，总数不变",
                f"the table of {kind} has more than {CELLS_AT_MOST:,} points: to count people "
                f"inside places and catchments they are gathered in squares of "
                f"{cells.gathered_m:,.0f} m that keep the total",
            )
