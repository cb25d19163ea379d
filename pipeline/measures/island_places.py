"""Measure the contrast of every park, on gridded counts or points, with its null model."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.errors import CrsError, Problem
from pipeline.settings.island import IslandSettings

from .island_city import City, Exposure, build_city
from .island_contrast import AMENITY, POOLED, Contrast, Statistic, contrast
from .island_grid import BoolArray, FloatArray, GridFrame
from .island_null import Positions, generator, own_stratum, relocate, ring_density
from .island_points import PointLayer
from .island_results import blank_row
from .island_ring import (
    GeometryArray,
    SampledFootprint,
    neighbours_and_hosts,
    ring,
    sample_footprint,
)
from .island_rows import PlaceContrast, out_of_reach, place_rows, unmeasured_rows

logger = logging.getLogger(__name__)

FINE_CELL_M = 100.0


@dataclass(frozen=True)
class IslandContrast:
    """Contrast of all places: the long table, the city, and what relocations showed."""

    table: pd.DataFrame
    city: City
    places: tuple[PlaceContrast, ...]

    def draws(self) -> pd.DataFrame:
        """Give one row for each place and relocation: shift, rotation, and every statistic."""
        frames = [place.draws() for place in self.places]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def measure_contrast(
    places: gpd.GeoDataFrame,
    *,
    grid: GridFrame,
    facilities: Mapping[str, NDArray[np.generic]] | PointLayer,
    land_share: NDArray[np.generic],
    eligible: BoolArray,
    density: NDArray[np.generic],
    centre_xy_m: tuple[float, float],
    settings: IslandSettings,
) -> IslandContrast:
    """
    Measure amenity contrast and function mix of all places, with their null model.

    Parameters
    ----------
    places
        Columns `place_id`, `precision_m`, `boundary_class` and polygons (or null) in a metric
        CRS, which is that of the grid.
    grid
        The grid on which the arrays lie.
    facilities
        Counts by category, each of the grid's shape; or exact points in the same CRS.
    land_share
        Share of land in each cell (a boolean mask will do).
    eligible
        Urban land on which a relocated footprint may stand; see `urban_land`.
    density
        Stops or residents by cell, from which the strata are made.
    centre_xy_m
        The city's centre.
    settings
        The island settings.

    Returns
    -------
    table with one row for each place, component, category and ring width (columns in
    docs/island.md), sorted by place, component, category and ring; and the relocations

    Raises
    ------
    CrsError
        If the places are not in metres.
    FieldError
        If an array does not lie on the grid.
    """
    require_metres(places)
    usable = places[places.geometry.notna() & ~places.geometry.is_empty]
    parks: GeometryArray = usable.geometry.to_numpy()
    city = build_city(
        grid=grid, facilities=facilities, land_share=land_share, eligible=eligible, parks=parks,
        fine_cell_m=FINE_CELL_M, centre_xy_m=centre_xy_m,
    )  # fmt: skip
    beside, hosts = neighbours_and_hosts(parks, host_overlap_share=settings.host_overlap_share)
    flat_density = np.asarray(density, dtype=float).ravel()
    measured = [
        _measure_place(
            city, Place.of(row), beside=parks[beside[i]], hosts=parks[hosts[i]],
            density=flat_density, settings=settings,
        )
        for i, row in enumerate(usable.itertuples())
    ]  # fmt: skip
    rows = [row for place in measured for row in place_rows(place, settings)]
    for row in places[~places.index.isin(usable.index)].itertuples():
        rows += unmeasured_rows(str(row.place_id), city.categories, settings, "no_footprint")
    columns = list(blank_row("", Statistic(AMENITY, POOLED, 0.0, ""), settings, None))
    table = pd.DataFrame(rows, columns=columns).assign(basis=city.basis)
    table = table.sort_values(["place_id", "component", "category", "ring_m"], ignore_index=True)
    tested = table.loc[table["status"] == "ok", "place_id"].nunique()
    logger.info("measured contrast of %d of %d places on %s", tested, len(places), city.basis)
    return IslandContrast(table, city, tuple(measured))


def measure_donors(
    donors: gpd.GeoDataFrame,
    city: City,
    *,
    parks: GeometryArray,
    density: NDArray[np.generic],
    settings: IslandSettings,
) -> tuple[PlaceContrast, ...]:
    """
    Measure ordinary land the way parks are measured, in the parks' own city.

    Parameters
    ----------
    donors
        Columns as the places of `measure_contrast`; none of them overlaps a park.
    city
        The city in which the parks were measured. Donors are no parks: they stay part of each
        other's rings.
    parks
        The parks, which are taken out of the donors' rings.
    density, settings
        As for `measure_contrast`.
    """
    flat_density = np.asarray(density, dtype=float).ravel()
    nobody = np.empty(0, dtype=object)
    return tuple(
        _measure_place(
            city, Place.of(row), beside=parks, hosts=nobody, density=flat_density,
            settings=settings,
        )
        for row in donors.itertuples()
    )  # fmt: skip


def require_metres(places: gpd.GeoDataFrame) -> None:
    """
    Refuse places whose CRS is missing or not in metres.

    Raises
    ------
    CrsError
    """
    if places.crs is None or not places.crs.is_projected:
        raise CrsError(
            Problem(
                zh=f"园区图层的坐标系为 {places.crs},需要以米为单位的投影坐标系",
                en=f"the places are in {places.crs}; a projected CRS in metres is needed",
                rule="island.places",
            )
        )


@dataclass(frozen=True)
class Place:
    """What the island measures need to know of a place."""

    place_id: str
    precision_m: float
    indicative: bool
    geometry: shapely.Geometry

    @classmethod
    def of(cls, row: Any) -> Place:  # noqa: ANN401
        """Read a row of the places."""
        precision_m = 0.0 if pd.isna(row.precision_m) else float(row.precision_m)
        return cls(str(row.place_id), precision_m, row.boundary_class == "indicative", row.geometry)


def _measure_place(
    city: City,
    place: Place,
    *,
    beside: GeometryArray,
    hosts: GeometryArray,
    density: FloatArray,
    settings: IslandSettings,
) -> PlaceContrast:
    park = place.geometry
    footprint = sample_footprint(
        park, ring_widths_m=settings.ring_widths_m, points=settings.sample_points
    )
    rng = generator(settings.seed, place.place_id)
    # Nothing is said of a place that may lie anywhere, so that its relocations need no measuring.
    lost = place.indicative and out_of_reach(footprint, place.precision_m, settings)
    layer = ring_density(city, footprint, density, ring_m=settings.ring_m)
    cells = own_stratum(
        city, footprint, layer,
        strata_distance=settings.strata_distance, strata_density=settings.strata_density,
    )  # fmt: skip
    # A host is the park's surroundings, and under the null hypothesis the park is like them.
    others = city.others(np.append(hosts, np.array([park], dtype=object)))
    positions = relocate(
        city, footprint, cells, rng=rng, draws=0 if lost else settings.draws, others=others,
        max_water_share=settings.max_water_share,
        min_eligible_share=settings.min_eligible_share,
        max_proposals_per_draw=settings.max_proposals_per_draw,
    )  # fmt: skip
    measure = _Measure(city, footprint, others, settings)
    plausible = None
    if place.indicative and not lost:
        plausible = plausible_positions(
            footprint, precision_m=place.precision_m, draws=settings.footprint_draws, rng=rng
        )
    return PlaceContrast(
        place_id=place.place_id,
        park=park,
        footprint=footprint,
        hosts=hosts,
        cell_km2=0.0 if city.points else city.grid.cell_km2,
        precision_m=place.precision_m,
        indicative=place.indicative,
        positions=positions,
        plausible_positions=plausible,
        exact=measure.exact(park, beside),
        sampled=measure.at(in_place(footprint)),
        null=measure.at(positions),
        plausible=None if plausible is None else measure.at(plausible),
    )


def plausible_positions(
    footprint: SampledFootprint, *, precision_m: float, draws: int, rng: np.random.Generator
) -> Positions:
    """
    Draw where a footprint known only to within a distance may really lie.

    The centroid falls uniformly on the disc of radius `precision_m`; the first position is the
    stated one.
    """
    distance = precision_m * np.sqrt(rng.uniform(0, 1, draws))
    bearing = rng.uniform(0, 2 * np.pi, draws)
    distance[0] = 0.0
    return Positions(
        footprint.x_m + distance * np.cos(bearing), footprint.y_m + distance * np.sin(bearing),
        np.zeros(draws),
    )  # fmt: skip


def in_place(footprint: SampledFootprint) -> Positions:
    """Give the footprint's own position."""
    return Positions(np.array([footprint.x_m]), np.array([footprint.y_m]), np.zeros(1))


