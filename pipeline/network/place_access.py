"""Measure places' access over all their plausible footprints, as rows of one long table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import floats, sum_by
from pipeline.measures.uncertainty import interval, verdict, withhold
from pipeline.measures.uncertainty_footprints import (
    FootprintDraws,
    draw_footprints,
    share_within,
    summarise_draws,
)
from pipeline.network.access import nearest_minutes
from pipeline.network.coverage import StreetCoverage, street_coverage
from pipeline.network.graph import StreetGraph
from pipeline.settings.access import UncertaintySettings
from pipeline.settings.network import NetworkSettings

MEASURED, ESTIMATED = "measured_network", "estimated_straight_line"
COLUMNS = (
    "place_id", "service", "variant", "mode", "measure", "value", "unit", "denominator", "status",
    "method", "low", "high", "finding", "verdict", "measured_share", "standard_id", "snapshot",
)  # fmt: skip


@dataclass(frozen=True)
class Need:
    """A standard that a value is held against: a gap is a value beyond it."""

    measure: str
    threshold: float
    at_most: bool
    standard_id: str


@dataclass(frozen=True, eq=False)
class Streets:
    """The streets of one mode with what is known of their coverage; no graph: estimates only."""

    mode: str
    graph: StreetGraph | None
    coverage: StreetCoverage | None
    speed_m_min: float


@dataclass(frozen=True, eq=False)
class PlaceAccess:
    """Measures the access of one set of places to any number of facilities.

    Parameters
    ----------
    places
        Indexed by place id, in the working CRS (see `draw_footprints`).
    network, uncertainty
        Settings.
    snapshot
        Date of the facilities, as text.
    """

    places: gpd.GeoDataFrame
    network: NetworkSettings
    uncertainty: UncertaintySettings
    seed: int
    snapshot: str
    drawn: FootprintDraws = field(init=False)

    def __post_init__(self) -> None:
        """Draw the footprints once for all services."""
        drawn = draw_footprints(
            self.places,
            draws=self.uncertainty.draws,
            seed=self.seed,
            cells_per_footprint=self.uncertainty.cells_per_footprint,
            assumed_area_km2=self.uncertainty.assumed_area_km2,
            assumed_precision_m=self.uncertainty.assumed_precision_m,
        )
        object.__setattr__(self, "drawn", drawn)

    def nearest_of_cells(
        self, facilities: gpd.GeoDataFrame, streets: Streets, *, by: str
    ) -> pd.DataFrame:
        """Minutes from every cell of every draw to its nearest facility (see `nearest_minutes`)."""
        points = gpd.GeoSeries(
            gpd.points_from_xy(self.drawn.xy[:, 0], self.drawn.xy[:, 1]), crs=self.places.crs
        )
        return nearest_minutes(
            points,
            facilities,
            streets.graph,
            by=by,
            coverage=streets.coverage,
            walk_speed_m_min=self.network.walk_speed_m_min,
            estimate_speed_m_min=streets.speed_m_min,
            detour_factor=self.network.detour_factor,
            snap_max_m=self.network.snap_max_m,
            limit_min=None,
        )

    def minutes_rows(
        self,
        found: pd.DataFrame,
        *,
        service: str,
        variant: str,
        mode: str,
        limits_min: Sequence[float],
        needs: Sequence[Need],
    ) -> pd.DataFrame:
        """Turn minutes of cells into rows: mean, median, p90, and share of land within each limit.

        Parameters
        ----------
        found
            What `nearest_of_cells` gave.
        limits_min
            Limits in minutes; a cost at exactly the limit is within.
        needs
            Standards to judge the measures against.
        """
        minutes = floats(found["minutes"])
        summary = summarise_draws(self.drawn, minutes)
        shares = share_within(self.drawn, minutes, limits=limits_min)
        measures = {f"minutes_nearest_{name}": (summary[name], "min") for name in summary.columns}
        measures |= {
            f"share_area_within_{limit:g}min": (shares[limit], "share") for limit in limits_min
        }
        measured = self.measured_share(found["method"].eq(MEASURED).to_numpy())
        rows = [
            self.rows(
                values, service=service, variant=variant, mode=mode, measure=name, unit=unit,
                measured=measured, needs=needs,
            )
            for name, (values, unit) in measures.items()
        ]  # fmt: skip
        return pd.concat(rows, ignore_index=True)

    def rows(
        self,
        values: pd.Series[float],
        *,
        service: str,
        variant: str,
        mode: str,
        measure: str,
        unit: str,
        measured: pd.Series[float],
        needs: Sequence[Need] = (),
    ) -> pd.DataFrame:
        """Turn one value per place and draw into one row per place.

        The value is the median of the draws, with the interval the settings ask for; where a need
        names the measure, the claim of a gap is judged by the share of draws in which it holds.
        """
        ids = self.places.index
        table = interval(values, places=ids, interval_share=self.uncertainty.interval_share)
        table["finding"] = pd.Series(None, index=ids, dtype="str")
        table["verdict"] = pd.Series(None, index=ids, dtype="str")
        table["standard_id"] = pd.Series(None, index=ids, dtype="str")
        for need in needs:
            if need.measure != measure:
                continue
            judged = verdict(
                values,
                places=ids,
                threshold=need.threshold,
                claim="above" if need.at_most else "below",
                robust_share=self.uncertainty.robust_share,
                likely_share=self.uncertainty.likely_share,
            )
            table[["finding", "verdict"]] = judged[["finding", "verdict"]]
            table["standard_id"] = need.standard_id
        table = table.assign(
            service=service,
            variant=variant,
            mode=mode,
            measure=measure,
            unit=unit,
            denominator="land_area",
            measured_share=measured.reindex(ids),
            snapshot=self.snapshot,
        )
        table["method"] = np.select(
            [table["measured_share"] >= 1.0, table["measured_share"].notna()],
            [MEASURED, ESTIMATED],
            default="",
        )
        table["method"] = table["method"].replace("", None)
        return table.rename_axis("place_id").reset_index()[list(COLUMNS)]

    def measured_share(self, measured: np.ndarray[Any, Any]) -> pd.Series[float]:
        """Share of the land of all draws of a place from which costs were measured on streets."""
        size = len(self.drawn.places)
        total = sum_by(self.drawn.place, self.drawn.weight, size)
        part = sum_by(self.drawn.place, np.where(measured, self.drawn.weight, 0.0), size)
        share = np.full(size, np.nan)
        np.divide(part, total, out=share, where=total > 0)
        return pd.Series(share, index=self.drawn.places)

    def withheld(self, rows: pd.DataFrame, unfit: pd.Series[bool]) -> pd.DataFrame:
        """Blank the rows of places whose recorded point is unfit for the service."""
        keep = ["value", "low", "high", "finding", "status", "verdict"]
        flags = unfit.reindex(rows["place_id"]).fillna(value=False).set_axis(rows.index)
        return rows.assign(**withhold(rows[keep], flags))


def streets_of(mode: str, graph: StreetGraph | None, settings: NetworkSettings) -> Streets:
    """Join a mode's graph with its coverage and the speed of its estimates."""
    speed = {
        "walk": settings.walk_speed_m_min,
        "cycle": settings.cycle_estimate_speed_m_min,
        "drive": settings.drive_estimate_speed_m_min,
    }[mode]
    coverage = None
    if graph is not None and not settings.extract_is_complete:
        coverage = street_coverage(
            graph,
            window_m=settings.coverage_window_m,
            cell_m=settings.coverage_cell_m,
            min_density_km_per_km2=settings.coverage_min_km_per_km2,
            min_component_km=settings.coverage_min_component_km,
        )
    return Streets(mode, graph, coverage, speed)
