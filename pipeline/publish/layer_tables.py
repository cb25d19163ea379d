"""Make each published layer from the tables of the stages: one recipe per layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from pipeline.measures.targets import target_total, targets_text
from pipeline.publish.layer_analysis import analysis_recipes
from pipeline.publish.layer_codes import study_schemas
from pipeline.publish.layer_frames import INTERCHANGE_CRS, conform
from pipeline.publish.layer_recipes import Make, Options, Reader, Recipe, plain, with_columns
from pipeline.publish.layer_schemas import LayerSchema, layer_schemas

if TYPE_CHECKING:
    import geopandas as gpd

SERVICES = ("rail", "hospital", "school")
# What only the composite has, kept without its suffix.
_ONLY_WHOLE = (
    "missing", "rank", "rank_low", "rank_high", "rank_finding", "rank_verdict", "snapshot",
)  # fmt: skip
THEMES = ("contrast", "separation")


class Finished(Protocol):
    """A layer as writers take it: conforming rows beside their schema."""

    @property
    def schema(self) -> LayerSchema:
        """What it promises."""

    @property
    def frame(self) -> pd.DataFrame:
        """Its rows."""


@dataclass(frozen=True)
class Layer:
    """A finished layer beside its schema."""

    schema: LayerSchema
    frame: pd.DataFrame


def make_layers(read: Reader, *, stages: Sequence[str], options: Options) -> list[Layer]:
    """Make every layer whose stages are part of the flow, each conforming to its schema.

    Parameters
    ----------
    read
        Opens the stages' tables.
    stages
        Names of the stages that may be read; recipes that need others are left out.
    options
        What recipes depend on beyond the tables.

    Raises
    ------
    LayerError
        When a layer breaks its schema.
    """
    return named(read, [make_layer(recipe, read, options) for recipe in recipes_of(stages)])


def recipes_of(stages: Sequence[str]) -> list[Recipe]:
    """List the recipes that need no other stages, in the order in which people find them."""
    return [recipe for recipe in RECIPES if set(recipe.stages) <= set(stages)]


def make_layer(recipe: Recipe, read: Reader, options: Options) -> Layer:
    """Make one layer, its codes yet unnamed; a LayerError when it breaks its schema."""
    schema = layer_schemas()[recipe.name]
    return Layer(schema, conform(recipe.make(read, options), schema))


def named(read: Reader, layers: Sequence[Layer]) -> list[Layer]:
    """Fill the code lists that are the study's own with what all layers hold and it names."""
    schemas = study_schemas([(layer.schema, layer.frame) for layer in layers], study_labels(read))
    return [Layer(schema, one.frame) for schema, one in zip(schemas, layers, strict=True)]


def study_labels(read: Reader) -> dict[str, tuple[str, str]]:
    """Give the names that the study states for codes and for its hubs."""
    hubs = read.frame("ingest", "hubs.parquet")
    names = ["code", "name_zh", "name_en"]
    told = [hubs.rename(columns={"hub_id": "code"}), read.frame("ingest", "labels.parquet")]
    rows = [part[names].astype("str") for part in told if set(names) <= set(part.columns)]
    return {code: (zh, en) for part in rows for code, zh, en in part.itertuples(index=False)}


def gap_class(gap: pd.Series, breaks: Sequence[float]) -> pd.Series:
    """Class gaps from 1 (smallest); a value on a break belongs to the lower class.

    Parameters
    ----------
    gap
        Gaps as shares; null stays null.
    breaks
        Ascending breaks between classes.

    Returns
    -------
    Nullable integers on the index of `gap`.
    """
    classes = np.searchsorted(np.asarray(breaks, dtype=np.float64), gap.to_numpy(dtype=float)) + 1
    return pd.Series(classes, index=gap.index, dtype="Int64").mask(gap.isna())


def _places(read: Reader, _: Options) -> gpd.GeoDataFrame:
    places = read.layer("ingest", "places.parquet")
    return places.assign(
        footprint_km2=places.geometry.area / 1e6,
        target_10k_m2=target_total(places),
        targets=targets_text(places),
    )


def _place_points(read: Reader, _: Options) -> gpd.GeoDataFrame:
    places = read.layer("ingest", "places.parquet")
    located = places[places["x"].notna()]
    return located.assign(geometry=_points(located, places.crs))


