"""Measure what share of the land, residents and workers of places lies within reach of stations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.measures.access_pairs import BoolArray, FloatArray
from pipeline.measures.access_rows import LAND, Measured
from pipeline.measures.coverage import (
    SHARE_TOLERANCE,
    coverage_pieces,
    share_area_euclid,
    share_area_network,
)
from pipeline.measures.coverage_areas import held
from pipeline.measures.people import KINDS, Counted, People
from pipeline.measures.uncertainty_footprints import CERTAIN, share_by_draw, summary_by_draw
from pipeline.network.place_access import CellCosts, PlaceAccess
from pipeline.network.place_reach import Reach

Shares = Mapping[float, FloatArray]
STATISTICS = ("mean", "median", "p90")


def coverage_measures(
    access: PlaceAccess,
    stops: gpd.GeoDataFrame,
    reach: Reach,
    costs: CellCosts,
    people: People,
    *,
    bands_m: Sequence[float],
    bands_min: Sequence[float],
    measured: FloatArray,
    **common: Any,  # noqa: ANN401
) -> list[Measured]:
    """Measure the shares of places within each band, by straight line and on foot.

    Places with a certain outline are measured by it: land exactly, people by the exact part of
    every cell; all others, and land that is not measured on streets, by their drawn cells.

    Parameters
    ----------
    access, stops, reach, people, bands_m, bands_min
        As for `station_measures`.
    costs
        Minutes from the drawn cells to the nearest stop.
    measured
        Share of each place's land from which these are measured.
    common
        Service, variant and snapshot of the rows.
    """
    drawn = access.drawn
    near = _beyond_extent(access, stops)
    speed = access.network.walk_speed_m_min
    covered = {band: reach.covers(drawn.xy, costs, band, speed) for band in bands_m}
    outlines = _outlines(access, costs.measured)
    unknown = np.full((len(drawn.places), drawn.most_draws), np.nan)
    found = []
    for kind in (None, *KINDS):
        counted = None if kind is None else people.get(kind)
        if kind is not None and counted is None:
            euclid, network = dict.fromkeys(bands_m, unknown), dict.fromkeys(bands_m, unknown)
            within: Shares = dict.fromkeys(bands_min, unknown)
            minutes = dict.fromkeys(STATISTICS, unknown)
        else:
            mass = None if counted is None else drawn.weight * counted.density_at(drawn.xy)
            euclid = share_by_draw(drawn, near, limits=bands_m, mass=mass)
            network = {
                band: share_by_draw(drawn, covered[band], limits=[0.0], mass=mass)[0.0]
                for band in bands_m
            }
            outlines.fill(euclid, network, stops, reach, counted)
            within = share_by_draw(drawn, costs.minutes, limits=bands_min, mass=mass)
            minutes = summary_by_draw(drawn, costs.minutes, mass=mass)
        found += _rows(kind, euclid, network, measured, common)
        if kind is not None:  # `minutes_measures` gives those of land
            named = [(f"share_{kind}_within_{limit:g}min", "share", values)
                     for limit, values in within.items()]  # fmt: skip
            named += [(f"minutes_nearest_{name}_by_{kind}", "min", values)
                      for name, values in minutes.items()]  # fmt: skip
            found += [
                Measured(mode="walk", measure=measure, unit=unit, draws=values, measured=measured,
                         denominator=kind, **common)
                for measure, unit, values in named
            ]  # fmt: skip
    return found


def _rows(
    kind: str | None,
    euclid: Shares,
    network: Shares,
    measured: FloatArray,
    common: Mapping[str, Any],
) -> list[Measured]:
    """Name the shares of one kind, and what the walk takes off the straight line."""
    name = "area" if kind is None else kind
    ledger = "ledger_" if kind is None else f"ledger_{kind}_"
    return [
        Measured(mode=mode, measure=measure, unit="share", draws=values, measured=known,
                 denominator=LAND if kind is None else kind, **common)
        for band in euclid
        for mode, measure, values, known in (
            ("straight_line", f"share_{name}_euclid_{band:g}m", euclid[band], None),
            ("walk", f"share_{name}_network_{band:g}m", network[band], measured),
            ("walk", f"{ledger}{band:g}m", network[band] - euclid[band], measured),
        )
    ]  # fmt: skip


def _beyond_extent(access: PlaceAccess, stops: gpd.GeoDataFrame) -> FloatArray:
    """Measure straight metres from cells to the nearest stop, less how far it reaches itself."""
    xy = shapely.get_coordinates(stops.geometry.to_numpy())
    best = np.full(len(access.drawn.xy), np.nan)
    for extent in np.unique(stops["extent_m"]):
        rows = stops["extent_m"].eq(extent).to_numpy()
        best = np.fmin(best, access.metres_to(xy[rows]) - float(extent))
    return best


@dataclass(frozen=True, eq=False)
class _Outlines:
    """Outlines of places with a certain one (`certain`); those all on streets are `whole`."""

    shapes: gpd.GeoSeries
    certain: BoolArray
    whole: BoolArray

    def fill(
        self,
        euclid: Shares,
        network: Shares,
        stops: gpd.GeoDataFrame,
        reach: Reach,
        counted: Counted | None,
    ) -> None:
        """Put shares by outline in the place of those by cells."""
        if not self.certain.any() or not len(stops):
            return
        bands = list(euclid)
        table = self._land(stops, reach, bands) if counted is None else None
        for band in bands:
            exact = (
                self._people(band, stops, reach, counted)
                if counted is not None
                else tuple(part[band].to_numpy(dtype=np.float64) for part in table or ())
            )
            euclid[band][self.certain, 0], network[band][self.whole, 0] = exact

    def _land(
        self, stops: gpd.GeoDataFrame, reach: Reach, bands: Sequence[float]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Overlay outlines with discs and, where all is measured, catchments."""
        certain, whole = self.shapes[self.certain], self.shapes[self.whole]
        euclid = share_area_euclid(
            certain, stops.geometry, bands_m=bands, extent_m=stops["extent_m"]
        )
        catchments = {
            band: gpd.GeoSeries([shape], crs=self.shapes.crs)
            for band, shape in reach.catchments.items()
        }
        if not len(whole):
            return euclid, pd.DataFrame(index=whole.index, columns=list(bands), dtype=np.float64)
        return euclid, share_area_network(whole, catchments)

    def _people(
        self, band: float, stops: gpd.GeoDataFrame, reach: Reach, counted: Counted
    ) -> tuple[FloatArray, FloatArray]:
        """Count the people of outlines inside discs and, where all is measured, catchments."""
        points = shapely.get_coordinates(stops.geometry.to_numpy())
        discs = coverage_pieces(points, band + stops["extent_m"].to_numpy(dtype=np.float64))
        every = np.asarray(self.shapes.to_numpy(), dtype=object)
        shares = []
        for rows, pieces in ((self.certain, discs), (self.whole, reach.pieces(band))):
            total = counted.inside(every[rows])
            share: FloatArray = np.full(len(total), np.nan)
            np.divide(held(every[rows], pieces, counted), total, out=share, where=total > 0)
            shares.append(np.clip(share, 0.0, 1.0))
        return shares[0], shares[1]


def _outlines(access: PlaceAccess, measured: BoolArray) -> _Outlines:
    certain: BoolArray = access.places["boundary_class"].isin(CERTAIN).to_numpy() & (
        access.drawn.counts == 1
    )
    whole: BoolArray = certain & (access.measured_share(measured) >= 1.0 - SHARE_TOLERANCE)
    return _Outlines(access.places.geometry, certain, whole)
