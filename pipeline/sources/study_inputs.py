"""Open the inputs of a study by role, wherever they come from; the extract is read once."""

from __future__ import annotations

import difflib
import logging
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.errors import Problem, StudyError
from pipeline.resources import shipped
from pipeline.settings.inputs import InputSettings, TableInput
from pipeline.settings.rail import GtfsSettings
from pipeline.settings.sources import SourceSettings
from pipeline.sources.cells import CellGrid, district_shapes, read_cells
from pipeline.sources.gtfs_lines import RailTimetable, rail_lines
from pipeline.sources.guarded import CheckAgainst
from pipeline.sources.osm_facilities import CATEGORIES
from pipeline.sources.osm_features import OsmRead, read_osm_features
from pipeline.sources.osm_mapping import OsmMapping, read_mapping, school_rules
from pipeline.sources.reference import read_reference, reference_tables
from pipeline.sources.role_tables import open_placed, open_plain
from pipeline.sources.school_rules import SchoolReader
from pipeline.sources.tables import points_of

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

# What an embedded table needs so that a user's file can be compared with it.
POSITION = frozenset({"name_zh", "lon", "lat"})

ENTRANCES = "subway_entrance"


class StudyInputs:
    """The doors to what a study is made of.

    Parameters
    ----------
    inputs, sources
        The sections of the study file.
    timetables
        Limits and choices when a timetable is read.
    crs
        Working CRS of the study, in metres.
    """

    def __init__(
        self,
        inputs: InputSettings,
        sources: SourceSettings,
        timetables: GtfsSettings,
        *,
        crs: str,
    ) -> None:
        self.settings = inputs
        self.sources = sources
        self.timetables = timetables
        self.crs = crs

    def source(self, role: str) -> TableInput | None:
        """Give where a role comes from; null when the study has none."""
        found: TableInput | None = getattr(self.settings, role)
        return found

    def placed(self, role: str) -> pd.DataFrame | None:
        """Open a role that is a table with places; null when it is none."""
        source = self.source(role)
        if source is None or source.osm is not None:
            return None
        against = self.trusted if source.path is not None else CheckAgainst()
        return open_placed(source, role=role, against=against, settings=self.sources)

    def plain(self, role: str) -> pd.DataFrame | None:
        """Open a role that is a table without places; null when the study has none."""
        source = self.source(role)
        return None if source is None else open_plain(source, role=role)

    def features(self, role: str) -> gpd.GeoDataFrame | None:
        """Give the extract's objects of the category that a role names; null when it names none."""
        source = self.source(role)
        if source is None or source.osm is None:
            return None
        return self.of_categories([source.osm])

    def of_categories(self, names: list[str]) -> gpd.GeoDataFrame:
        """Give the extract's objects of some categories."""
        found = self.extract.features
        return found[found["category"].isin(names)].reset_index(drop=True)

    @cached_property
    def mapping(self) -> OsmMapping:
        """What belongs to which category."""
        return read_mapping(self.sources.osm_mapping)

    @cached_property
    def school_reader(self) -> SchoolReader:
        """The rules on schools: the mapping's, and what the study says of its city's names."""
        return SchoolReader(school_rules(self.mapping), self.sources.school_names)

    @property
    def counts_cells(self) -> bool:
        """Whether the counts per cell are to be made from the extract."""
        return self.settings.cells is None and self.settings.osm_extract is not None

    def _categories(self) -> dict[str, str]:
        """Name the roles that are categories of the extract."""
        return {
            name: source.osm
            for name, source in self.settings
            if isinstance(source, TableInput) and source.osm
        }

    @cached_property
    def extract(self) -> OsmRead:
        """The objects of every category that some role needs, read in one pass.

        Raises
        ------
        StudyError
            A role names a category that the mapping does not have.
        SourceError
            The extract cannot be read.
        """
        roles = self._categories()
        known = self.mapping.categories
        strange = [_no_category(role, name, known) for role, name in roles.items()
                   if name not in known]  # fmt: skip
        if strange:
            raise StudyError(*strange)
        wanted = set(roles.values())
        if self.counts_cells:
            wanted |= {name for names in self.mapping.cells.values() for name in names}
        wanted |= {*CATEGORIES, ENTRANCES} & set(known)
        path = self.settings.osm_extract
        assert path is not None  # noqa: S101 - the settings model holds it for every role from OSM
        return read_osm_features(path, mapping=self.mapping, crs=self.crs, categories=wanted)

    @cached_property
    def timetable(self) -> RailTimetable | None:
        """The line-stations and lines of the rail timetable; null when the study has none."""
        from pipeline.sources.gtfs import read_feed

        path = self.settings.rail_timetable
        if path is None:
            return None
        feed = read_feed(path, limits=self.timetables)
        return rail_lines(feed, route_types=self.settings.rail_route_types)

    @cached_property
    def given_cells(self) -> CellGrid | None:
        """The counts per cell that the study names; null when it names none."""
        source = self.settings.cells
        if source is None:
            return None
        counts = source.path or shipped("reference") / f"{source.reference}.csv"
        land = counts.with_name(f"{counts.stem}_land.csv")
        return read_cells(counts, land, cell_m=self.sources.cells.cell_m, crs=self.crs)

    @cached_property
    def trusted(self) -> CheckAgainst:
        """What a user's file is held against: embedded stations and facilities, and districts."""
        shapes = None
        if self.settings.cells is not None and self.given_cells is not None:
            shapes = district_shapes(self.given_cells, tolerance_m=0.0)
        return CheckAgainst(
            study_area=shapes,
            named_points=self._embedded_points(),
            named_points_field="name_zh",
            districts=shapes,
            district_field="district_zh",
        )

    def _embedded_points(self) -> gpd.GeoDataFrame | None:
        """Give the named points of the embedded tables that know where things are.

        Tables that say how far their points may be off are no reference. Whatever city they are
        of, they are trusted: names elsewhere are too far away to be compared.
        """
        parts = []
        for name, spec in reference_tables().items():
            columns = {column.name for column in spec.columns}
            if columns >= POSITION and "precision_m" not in columns:
                table = read_reference(name).dropna(subset=["name_zh"])
                parts.append(points_of(table, crs=self.crs)[["name_zh", "geometry"]])
        return pd.concat(parts, ignore_index=True) if parts else None


def _no_category(role: str, name: str, known: object) -> Problem:
    names = sorted(known) if isinstance(known, dict) else []
    near = difflib.get_close_matches(name, names, n=1)
    return Problem(
        zh=f"映射文件中没有类别“{name}”",
        en=f"the mapping has no category {name!r}",
        rule=f"inputs.{role}.osm",
        remedy_zh=f"可用：{'、'.join(names)}" + (f"；最接近：{near[0]}" if near else ""),
        remedy_en=f"allowed: {', '.join(names)}" + (f"; nearest match: {near[0]}" if near else ""),
    )
