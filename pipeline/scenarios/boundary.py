"""Trace the boundary of a place of the register and write it as a polygon others can use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd

from pipeline.atomic import atomic_write
from pipeline.errors import Problem, StudyError
from pipeline.sources.digitise import Traced, read_named_lines, require_four, stated_limits, trace
from pipeline.sources.study_inputs import StudyInputs
from pipeline.sources.tables import points_of
from pipeline.study import Study

NEAREST_REACH_M = 5000.0


def traced_place(
    study: Study, place_id: str, given: Mapping[str, str], *, corner_m: float, bridge_m: float = 0.0
) -> Traced:
    """Trace the boundary of one place from the limits given, else from those its source states.

    Raises
    ------
    StudyError
        There is no such place, no extract, or not all four sides are stated.
    SourceError
        The extract lacks a limit, or the limits enclose nothing.
    """
    extract = study.inputs.osm_extract
    table = StudyInputs(study.inputs, study.sources, study.timetables, crs=study.study.crs).placed(
        "places"
    )
    rows = table[table["place_id"].eq(place_id)] if table is not None else None
    if rows is None or rows.empty:
        raise StudyError(
            Problem(zh=f"没有地点 {place_id}", en=f"there is no place {place_id}", rule="digitise")
        )
    if extract is None:
        raise StudyError(
            Problem(
                zh="描边界需要街道：研究没有 OSM 摘录",
                en="tracing needs streets: the study has no OSM extract",
                rule="digitise",
                remedy_zh="加 --osm FILE",
                remedy_en="add --osm FILE",
            )
        )
    row = rows.iloc[0]
    text = row.get("boundary_text")
    names = {**(stated_limits(text) if isinstance(text, str) else {}), **given}
    require_four(names, place_id=place_id)
    point = points_of(rows, crs=study.study.crs).geometry.iloc[0]
    area = row.get("planned_area_km2")
    documented = float(area) if pd.notna(area) else None
    reach = NEAREST_REACH_M + 2000.0 * (documented or 1.0) ** 0.5
    return trace(
        read_named_lines(extract, names, crs=study.study.crs),
        names,
        point=(point.x, point.y),
        documented_km2=documented,
        reach_m=reach + float(row.get("precision_m") or 0.0),
        corner_m=corner_m,
        tolerance_share=study.synthesis.tolerance_share,
        bridge_m=bridge_m,
    )


def write_traced(found: Traced, place_id: str, folder: Path, *, crs: str) -> Path:
    """Write a traced boundary as GeoJSON, with what it rests on."""
    degrees = gpd.GeoSeries([found.polygon], crs=crs).to_crs(4326)
    feature = json.loads(degrees.to_json())["features"][0]
    feature["properties"] = {
        "place_id": place_id,
        "boundary_class": "digitised" if found.accepted else "indicative",
        "limits": dict(found.limits),
        "area_km2": round(found.area_km2, 4),
        "documented_km2": found.documented_km2,
        "difference_share": found.difference_share,
        "accepted": found.accepted,
        "bridged_share": round(found.bridged_share, 4),
        "source": "© OpenStreetMap contributors",
    }
    path = folder / f"{place_id}.geojson"
    folder.mkdir(parents=True, exist_ok=True)
    content = {"type": "FeatureCollection", "features": [feature]}
    atomic_write(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return path
