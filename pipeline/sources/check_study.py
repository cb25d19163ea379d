"""Gather what a file is checked against: the study's area, its stations and its districts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import shapely

from pipeline.sources.guarded import CheckAgainst
from pipeline.sources.osm_roles import places_of_areas
from pipeline.sources.role_tables import open_placed
from pipeline.sources.study_inputs import StudyInputs
from pipeline.sources.tables import points_of

if TYPE_CHECKING:
    import geopandas as gpd

    from pipeline.study import Study


def against_study(study: Study) -> CheckAgainst:
    """Give the trusted places of a study.

    The area is that of the districts where the study has a grid of cells, else the surroundings of
    its places as far as streets are read.

    Parameters
    ----------
    study
        A resolved study.

    Raises
    ------
    SourceError, FieldError, CrsError
        An input of the study cannot be read.
    """
    given = StudyInputs(study.inputs, study.sources, study.timetables, crs=study.study.crs)
    trusted = given.trusted
    if trusted.study_area is not None:
        return trusted
    return replace(trusted, study_area=_around(given, study.study.buffer_m))


def _around(given: StudyInputs, buffer_m: float) -> gpd.GeoDataFrame:
    import geopandas as gpd

    areas = given.features("places")
    if areas is not None:
        table = places_of_areas(areas, given.settings.from_osm)
    else:
        table = open_placed(
            given.settings.places,
            role="places",
            against=CheckAgainst(),
            settings=given.sources,
        )
    spots = points_of(table, crs=given.crs).geometry.to_numpy()
    area = shapely.convex_hull(shapely.union_all(spots)).buffer(buffer_m)
    return gpd.GeoDataFrame({"name": ["study"]}, geometry=[area], crs=given.crs)