def _points(places: gpd.GeoDataFrame, crs: object) -> gpd.GeoSeries:
    import geopandas as gpd

    return gpd.GeoSeries(
        gpd.points_from_xy(places["x"], places["y"]), index=places.index, crs=crs, name="geometry"
    )


def _gaps(read: Reader, options: Options) -> gpd.GeoDataFrame:
    """Put the services side by side: one row per place, columns suffixed by service."""
    rows = read.frame("gaps", "gaps.parquet").set_index("place_id")
    wide = read.layer("ingest", "places.parquet").set_index("place_id")
    whole = rows[rows["service"].eq("composite")]
    wide = wide.join(whole[list(_ONLY_WHOLE)])
    for service in (*SERVICES, "composite"):
        part = rows[rows["service"].eq(service)].drop(columns="service")
        part = part.rename(
            columns={"nearest_name_zh": "nearest_zh", "nearest_name_en": "nearest_en"}
        )
        part["class"] = gap_class(part["gap"].astype("float64"), options.gap_breaks)
        wide = wide.join(part.add_suffix(f"_{service}"))
    return wide.reset_index()


def _access(read: Reader, _: Options) -> pd.DataFrame:
    """Take the rows of places; those of districts and the city are in `coverage`."""
    rows = read.frame("access", "access_long.parquet")
    places = read.layer("ingest", "places.parquet")["place_id"]
    return rows[rows["place_id"].isin(places)]


def _stations(read: Reader, _: Options) -> gpd.GeoDataFrame:
    stations = read.layer("rail", "stations.parquet")
    operating = stations[stations["status"].eq("operating")]
    return operating.assign(line_count=operating["lines"].astype("string").str.count(r"\|") + 1)


def _planned_stations(read: Reader, _: Options) -> gpd.GeoDataFrame:
    stations = read.layer("ingest", "planned_stations.parquet")
    return with_columns(stations, "planned_id", "status")


def _rail_lines(read: Reader, _: Options) -> gpd.GeoDataFrame:
    """Join line-stations to lines in their order; a branch of one station has no line."""
    import geopandas as gpd
    import shapely

    stops = read.layer("ingest", "line_stations.parquet")
    names = read.frame("ingest", "lines.parquet")
    stops = with_columns(stops, "line_id", "branch", "seq").sort_values("seq")
    rows, shapes = [], []
    for (line, branch), part in stops.groupby(["line_id", "branch"], sort=True):
        if len(part) > 1:
            shape = shapely.LineString(shapely.get_coordinates(part.geometry.to_numpy()))
            rows.append((str(line), branch, len(part), shape.length / 1000))
            shapes.append(shape)
    columns = ["line_id", "branch", "stops", "straight_km"]
    lines = gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry=shapes, crs=stops.crs)
    told = [name for name in ("name_zh", "name_en", "colour_hex") if name in names.columns]
    if told:
        lines = lines.merge(names[["line_id", *told]], on="line_id", how="left")
    known = lines.get("name_zh", pd.Series(None, index=lines.index, dtype="str"))
    return lines.assign(name_zh=known.fillna(lines["line_id"]))


def _hubs(read: Reader, _: Options) -> gpd.GeoDataFrame:
    import geopandas as gpd

    hubs = with_columns(read.frame("ingest", "hubs.parquet"), "hub_id", "name_zh", "lon", "lat")
    points = gpd.points_from_xy(hubs["lon"].astype(float), hubs["lat"].astype(float))
    return gpd.GeoDataFrame(hubs, geometry=points, crs=INTERCHANGE_CRS)


def _facilities(service: str) -> Make:
    def make(read: Reader, _: Options) -> gpd.GeoDataFrame:
        facilities = read.layer("ingest", "facilities.parquet")
        found = facilities[facilities["service"].eq(service)]
        flags = {name[2:]: found[name] for name in found.columns if name.startswith("v_")}
        counted = pd.DataFrame(flags, index=found.index).fillna(value=False).astype(bool)
        variants = [
            ";".join(counted.columns[row])
            for row in counted.to_numpy(dtype=bool).reshape(counted.shape)
        ]
        return found.assign(variants=pd.Series(variants, index=found.index, dtype="str"))

    return make


