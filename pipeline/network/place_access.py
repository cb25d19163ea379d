"""Measure how far every cell of every plausible footprint is from facilities.

Where streets are mapped, costs are measured on them by the rules of `pipeline.network.access`;
everywhere else they are straight lines times the detour factor. Cells of all draws are handled as
arrays; only those on mapped streets are snapped, once for each mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import InitVar, dataclass, field

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import KDTree

from pipeline.measures.access_pairs import BoolArray, FloatArray, IntArray, sum_by
from pipeline.measures.uncertainty_footprints import FootprintDraws, draw_footprints
from pipeline.network.campus_costs import CampusNetwork, CampusSearch
from pipeline.network.costs import nearest_entrance
from pipeline.network.coverage import StreetCoverage, street_coverage
from pipeline.network.graph import StreetGraph
from pipeline.network.standing import Standing, only, stand
from pipeline.settings.access import UncertaintySettings
from pipeline.settings.network import NetworkSettings


@dataclass(frozen=True, eq=False)
class Streets:
    """The streets of one mode with what is known of their coverage; no graph: estimates only.

    `networks` keeps what was made of them for the campuses asked for (see `pair_search`).
    """

    mode: str
    graph: StreetGraph | None
    coverage: StreetCoverage | None
    speed_m_min: float
    networks: dict[bytes, tuple[Standing, CampusNetwork]] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class CellCosts:
    """Minutes from each cell, NaN where off the streets; `measured` tells which are on streets.

    Where none is, `factor` is what straight metres were multiplied with throughout.
    """

    minutes: FloatArray
    measured: BoolArray
    factor: float | None = None


@dataclass(frozen=True, eq=False)
class OnStreets:
    """The cells that lie on mapped streets of one mode: their rows and where they stand."""

    rows: IntArray
    start: Standing


@dataclass(frozen=True, eq=False)
class CellPairs:
    """Minutes of some cells to every campus: `rows`, and `minutes` of shape (rows, campuses).

    `clear_min` says for each cell within how many minutes every campus could be measured: beyond
    it lies, by air, the nearest entrance that could not. A figure with a smaller cutoff is measured
    there as a whole.
    """

    rows: IntArray
    minutes: FloatArray
    clear_min: FloatArray


@dataclass(frozen=True, eq=False)
class PlaceAccess:
    """The drawn cells of one set of places, and their costs to any facilities.

    Parameters
    ----------
    places
        Indexed by place id, in the working CRS (see `draw_footprints`).
    network, uncertainty
        Settings.
    seed
        The study's seed.
    given
        Cells to measure from, where they are not to be drawn (the homes of a city).
    """

    places: gpd.GeoDataFrame
    network: NetworkSettings
    uncertainty: UncertaintySettings
    seed: int
    given: InitVar[FootprintDraws | None] = None
    drawn: FootprintDraws = field(init=False)
    _metres: dict[bytes, FloatArray] = field(init=False, default_factory=dict)
    _standing: dict[str, OnStreets] = field(init=False, default_factory=dict)
    _land: dict[str, FloatArray] = field(init=False, default_factory=dict)

    def __post_init__(self, given: FootprintDraws | None) -> None:
        """Draw the footprints once for all services."""
        rules = self.uncertainty
        drawn = given or draw_footprints(
            self.places,
            draws=rules.draws,
            seed=self.seed,
            cells_per_footprint=rules.cells_per_footprint,
            cells_at_most=rules.cells_at_most,
            cell_m=rules.cell_m,
            certain_cell_m=rules.certain_cell_m,
            assumed_area_km2=rules.assumed_area_km2,
            assumed_precision_m=rules.assumed_precision_m,
        )
        object.__setattr__(self, "drawn", drawn)

    def metres_to(self, facility_xy: FloatArray, cells: BoolArray | None = None) -> FloatArray:
        """Measure the straight line from cells to the nearest facility, once for each set.

        With `cells`, only those are measured; the others are null.
        """
        key = np.ascontiguousarray(facility_xy).tobytes() + (
            b"" if cells is None or cells.all() else np.packbits(cells).tobytes()
        )
        if key not in self._metres:
            chosen = np.ones(len(self.drawn.xy), dtype=np.bool_) if cells is None else cells
            found = np.full(len(chosen), np.nan)
            if len(facility_xy) and chosen.any():
                found[chosen] = KDTree(facility_xy).query(self.drawn.xy[chosen])[0]
            self._metres[key] = found
        return self._metres[key]

    def minutes_per_m(self, streets: Streets) -> float:
        """Give the minutes of one metre of straight line where streets are not mapped."""
        return self.network.detour_factor / streets.speed_m_min

    def nearest(
        self,
        facilities: gpd.GeoDataFrame,
        streets: Streets,
        cells: BoolArray | None = None,
        *,
        metres: FloatArray | None = None,
    ) -> CellCosts:
        """Minutes from every cell of every draw to its nearest facility.

        A cell's answer is measured when no facility that could not be measured from it might be
        nearer, even along a straight line (the rule of `pipeline.network.access`).

        Parameters
        ----------
        facilities
            One point per entrance in the working CRS; none: all minutes are null.
        streets
            Streets of one mode.
        cells
            The cells that are asked for; all without it.
        metres
            Straight metres from every cell to the nearest of the facilities, where known.
        """
        xy = shapely.get_coordinates(facilities.geometry.to_numpy())
        straight = self.metres_to(xy, cells) if metres is None else metres
        factor = self.minutes_per_m(streets)
        minutes, measured = straight * factor, np.zeros(len(straight), dtype=np.bool_)
        graph = streets.graph
        if graph is None or not len(xy):
            return CellCosts(minutes, measured, factor)
        here = self.on_streets(streets)
        if not len(here.rows) or (cells is not None and not cells[here.rows].any()):
            return CellCosts(minutes, measured, factor)
        target = stand(facilities, xy, graph, streets.coverage, self.network.snap_max_m)
        found, _ = nearest_entrance(
            graph,
            only(here.start.snapped, here.start.region > 0),
            only(target.snapped, target.region > 0),
            limit_min=None,
        )
        whole = _is_complete(here.start, target, found, streets.speed_m_min)
        minutes[here.rows[whole]] = found[whole]
        minutes[here.rows[here.start.off_street]] = np.nan
        measured[here.rows[whole]] = True
        return CellCosts(minutes, measured)

    def on_streets(self, streets: Streets) -> OnStreets:
        """Find the cells on mapped streets and snap them, once for each mode."""
        if streets.mode not in self._standing:
            self._standing[streets.mode] = self._stand(streets)
        return self._standing[streets.mode]

    def _stand(self, streets: Streets) -> OnStreets:
        assert streets.graph is not None  # noqa: S101 - callers ask only where there is one
        xy = self.drawn.xy
        dense = (
            np.ones(len(xy), dtype=np.bool_)
            if streets.coverage is None
            else streets.coverage.region_of(xy) > 0
        )
        rows = np.flatnonzero(dense)
        points = gpd.GeoSeries(shapely.points(xy[rows]), crs=self.places.crs)
        start = stand(points, xy[rows], streets.graph, streets.coverage, self.network.snap_max_m)
        return OnStreets(rows, start)

    def measured_share(self, measured: BoolArray) -> FloatArray:
        """Share of the land of all draws of each place from which costs were measured."""
        size = len(self.drawn.places)
        if not measured.any():
            return np.where(self.drawn.counts > 0, 0.0, np.nan)
        if "total" not in self._land:
            self._land["total"] = sum_by(self.drawn.place, self.drawn.weight, size)
        total = self._land["total"]
        part = sum_by(self.drawn.place, np.where(measured, self.drawn.weight, 0.0), size)
        share = np.full(size, np.nan)
        np.divide(part, total, out=share, where=total > 0)
        return share


@dataclass(frozen=True, eq=False)
class PairSearch:
    """Minutes of some cells to the campuses of a service, some campuses at a time.

    `rows` and `clear_min` are those of the `CellPairs` that it gives; `unknown` are cells with the
    entrances that cannot be measured from them.
    """

    rows: IntArray
    clear_min: FloatArray
    start: Standing
    entrance_xy: FloatArray
    campus: IntArray
    search: CampusSearch
    unknown: Sequence[tuple[IntArray, BoolArray]]
    minutes_per_m: float
    speed_m_min: float

    def pairs(self, campuses: slice) -> CellPairs:
        """Measure the minutes to a run of campuses, at the nearest entrance of each.

        A campus with an entrance that cannot be measured, and that might be nearer by air than what
        was found, is estimated. Minutes are infinite beyond the limit, NaN off the streets.
        """
        result = self.search.minutes(campuses)
        asked = np.arange(self.campus.max() + 1)[campuses]
        for rows, unknown in self.unknown:
            for number in np.intersect1d(self.campus[unknown], asked):
                doors = self.entrance_xy[unknown & (self.campus == number)]
                gap_m, _ = KDTree(doors).query(self.start.xy[rows])
                column = number - asked[0]
                nearer = gap_m / self.speed_m_min < result[rows, column]
                result[rows[nearer], column] = gap_m[nearer] * self.minutes_per_m
        result[self.start.off_street] = np.nan
        return CellPairs(self.rows, result, self.clear_min)


def pair_search(
    access: PlaceAccess,
    facilities: gpd.GeoDataFrame,
    streets: Streets,
    *,
    campus: IntArray,
    limit_min: float,
) -> PairSearch | None:
    """Prepare to measure minutes from the cells on mapped streets to campuses.

    Parameters
    ----------
    access
        The drawn cells.
    facilities
        One point per entrance.
    streets
        Streets of one mode.
    campus
        Number of the campus of each entrance.
    limit_min
        Farthest cost searched; beyond it minutes are infinite.

    Returns
    -------
    search
        None where there are no streets, no cells on them, or no campuses.
    """
    if streets.graph is None or not len(campus):
        return None
    here = access.on_streets(streets)
    if not len(here.rows):
        return None
    xy = shapely.get_coordinates(facilities.geometry.to_numpy())
    key = xy.tobytes() + campus.tobytes()
    if key not in streets.networks:
        target = stand(facilities, xy, streets.graph, streets.coverage, access.network.snap_max_m)
        snapped = only(target.snapped, target.region > 0)
        streets.networks[key] = target, CampusNetwork(streets.graph, snapped, campus)
    target, network = streets.networks[key]
    clear = np.where(here.start.region > 0, np.inf, 0.0)
    unknown = [(rows, blind) for rows, blind in _unmeasured(here.start, target) if blind.any()]
    for rows, blind in unknown:
        gap_m, _ = KDTree(xy[blind]).query(here.start.xy[rows])
        clear[rows] = np.minimum(clear[rows], gap_m / streets.speed_m_min)
    return PairSearch(
        here.rows,
        clear,
        here.start,
        xy,
        campus,
        network.search(only(here.start.snapped, here.start.region > 0), limit_min),
        unknown,
        access.minutes_per_m(streets),
        streets.speed_m_min,
    )


def measured_pairs(
    access: PlaceAccess,
    facilities: gpd.GeoDataFrame,
    streets: Streets,
    *,
    campus: IntArray,
    limit_min: float,
) -> CellPairs:
    """Minutes from the cells on mapped streets to every campus, at its nearest entrance.

    Parameters as in `pair_search`.

    Returns
    -------
    pairs
        Rows of the cells (none without streets); minutes of shape (rows, campuses).
    """
    search = pair_search(access, facilities, streets, campus=campus, limit_min=limit_min)
    return (
        no_pairs(int(campus.max(initial=-1)) + 1) if search is None else search.pairs(slice(None))
    )


def no_pairs(campuses: int) -> CellPairs:
    """Give the pairs of no cells at all."""
    return CellPairs(np.empty(0, dtype=np.int64), np.empty((0, campuses)), np.empty(0))


def _unmeasured(start: Standing, target: Standing) -> Iterator[tuple[IntArray, BoolArray]]:
    """Yield cells with the entrances that cannot be measured from them, group by group."""
    for region, part, rows in start.groups():
        yield rows, target.unmeasured_from(region, part)
    adrift = np.flatnonzero((start.region <= 0) & ~start.off_street)
    if len(adrift):
        yield adrift, np.ones(len(target.region), dtype=np.bool_)


def _is_complete(
    start: Standing, target: Standing, found_min: FloatArray, speed_m_min: float
) -> BoolArray:
    """Tell for which cells no unmeasured entrance could be nearer than what was found."""
    complete = (start.region > 0) & ~np.isnan(found_min)
    for region, part, rows in start.groups():
        unmeasured = target.unmeasured_from(region, part)
        if unmeasured.any():
            gap_m, _ = KDTree(target.xy[unmeasured]).query(start.xy[rows])
            complete[rows[gap_m / speed_m_min < found_min[rows]]] = False
    return np.asarray(complete, dtype=np.bool_)


def streets_of(mode: str, graph: StreetGraph | None, settings: NetworkSettings) -> Streets:
    """Join a mode's graph with its coverage and the speed of its estimates."""
    speed = {
        "walk": settings.walk_speed_m_min,
        "cycle": settings.cycle_estimate_speed_m_min,
        "drive": settings.drive_estimate_speed_m_min,
    }[mode]
    coverage = None
    if graph is not None:
        graph = graph.at_walk_speed(settings.walk_speed_m_min)
        if not settings.extract_is_complete:
            coverage = street_coverage(
                graph,
                window_m=settings.coverage_window_m,
                cell_m=settings.coverage_cell_m,
                min_density_km_per_km2=settings.coverage_min_km_per_km2,
                min_component_km=settings.coverage_min_component_km,
            )
    return Streets(mode, graph, coverage, speed)
