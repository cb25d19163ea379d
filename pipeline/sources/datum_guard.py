"""Believe the figures, not the label: find the datum in which a layer fits a trusted reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pipeline.errors import CrsError, Problem
from pipeline.sources.datum import RESTRICTION_EN, RESTRICTION_ZH, Datum, to_wgs84
from pipeline.sources.place_names import fold_name, station_name

if TYPE_CHECKING:
    import geopandas as gpd

Basis = Literal["same_name", "claimed_district", "lines"]
Verdict = Literal["agrees", "contradicts", "not_testable"]

HYPOTHESES: tuple[Datum, ...] = ("wgs84", "gcj02", "bd09")
_EARTH_M = 6_371_008.8


@dataclass(frozen=True)
class DatumFinding:
    """How well a layer fits the reference under each datum.

    `figures` holds the median residual in metres by datum ("same_name", "lines"), or the share of
    records inside the district they claim ("claimed_district"). `verdict` is "not_testable" when
    too few records could be compared, or when no datum is clearly better than another.
    """

    basis: Basis
    declared: Datum
    best: Datum
    verdict: Verdict
    compared: int
    figures: Mapping[Datum, float]

    def __str__(self) -> str:
        """Render the figures on one line."""
        if not self.compared:
            return f"{self.basis}, nothing to compare"
        share = self.basis == "claimed_district"
        parts = [f"{d} {v:.0%}" if share else f"{d} {v:.1f} m" for d, v in self.figures.items()]
        return f"{self.basis}, {self.compared} compared: {', '.join(parts)} -> {self.verdict}"

    def as_dict(self) -> dict[str, Any]:
        """Give the finding as plain values for JSON."""
        return asdict(self)


def guard_by_names(
    points: gpd.GeoDataFrame,
    reference: gpd.GeoDataFrame,
    *,
    declared: Datum,
    name_field: str,
    reference_name_field: str,
    reach_m: float,
    fewest: int,
    margin_m: float,
) -> DatumFinding:
    """Compare same-named points: median residual under identity, GCJ->WGS and BD->WGS.

    Parameters
    ----------
    points
        The layer as it was delivered, in degrees; polygons are taken at a point inside.
    reference
        Trusted WGS 84 points in degrees.
    declared
        What the layer says of itself.
    name_field, reference_name_field
        The columns of the names; width, case, brackets and a final 站 are ignored.
    reach_m
        Namesakes farther apart than this under every datum are different places.
    fewest
        Compare at least so many names, else the verdict is "not_testable".
    margin_m
        A datum contradicts another when its median residual is smaller by at least this.

    Returns
    -------
    finding
    """
    lon, lat = _spots(points)
    ref_lon, ref_lat = _spots(reference)
    mine = [station_name(name) for name in points[name_field]]
    theirs: dict[str, list[int]] = {}
    for row, name in enumerate(reference[reference_name_field]):
        theirs.setdefault(station_name(name), []).append(row)
    theirs.pop("", None)
    rows = np.array([i for i, name in enumerate(mine) if name in theirs], dtype=int)
    moved = {datum: to_wgs84(lon, lat, datum) for datum in HYPOTHESES}
    residual = np.full((len(HYPOTHESES), len(rows)), np.inf)
    for k, datum in enumerate(HYPOTHESES):
        x, y = moved[datum]
        for n, i in enumerate(rows):
            at = theirs[mine[i]]
            residual[k, n] = _distance_m(x[i], y[i], ref_lon[at], ref_lat[at]).min()
    near = residual.min(axis=0, initial=np.inf) <= reach_m
    return _by_residual("same_name", residual[:, near], declared, fewest, margin_m)


def guard_by_lines(
    layer: gpd.GeoDataFrame,
    lines: gpd.GeoDataFrame,
    *,
    declared: Datum,
    reach_m: float,
    fewest: int,
    margin_m: float,
) -> DatumFinding:
    """Compare the vertices of a layer of roads or rails with trusted lines (degrees, WGS 84).

    The parameters are those of `guard_by_names`. Lines in a dense grid are near whatever the
    datum, so this serves where nothing has a name.
    """
    import geopandas as gpd
    import shapely

    spots = shapely.get_coordinates(layer.geometry.to_numpy())
    working = lines.estimate_utm_crs()
    tree = shapely.STRtree(lines.to_crs(working).geometry.to_numpy())
    residual = []
    for datum in HYPOTHESES:
        x, y = to_wgs84(spots[:, 0], spots[:, 1], datum)
        points = gpd.GeoSeries(shapely.points(x, y), crs="EPSG:4326").to_crs(working).to_numpy()
        distance = tree.query_nearest(points, return_distance=True, all_matches=False)[1]
        residual.append(distance)
    table = np.array(residual)
    near = table.min(axis=0, initial=np.inf) <= reach_m
    return _by_residual("lines", table[:, near], declared, fewest, margin_m)


def guard_by_districts(
    points: gpd.GeoDataFrame,
    districts: gpd.GeoDataFrame,
    *,
    declared: Datum,
    claim_field: str,
    district_field: str,
    fewest: int,
    margin_share: float,
) -> DatumFinding:
    """Compare the share of records that fall into the district they claim.

    Parameters
    ----------
    points
        The layer as it was delivered, in degrees.
    districts
        Trusted WGS 84 polygons in degrees.
    declared
        What the layer says of itself.
    claim_field, district_field
        The columns of the districts' names; a final 区 or 新区 is ignored.
    fewest
        Compare at least so many records, else the verdict is "not_testable".
    margin_share
        A datum contradicts another when its share is larger by at least this.

    Returns
    -------
    finding
    """
    import shapely

    shapes = districts.dissolve(districts[district_field].map(_district_key)).geometry
    lon, lat = _spots(points)
    claim = np.array([_district_key(name) for name in points[claim_field]], dtype=object)
    known = np.isin(claim, shapes.index.to_numpy(dtype=object)) & np.isfinite(lon)
    lon, lat, claim = lon[known], lat[known], claim[known]
    home = np.array([shapes.loc[name] for name in claim], dtype=object)
    figures: dict[Datum, float] = {}
    for datum in HYPOTHESES:
        inside = shapely.contains_xy(home, *to_wgs84(lon, lat, datum))
        figures[datum] = float(np.mean(inside)) if len(inside) else float("nan")
    order = sorted(HYPOTHESES, key=lambda datum: -figures[datum])
    gain = figures[order[0]] - figures[_plain(declared)]
    lead = figures[order[0]] - figures[order[1]]
    enough = len(claim) >= fewest
    verdict = _verdict(order[0], declared, enough, gain >= margin_share, lead >= margin_share)
    return DatumFinding("claimed_district", declared, order[0], verdict, len(claim), figures)


def require_datum(findings: Sequence[DatumFinding], *, path: str | None = None) -> None:
    """Refuse a layer whose declared datum is contradicted, with the figures and the fix.

    Raises
    ------
    CrsError
        One problem for each finding that contradicts the declaration.
    """
    wrong = [finding for finding in findings if finding.verdict == "contradicts"]
    if wrong:
        raise CrsError(*(_problem(finding, path) for finding in wrong))


def _problem(finding: DatumFinding, path: str | None) -> Problem:
    fix = finding.best
    note_zh = "" if fix == "wgs84" else f"；{RESTRICTION_ZH}"
    note_en = "" if fix == "wgs84" else f"; {RESTRICTION_EN}"
    return Problem(
        f"声明的坐标基准 {finding.declared} 与数据不符：数据最符合 {fix}（{finding}）",
        f"the declared datum {finding.declared} does not fit: the figures say {fix} ({finding})",
        path=path,
        rule="datum",
        remedy_zh=f"改为 datum: {fix}，或换用真实坐标的来源{note_zh}",
        remedy_en=f"declare datum: {fix}, or take a source with true coordinates{note_en}",
    )


def _by_residual(
    basis: Basis,
    residual_m: npt.NDArray[np.float64],
    declared: Datum,
    fewest: int,
    margin_m: float,
) -> DatumFinding:
    count = residual_m.shape[1]
    medians = np.median(residual_m, axis=1) if count else np.full(len(HYPOTHESES), np.nan)
    figures = {d: float(m) for d, m in zip(HYPOTHESES, medians, strict=True)}
    order = sorted(HYPOTHESES, key=lambda datum: figures[datum])
    worse = figures[_plain(declared)] - figures[order[0]] >= margin_m
    clear = figures[order[1]] - figures[order[0]] >= margin_m
    verdict = _verdict(order[0], declared, count >= fewest, worse, clear)
    return DatumFinding(basis, declared, order[0], verdict, count, figures)


def _verdict(best: Datum, declared: Datum, enough: bool, worse: bool, clear: bool) -> Verdict:  # noqa: FBT001
    if not enough:
        return "not_testable"
    if worse:
        return "contradicts"
    return "agrees" if clear and best == _plain(declared) else "not_testable"


def _plain(datum: Datum) -> Datum:
    return "wgs84" if datum == "cgcs2000" else datum


def _district_key(name: object) -> str:
    folded = fold_name(name if isinstance(name, str) else None)
    for ending in ("新区", "区", "县"):
        if folded.endswith(ending) and len(folded) > len(ending) + 1:
            return folded.removesuffix(ending)
    return folded


def _spots(frame: gpd.GeoDataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    import shapely

    if frame.crs is None or not frame.crs.is_geographic:
        text = f"the datum guard compares degrees, the layer is in {frame.crs}"
        raise CrsError(Problem("坐标基准核对需要经纬度", text, rule="datum"))
    points = shapely.point_on_surface(frame.geometry.to_numpy())
    return shapely.get_x(points), shapely.get_y(points)


def _distance_m(
    lon: float, lat: float, lons: npt.NDArray[np.float64], lats: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Distance on the sphere for points close together (error under 0.4 % within 10 km)."""
    east = np.radians(lons - lon) * np.cos(np.radians(lat))
    return np.asarray(_EARTH_M * np.hypot(east, np.radians(lats - lat)))
