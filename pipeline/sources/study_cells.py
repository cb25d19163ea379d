"""Count an extract's facilities per cell for a study, as the embedded table was made."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd

from pipeline.errors import Problem, StudyError
from pipeline.sources.cells import CellGrid, build_cells
from pipeline.sources.files import read_layer
from pipeline.sources.osm_features import read_osm_features
from pipeline.sources.role_tables import require_shapes
from pipeline.sources.study_inputs import StudyInputs
from pipeline.sources.tables import require_columns

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.study import Study

logger = logging.getLogger(__name__)


def cells_of_extract(osm: Path, areas: Path, *, study: Study) -> CellGrid:
    """Count the facilities of an extract per cell and district.

    Parameters
    ----------
    osm
        The extract.
    areas
        Polygons with the name of their district in the field `sources.cells.district_field`.
    study
        Names the mapping, the cell's side, the working CRS and the full names of districts.

    Returns
    -------
    grid

    Raises
    ------
    SourceError, FieldError, CrsError
        A file cannot be read, holds no polygons, or lacks the field.
    """
    given = StudyInputs(study.inputs, study.sources, study.timetables, crs=study.study.crs)
    shapes = areas_of_districts(areas)
    categories = {name for names in given.mapping.cells.values() for name in names}
    features = read_osm_features(
        osm, mapping=given.mapping, crs=given.crs, categories=categories
    ).features
    return count(given, features, shapes)


def count(given: StudyInputs, features: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> CellGrid:
    """Count features per cell of a study in areas that are there.

    What the study calls unmapped, and what the extract holds none of, has no column: a zero would
    say that nothing is there.
    """
    rules = given.sources.cells
    known = given.mapping.cells
    strange = sorted(set(rules.unmapped) - set(known))
    if strange:
        raise StudyError(*(_no_count(name, sorted(known)) for name in strange))
    there = set(features["category"])
    mapped = {
        name: categories
        for name, categories in known.items()
        if name not in rules.unmapped and there & set(categories)
    }
    if unmapped := sorted(set(known) - set(mapped)):
        logger.info("counts that the extract does not map: %s", ", ".join(unmapped))
    return build_cells(
        features,
        areas,
        columns=mapped,
        cell_m=rules.cell_m,
        crs=given.crs,
        district_field=rules.district_field,
        district_names=full_names(given.plain("districts")),
    )


def _no_count(name: str, known: list[str]) -> Problem:
    return Problem(
        zh=f"没有名为“{name}”的计数",
        en=f"there is no count {name!r}",
        rule="sources.cells.unmapped",
        remedy_zh=f"可用：{'、'.join(known)}",
        remedy_en=f"allowed: {', '.join(known)}",
    )


def areas_of_districts(path: Path) -> gpd.GeoDataFrame:
    """Read the polygons of districts.

    Raises
    ------
    SourceError, FieldError
        The file cannot be read or holds no polygons.
    """
    drawn = read_layer(path).frame
    require_shapes(drawn, role="district_shapes", path=path)
    return drawn


def areas_of_townships(given: StudyInputs) -> gpd.GeoDataFrame:
    """Read the outlines of townships; those of one name are told apart by their district.

    Returns
    -------
    townships
        `township_id`, polygon in the working CRS; none where the study names no file.

    Raises
    ------
    SourceError, FieldError
        The file cannot be read, holds no polygons or lacks the field of names.
    """
    path, field = given.settings.township_shapes, given.sources.cells.township_field
    if path is None:
        return gpd.GeoDataFrame({"township_id": []}, geometry=[], crs=given.crs)
    drawn = read_layer(path).frame.to_crs(given.crs)
    require_shapes(drawn, role="township_shapes", path=path)
    require_columns(drawn, (field,), role="township_shapes")
    names, home = drawn[field].astype(str), given.sources.cells.district_field
    if names.duplicated().any() and home in drawn.columns:
        names = names.where(~names.duplicated(keep=False), drawn[home].astype(str) + " " + names)
    shapes = drawn.geometry.make_valid().groupby(names).agg(lambda s: s.union_all())
    return gpd.GeoDataFrame(
        {"township_id": shapes.index.to_numpy()}, geometry=shapes.to_numpy(), crs=given.crs
    )


def full_names(districts: pd.DataFrame | None) -> Mapping[str, str]:
    """Give the full name of a district by its short one, where the study's table has both."""
    if districts is None or not {"short_zh", "name_zh"} <= set(districts.columns):
        return {}
    return dict(zip(districts["short_zh"], districts["name_zh"], strict=True))
