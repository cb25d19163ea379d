"""Say where points stand on a street graph and which of them can be measured from one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from pipeline.errors import CrsError, Problem
from pipeline.network.coverage import StreetCoverage, mapped_regions
from pipeline.network.graph import StreetGraph
from pipeline.network.graph_contract import assert_projected
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.network.snap import Snapped, assert_point_kind, snap


@dataclass(frozen=True, eq=False)
class Standing:
    """Where points stand: on the graph, in which mapped region and component (0, -1: nowhere)."""

    xy: Floats
    snapped: Snapped
    region: Ints
    part: Ints
    off_street: Flags

    def groups(self) -> Iterator[tuple[int, int, Ints]]:
        """Yield region, component and rows of the measurable points that share them."""
        rows = np.flatnonzero(self.region > 0)
        if len(rows) == 0:
            return
        pairs = np.column_stack((self.region[rows], self.part[rows]))
        kinds, which = np.unique(pairs, axis=0, return_inverse=True)
        order = np.argsort(which, kind="stable")
        cuts = np.searchsorted(which[order], np.arange(1, len(kinds)))
        for (region, part), members in zip(kinds, np.split(rows[order], cuts), strict=True):
            yield int(region), int(part), members

    def unmeasured_from(self, region: int, part: int) -> Flags:
        """Tell which of the points cannot be measured from a region and component."""
        elsewhere = (self.region != region) & (self.part != part)
        return np.asarray((self.region == 0) | elsewhere, dtype=bool)


def coordinates(
    origins: gpd.GeoSeries | gpd.GeoDataFrame,
    facilities: gpd.GeoDataFrame,
    graph: StreetGraph | None,
) -> tuple[Floats, Floats]:
    """Return both sets of coordinates in metres, or raise unless all CRSs agree."""
    crs: CRS = assert_projected(origins.crs, what="origins")
    others = {"facilities": facilities.crs, "street graph": graph.crs if graph else crs}
    problems = [
        Problem(
            zh=f"{name} 的坐标系与 origins 不同",
            en=f"{name} and origins differ in CRS ({other}, {crs.to_string()})",
            remedy_zh="统一到研究的工作坐标系",
            remedy_en="bring all layers to the study's working CRS",
        )
        for name, other in others.items()
        if other != crs
    ]
    if problems:
        raise CrsError(*problems)
    arrays = [assert_point_kind(layer.geometry).to_numpy() for layer in (origins, facilities)]
    return shapely.get_coordinates(arrays[0]), shapely.get_coordinates(arrays[1])


def stand(
    points: gpd.GeoSeries | gpd.GeoDataFrame,
    xy: Floats,
    graph: StreetGraph,
    coverage: StreetCoverage | None,
    snap_max_m: float,
) -> Standing:
    """Snap the points that lie on mapped streets and say where they stand."""
    series = points.geometry
    dense = np.ones(len(series), dtype=bool) if coverage is None else coverage.region_of(xy) > 0
    rows = np.flatnonzero(dense)
    some = snap(series.iloc[rows], graph, snap_max_m=snap_max_m)
    snapped = _spread(some, rows, series.index)
    region = mapped_regions(coverage, xy, graph, snapped)
    part = np.where(region > 0, graph.edge_component[snapped.edge], -1)
    return Standing(xy, snapped, region, part, dense & ~snapped.found)


def _spread(some: Snapped, rows: Ints, index: pd.Index) -> Snapped:
    """Put the snapped rows back among all points; the others are not found."""
    size = len(index)
    whole = Snapped(
        index=index,
        found=np.zeros(size, dtype=bool),
        edge=np.full(size, -1, dtype=np.int64),
        along=np.full(size, np.nan),
        distance_m=np.full(size, np.nan),
        xy=np.full((size, 2), np.nan),
    )
    for name in ("found", "edge", "along", "distance_m", "xy"):
        getattr(whole, name)[rows] = getattr(some, name)
    return whole


def only(snapped: Snapped, where: Flags) -> Snapped:
    """Leave only some points found."""
    return Snapped(
        snapped.index,
        snapped.found & where,
        snapped.edge,
        snapped.along,
        snapped.distance_m,
        snapped.xy,
    )
