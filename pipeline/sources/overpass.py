"""Ask Overpass through OSMnx for the facilities of a small area; never done unasked."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.errors import Problem, SourceError
from pipeline.sources.osm_mapping import Condition, Matcher, OsmMapping, compile_mapping
from pipeline.sources.osm_tags import height_m, levels, names

if TYPE_CHECKING:
    import geopandas as gpd
    import shapely

logger = logging.getLogger(__name__)

KINDS = {"node": "n", "way": "w", "relation": "r"}
_FORMS = {"Point": "point", "LineString": "line", "Polygon": "area", "MultiPolygon": "area"}


def overpass_features(
    area: shapely.Polygon,
    *,
    mapping: OsmMapping,
    categories: list[str],
    crs: str,
    cache: Path,
    url: str,
    timeout_s: float,
    largest_km2: float,
) -> gpd.GeoDataFrame:
    """Download the objects of some categories in a small area.

    OSMnx keeps every answer in the cache and waits for a free slot of the server before it asks.
    For anything larger than a few districts, get an extract instead.

    Parameters
    ----------
    area
        Polygon in EPSG:4326.
    mapping, categories
        What is asked for.
    crs
        Working CRS of the result, in metres.
    cache
        Folder of the answers.
    url
        Address of the Overpass API, without `/interpreter`.
    timeout_s
        Longest wait for an answer.
    largest_km2
        Largest area that is asked for.

    Returns
    -------
    geopandas.GeoDataFrame
        As `read_osm_features`: `osm_id`, `category`, `status`, `name`, `name_zh`, `name_en`,
        `basis`, `levels`, `height_m`, `tags`, `area_m2`, `x`, `y`, `merged_ids`, `geometry`;
        duplicates are not merged.

    Raises
    ------
    SourceError
        The area is too large, or the server cannot be reached or gives no data.
    """
    import geopandas as gpd

    own_km2 = float(gpd.GeoSeries([area], crs=4326).to_crs(crs).area.iloc[0]) / 1e6
    if own_km2 > largest_km2:
        raise SourceError(_too_large(own_km2, largest_km2))
    matcher = compile_mapping(mapping, categories)
    raw = _asked(area, _tags_of(mapping, categories), cache=cache, url=url, timeout_s=timeout_s)
    found = _frame(raw, matcher, crs)
    logger.info("%d objects in %.1f km2 from %s", len(found), own_km2, url)
    return found


def _tags_of(mapping: OsmMapping, categories: list[str]) -> dict[str, bool | str | list[str]]:
    """Name the tags to ask for: of each condition one key, the mapping decides afterwards."""
    asked: dict[str, set[str]] = {}
    for name in categories:
        for condition in mapping.categories[name].any_of:
            key, values = _first(condition)
            asked.setdefault(key, set()).update(values)
    return {key: True if "*" in values else sorted(values) for key, values in asked.items()}


def _first(condition: Condition) -> tuple[str, list[str]]:
    """Take the most telling key of a condition: one with values before one with any."""
    return min(condition.items(), key=lambda item: ("*" in item[1], item[0]))


def _asked(
    area: shapely.Polygon,
    tags: dict[str, bool | str | list[str]],
    *,
    cache: Path,
    url: str,
    timeout_s: float,
) -> gpd.GeoDataFrame:
    import geopandas as gpd
    import osmnx
    from osmnx._errors import InsufficientResponseError

    with _polite(cache, url, timeout_s):
        try:
            return osmnx.features_from_polygon(area, tags)
        except InsufficientResponseError as error:
            if error.__cause__ is not None:  # no answer, but a page of a proxy or the like
                raise SourceError(_no_answer(url, error)) from error
            return gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs=4326)
        except Exception as error:  # whatever requests and OSMnx raise on a bad answer
            raise SourceError(_no_answer(url, error)) from error


@contextmanager
def _polite(cache: Path, url: str, timeout_s: float) -> Iterator[None]:
    """Set OSMnx up for one question and put its settings back."""
    import osmnx

    own = {
        "overpass_url": url,
        "overpass_rate_limit": True,
        "requests_timeout": timeout_s,
        "use_cache": True,
        "cache_folder": cache,
        "log_console": False,
    }
    before = {name: getattr(osmnx.settings, name) for name in own}
    for name, value in own.items():
        setattr(osmnx.settings, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(osmnx.settings, name, value)


def _frame(raw: gpd.GeoDataFrame, matcher: Matcher, crs: str) -> gpd.GeoDataFrame:
    """Sort the objects into categories by the mapping and measure them."""
    import geopandas as gpd
    import numpy as np
    import shapely

    rows: list[dict[str, Any]] = []
    shapes = []
    for (kind, number), record in zip(raw.index, raw.to_dict("records"), strict=True):
        shape = record.pop("geometry")
        tags = {key: str(value) for key, value in record.items() if pd.notna(value)}
        form = _FORMS.get(shape.geom_type)
        for category in matcher.categories(tags):
            if form in matcher.mapping.categories[category].forms:
                rows.append(_row(f"{KINDS[kind]}{number}", category, form, tags, matcher))
                shapes.append(shape)
    columns = ["osm_id", "category", "status", "name", "name_zh", "name_en", "basis", "levels"]
    table = pd.DataFrame(rows, columns=[*columns, "height_m", "tags"])
    found = gpd.GeoDataFrame(table, geometry=shapes, crs=4326).to_crs(crs)
    spots = found.geometry.representative_point()
    areal = shapely.get_dimensions(found.geometry.to_numpy()) == 2  # noqa: PLR2004
    found["area_m2"] = np.where(areal, found.area, np.nan)
    found["x"], found["y"], found["merged_ids"] = spots.x, spots.y, ""
    return found.sort_values(["category", "osm_id"], ignore_index=True)


def _row(
    osm_id: str, category: str, form: str | None, tags: dict[str, str], matcher: Matcher
) -> dict[str, Any]:
    name, name_zh, name_en = names(tags)
    return {
        "osm_id": osm_id,
        "category": category,
        "status": matcher.status(tags),
        "name": name,
        "name_zh": name_zh,
        "name_en": name_en,
        "basis": form,
        "levels": levels(tags),
        "height_m": height_m(tags),
        "tags": json.dumps(tags, ensure_ascii=False, sort_keys=True),
    }


def _too_large(own_km2: float, largest_km2: float) -> Problem:
    return Problem(
        zh=f"范围 {own_km2:.0f} 平方公里，超过 Overpass 查询上限 {largest_km2:g}",
        en=f"the area of {own_km2:.0f} km2 is beyond the {largest_km2:g} km2 asked of Overpass",
        rule="overpass",
        remedy_zh="请下载摘录：parkgap fetch",
        remedy_en="get an extract instead: parkgap fetch",
    )


def _no_answer(url: str, error: Exception) -> Problem:
    return Problem(
        zh="Overpass 没有给出数据",
        en=f"Overpass gave no data: {error}",
        path=url,
        rule="overpass",
        remedy_zh="检查网络，稍后再试；或用摘录 (--osm)",
        remedy_en="check the network and try later, or use an extract (--osm)",
    )