@dataclass(frozen=True)
class _Measure:
    """Read the statistics of one park at given positions."""

    city: City
    footprint: SampledFootprint
    blocked: BoolArray
    settings: IslandSettings

    def at(self, positions: Positions) -> Contrast:
        """Measure by sample points."""
        exposure = self.city.exposure(
            self.footprint, x_m=positions.x_m, y_m=positions.y_m, angle_rad=positions.angle_rad,
            blocked=self.blocked,
        )  # fmt: skip
        return self._contrast(exposure)

    def exact(self, park: shapely.Geometry, beside: GeometryArray) -> Contrast:
        """Measure by exact geometry."""
        rings = [
            ring(park, width_m=width_m, excluded=list(beside))
            for width_m in self.settings.ring_widths_m
        ]
        inside, inside_km2 = self.city.within(park)
        around = [self.city.within(geometry) for geometry in rings]
        return self._contrast(
            Exposure(
                inside[None], np.array([inside_km2]),
                np.array([counts[None] for counts, _ in around]),
                np.array([[km2] for _, km2 in around]),
            )
        )  # fmt: skip

    def _contrast(self, exposure: Exposure) -> Contrast:
        by_band = np.bincount(self.footprint.band, weights=self.footprint.around_km2)
        return contrast(
            exposure, categories=self.city.categories, nominal_ring_km2=np.cumsum(by_band),
            settings=self.settings,
        )  # fmt: skip
