"""Read a layer only when its datum holds against trusted places."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.settings.sources import SourceSettings
from pipeline.sources.datum import Datum, frame_to_wgs84
from pipeline.sources.datum_guard import (
    DatumFinding,
    guard_by_districts,
    guard_by_names,
    require_datum,
)
from pipeline.sources.files import LayerRead, read_layer
from pipeline.sources.locate import Bounds

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

# Roles that the project understands and the names people give to their columns.
ROLES: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "name_zh", "名称", "园区名称", "学校名称", "医院名称", "站名", "station",
             "hospital", "school", "project", "项目名称", "mc"),
    "district": ("district", "district_zh", "区", "行政区", "所属区", "区县", "所在区", "qx"),
    "address": ("address", "addr", "地址", "详细地址", "dz"),
    "id": ("id", "osm_id", "fid", "编号", "编码", "代码", "dkbh", "地块编号", "place_id"),
    "area": ("area", "area_m2", "area_ha", "area_mu", "面积", "用地面积", "宗地面积", "mj"),
    "use": ("landuse", "land_use", "用途", "用地性质", "地类", "dlbm", "dlmc"),
    "grade": ("grade", "等级", "级别", "医院等级", "level"),
}  # fmt: skip


@dataclass(frozen=True)
class CheckAgainst:
    """What a layer is compared with; each part is optional, all in any CRS, true coordinates."""

    study_area: gpd.GeoDataFrame | None = None
    named_points: gpd.GeoDataFrame | None = None
    named_points_field: str = "name"
    districts: gpd.GeoDataFrame | None = None
    district_field: str = "district"

    @property
    def study_bounds(self) -> Bounds | None:
        """Give west, south, east, north of the study in degrees."""
        if self.study_area is None:
            return None
        west, south, east, north = map(float, self.study_area.to_crs(4326).total_bounds)
        return west, south, east, north


@dataclass(frozen=True)
class GuardedRead:
    """A layer in true coordinates with what the guard found; none where nothing compares."""

    read: LayerRead
    datum: tuple[DatumFinding, ...]


def read_guarded(
    path: Path,
    *,
    declared: Datum,
    against: CheckAgainst,
    settings: SourceSettings,
    layer: str | None = None,
    encoding: str | None = None,
    crs: str | None = None,
) -> GuardedRead:
    """Read a layer, refuse a wrongly declared datum, and bring it to true coordinates.

    Parameters
    ----------
    path, layer, encoding, crs
        As for `read_layer`.
    declared
        The datum that the study file states.
    against
        The study area, trusted points and districts.
    settings
        The limits of the guard and of archives.

    Returns
    -------
    layer and findings

    Raises
    ------
    CrsError
        The figures contradict the declaration.
    SourceError, FieldError
        As for `read_layer`.
    """
    read = read_layer(
        path,
        layer=layer,
        encoding=encoding,
        crs=crs,
        study_bounds=against.study_bounds,
        archives=settings.archives,
    )
    fields = recognise_fields(map(str, read.frame.columns))
    found = run_guards(read.frame, fields, against, settings, declared)
    require_datum(found, path=str(path))
    if not any(finding.verdict == "agrees" for finding in found):
        logger.warning("could not verify the datum %s of %s", declared, path.name)
    report = replace(read.report, datum=declared, datum_basis="declared")
    if declared in {"gcj02", "bd09"}:
        return GuardedRead(LayerRead(frame_to_wgs84(read.frame, declared), report), found)
    return GuardedRead(LayerRead(read.frame, report), found)


def recognise_fields(columns: Iterable[str]) -> dict[str, str]:
    """Tell which column plays which role, by the names people give."""
    folded = {_fold(name): name for name in columns}
    found = {}
    for role, names in ROLES.items():
        match = next((folded[_fold(name)] for name in names if _fold(name) in folded), None)
        if match is not None:
            found[role] = match
    return found


def _fold(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFKC", name).casefold())


def run_guards(
    frame: gpd.GeoDataFrame,
    fields: Mapping[str, str],
    against: CheckAgainst,
    settings: SourceSettings,
    declared: Datum | None,
) -> tuple[DatumFinding, ...]:
    """Run the guards for which the layer has the fields.

    Parameters
    ----------
    frame
        The layer as it was delivered: with a CRS, its datum not converted.
    fields
        Column by role, as `recognise_fields` gives them.
    against
        Trusted points and districts.
    settings
        The limits of the guard.
    declared
        What the layer says of itself; WGS 84 when silent.

    Returns
    -------
    findings
    """
    degrees = frame.to_crs(4326)
    limits = settings.datum_guard
    found = []
    if against.named_points is not None and "name" in fields:
        found.append(
            guard_by_names(
                degrees,
                against.named_points.to_crs(4326),
                declared=declared or "wgs84",
                name_field=fields["name"],
                reference_name_field=against.named_points_field,
                reach_m=limits.reach_m,
                fewest=limits.fewest,
                margin_m=limits.margin_m,
            )
        )
    if against.districts is not None and "district" in fields:
        found.append(
            guard_by_districts(
                degrees,
                against.districts.to_crs(4326),
                declared=declared or "wgs84",
                claim_field=fields["district"],
                district_field=against.district_field,
                fewest=limits.fewest,
                margin_share=limits.margin_share,
            )
        )
    return tuple(found)