def _districts(read: Reader, _: Options) -> gpd.GeoDataFrame:
    districts = read.layer("ingest", "districts.parquet")
    names = read.frame("ingest", "district_names.parquet")
    districts = with_columns(districts, "district_zh", "area_km2")
    if not {"name_zh", "name_en"} <= set(names.columns):
        return districts
    english = names.set_index("name_zh")["name_en"]
    return districts.assign(name_en=districts["district_zh"].map(english))


def _cells(read: Reader, _: Options) -> gpd.GeoDataFrame:
    counts = ("stops", "schools", "health", "shops", "sport", "parks", "finance")
    cells = with_columns(read.layer("ingest", "cells.parquet"), "row", "col", *counts)
    ids = cells["row"].astype("str") + "_" + cells["col"].astype("str")
    return cells.assign(cell_id=ids)


def _mapped_streets(read: Reader, _: Options) -> gpd.GeoDataFrame:
    return read.layer("networks", "mapped.parquet")


def _island(read: Reader, _: Options) -> gpd.GeoDataFrame:
    """Put the two themes side by side; a place that could not be ranked says why."""
    ranks, reasons = (read.frame("island", f"{name}.parquet") for name in ("ranks", "reasons"))
    wide = read.layer("ingest", "places.parquet").set_index("place_id")
    for theme in THEMES:
        for table in (ranks, reasons):
            if "theme" in table.columns:
                part = table[table["theme"].eq(theme)].set_index("place_id").drop(columns="theme")
                wide = wide.join(part.add_suffix(f"_{theme}"))
    return wide.reset_index()


def _parcels(read: Reader, _: Options) -> gpd.GeoDataFrame:
    return read.layer("parcels", "parcels.parquet")


def _coverage_units(read: Reader, _: Options) -> gpd.GeoDataFrame:
    return with_columns(read.layer("rail", "units.parquet"), "unit_id")


_FACILITIES = ("line_stations", "rail_timetable", "hospitals", "schools", "osm_extract")
_GAPS = ("places", "standards", *_FACILITIES)
_ACCESS = ("places", "lines", "planned_stations", "hubs", "cells", *_FACILITIES)
_ISLAND = ("places", "cells", *_FACILITIES)
_PARCELS = ("parcels", "places", *_FACILITIES)
_COVERAGE = (
    "cells",
    "districts",
    "district_shapes",
    "line_stations",
    "rail_timetable",
    "planned_stations",
    "standards",
    "osm_extract",
)
#: Every layer, in the order in which people find them. One line each.
RECIPES: tuple[Recipe, ...] = (
    Recipe("places", _places, ("ingest",), ("places",)),
    Recipe("place_points", _place_points, ("ingest",), ("places",)),
    Recipe("gaps", _gaps, ("ingest", "gaps"), _GAPS),
    plain("gap_details", "gaps", "gaps", _GAPS),
    plain("tiers", "gaps", "tiers", _GAPS),
    Recipe("access", _access, ("ingest", "access"), _ACCESS),
    Recipe("island", _island, ("ingest", "island"), _ISLAND),
    plain("island_components", "island", "island", _ISLAND),
    Recipe("parcels", _parcels, ("parcels",), _PARCELS),
    plain("parcel_evidence", "parcels", "evidence", _PARCELS),
    plain("parcel_outcomes", "parcels", "outcomes", _PARCELS),
    Recipe("coverage_units", _coverage_units, ("rail",), ("cells", "districts", "district_shapes")),
    plain("coverage", "rail", "areas", _COVERAGE, renamed={"place_id": "unit_id"}),
    Recipe("stations", _stations, ("rail",), ("line_stations", "rail_timetable")),
    Recipe("planned_stations", _planned_stations, ("ingest",), ("planned_stations",)),
    Recipe("rail_lines", _rail_lines, ("ingest",), ("line_stations", "lines", "rail_timetable")),
    Recipe("hubs", _hubs, ("ingest",), ("hubs",)),
    Recipe("hospitals", _facilities("hospital"), ("ingest",), ("hospitals",)),
    Recipe("schools", _facilities("school"), ("ingest",), ("schools",)),
    Recipe("districts", _districts, ("ingest",), ("cells", "districts", "district_shapes")),
    Recipe("cells", _cells, ("ingest",), ("cells",)),
    Recipe("mapped_streets", _mapped_streets, ("networks",), ("osm_extract",)),
    plain("standards", "ingest", "standards", ("standards",)),
    *analysis_recipes(gaps=_GAPS, access=_ACCESS, island=_ISLAND, parcels=_PARCELS),
)
