"""Tell which file of a study is to be fetched, and with what checksum."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import Problem, StudyError
from pipeline.settings.inputs import InputSettings

if TYPE_CHECKING:
    import shapely

    from pipeline.study import Study


def wanted_file(
    inputs: InputSettings, source: str | None, sha256: str | None
) -> tuple[str, str | None]:
    """Choose the address and checksum: what is given, else those of the study's extract.

    The study's checksum holds for the study's own address alone.

    Raises
    ------
    StudyError
        Nothing is given and the study names no address.
    """
    if source is not None:
        return source, sha256
    if inputs.osm_url is None:
        raise StudyError(
            Problem(
                zh="研究文件没有摘录的下载地址",
                en="the study names no address of an extract",
                rule="inputs.osm_url",
                remedy_zh="写入 inputs.osm_url，或直接给出地址：parkgap fetch https://…osm.pbf",
                remedy_en="set inputs.osm_url, or give an address: parkgap fetch https://….osm.pbf",
            )
        )
    return inputs.osm_url, sha256 or inputs.osm_sha256


def from_overpass(study: Study, cache: Path) -> Path:
    """Ask Overpass for the small area of a study and give the extract made of the answers.

    Raises
    ------
    StudyError
        The study states no area and its places come from an extract or have no positions.
    SourceError
        See `overpass_extract`.
    """
    from pipeline.sources.osm_mapping import read_mapping
    from pipeline.sources.overpass import overpass_extract

    return overpass_extract(
        _area(study),
        mapping=read_mapping(study.sources.osm_mapping),
        crs=study.study.crs,
        cache=cache,
        settings=study.sources.overpass,
    )


def _area(study: Study) -> shapely.Polygon:
    """Take the area stated, else the hull of the places with what lies around them; in degrees."""
    import geopandas as gpd
    import shapely

    from pipeline.sources.study_inputs import StudyInputs
    from pipeline.sources.tables import points_of

    rules = study.sources.overpass
    if rules.area is not None:
        return shapely.box(*rules.area)
    given = StudyInputs(study.inputs, study.sources, study.timetables, crs=study.study.crs)
    places = None if study.inputs.places.osm is not None else given.placed("places")
    shapes = None if places is None else points_of(places, crs=study.study.crs).geometry.dropna()
    if places is None or shapes is None or shapes.empty:
        raise StudyError(
            Problem(
                zh="不知道要查询的范围",
                en="the area to ask for is not known",
                rule="sources.overpass.area",
                remedy_zh="写入 sources.overpass.area: [西, 南, 东, 北]（度）",
                remedy_en="set sources.overpass.area: [west, south, east, north] in degrees",
            )
        )
    if "geometry" in places.columns:
        drawn = gpd.GeoSeries(places["geometry"], crs=4326).to_crs(study.study.crs)
        shapes = gpd.GeoSeries([*shapes, *drawn.dropna()], crs=study.study.crs)
    hull = shapely.union_all(shapes.to_numpy()).convex_hull.buffer(rules.around_m, quad_segs=4)
    return gpd.GeoSeries([hull], crs=study.study.crs).to_crs(4326).iloc[0]
