"""Measure how far one walks from a park: its gates, its catchments, the streets around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import shapely

from pipeline.network.catchment import catchment_edges
from pipeline.network.gates import find_gates
from pipeline.network.place_access import Streets
from pipeline.network.place_reach import land_served
from pipeline.publish.park_surroundings import as_bands, straight_catchments
from pipeline.stages.context import StageContext
from pipeline.stages.map_routes import MapStreets

CERTAIN = ("surveyed", "digitised")
ESTIMATED = "estimated_straight_line"
MEASURED = "measured_network"
DETAIL_M = 3.0  # finer bends of a street are not seen on a park's page


@dataclass(frozen=True, eq=False)
class Walking:
    """The walking streets of a study and what parks reach on them."""

    context: StageContext
    streets: MapStreets

    @property
    def _walk(self) -> Streets:
        return self.streets.walk

    @property
    def straight_m_per_min(self) -> float:
        """How far, straight, a minute on foot leads where no streets are known."""
        network = self.context.settings("network")
        return float(self._walk.speed_m_min / network.detour_factor)

    @cached_property
    def _mapped_gates(self) -> gpd.GeoDataFrame | None:
        found = self.context.layer("networks", "gates.parquet")
        return found if len(found) else None

    def gates(self, place: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
        """Find the gates of a documented boundary where the walking streets are known."""
        outline = place.geometry.iloc[0]
        if self._walk.graph is None or outline is None or outline.area == 0:
            return None
        if not self._on_streets(outline):
            return None
        rules = self.context.settings("network")
        reach_m = rules.gate_search_m + rules.gate_merge_m
        return find_gates(
            place.set_index("place_id"),
            self._walk.graph.around(_wider(outline.bounds, reach_m)),
            self._mapped_gates,
            search_m=rules.gate_search_m,
            merge_m=rules.gate_merge_m,
            assumed_spacing_m=rules.assumed_gate_spacing_m,
        )

    def _on_streets(self, shape: shapely.Geometry) -> bool:
        if self._walk.graph is None:
            return False
        if self._walk.coverage is None:
            return True
        point = shapely.get_coordinates(shape.representative_point())
        return bool(self._walk.coverage.region_of(point)[0] > 0)

    def catchments(
        self,
        place_id: str,
        point: shapely.Point,
        gates: gpd.GeoDataFrame | None,
        *,
        limits: tuple[float, ...],
    ) -> tuple[gpd.GeoDataFrame, tuple[str, str]] | None:
        """Measure how far one walks from the gates, else the point; None off the streets."""
        crs = self.context.crs
        if gates is not None and len(gates):
            areas = self._reached(gates.geometry, limits)
            return as_bands(areas, [place_id], limits_min=limits, method=MEASURED, crs=crs), (
                "出入口（沿街道实测）",
                "its gates, along streets",
            )
        if self._on_streets(point):
            areas = self._reached(gpd.GeoSeries([point], crs=crs), limits)
            if not areas[-1][0].is_empty:
                return as_bands(areas, [place_id], limits_min=limits, method=MEASURED, crs=crs), (
                    "园区点位（沿街道实测）",
                    "its point, along streets",
                )
        return None

    def estimated_catchments(
        self, origins: Mapping[str, shapely.Geometry], *, limits: tuple[float, ...]
    ) -> gpd.GeoDataFrame:
        """Estimate how far one walks from some places as the crow flies, on their names."""
        areas = straight_catchments(
            list(origins.values()), limits_min=limits, m_per_min=self.straight_m_per_min
        )
        crs = self.context.crs
        return as_bands(areas, list(origins), limits_min=limits, method=ESTIMATED, crs=crs)

    def _reached(
        self, sources: gpd.GeoSeries, limits: tuple[float, ...]
    ) -> list[list[shapely.Geometry]]:
        assert self._walk.graph is not None  # noqa: S101 - asked only where there are streets
        rules = self.context.settings("network")
        # Nothing beyond the farthest limit, along a straight line, can be reached.
        reach_m = max(limits) * self._walk.graph.fastest_m_min + rules.snap_max_m
        graph = self._walk.graph.around(_wider(tuple(sources.total_bounds), reach_m))
        edges = catchment_edges(
            graph,
            sources,
            limits_min=limits,
            towards=False,
            snap_max_m=rules.snap_max_m,
        )
        found = land_served(graph, edges, edges["limit_min"], rules)
        return [[found.get(limit, shapely.Polygon())] for limit in sorted(limits)]

    def streets_near(self, box: tuple[float, float, float, float]) -> gpd.GeoDataFrame | None:
        """Give the streets within a box of the working CRS as one feature."""
        graph = self._walk.graph
        if graph is None:
            return None
        rows = np.sort(graph.tree.query(shapely.box(*box)))
        cut = shapely.clip_by_rect(graph.lines[rows], *box)
        near = cut[~shapely.is_empty(cut)]
        if len(near) == 0:
            return None
        joined = shapely.line_merge(shapely.multilinestrings(shapely.get_parts(near)))
        # Lines may cross in a drawing; to keep them from it takes ten times as long.
        thin = shapely.simplify(joined, DETAIL_M, preserve_topology=False)
        return gpd.GeoDataFrame(
            {"name_zh": ["街道"], "name_en": ["Streets"]}, geometry=[thin], crs=graph.crs
        )


def _wider(
    box: tuple[float, float, float, float], margin_m: float
) -> tuple[float, float, float, float]:
    west, south, east, north = box
    return west - margin_m, south - margin_m, east + margin_m, north + margin_m
