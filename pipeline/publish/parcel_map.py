"""Draw parcels by the outcome of their verdicts, marked when they are synthetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd

from pipeline.publish import palettes
from pipeline.publish.map_elements import MapSource
from pipeline.publish.themed_map import (
    SYNTHETIC,
    Fact,
    MapClass,
    MapLayer,
    MapTable,
    Paint,
    ThemedPage,
    build_themed,
)
from pipeline.settings.maps import MapsSettings

QUIET = "#e9e6dd"


@dataclass(frozen=True)
class ParcelData:
    """Parcels with verdicts.

    Parameters
    ----------
    title
        Chinese and English.
    parcels
        Polygons in EPSG:4326; `class_column` holds the outcome of the verdict, null where none.
    outcomes
        Outcome -> (Chinese, English), in the order of the legend (at most eight).
    quiet
        Further values of the class column, such as "no rule fired", drawn pale.
    facts
        What a click tells: indicators, rules that fired, missing fields, confidence.
    tables
        Totals beside the map.
    synthetic
        Whether the parcels are made up; the page then says so.
    """

    title: tuple[str, str]
    parcels: gpd.GeoDataFrame
    outcomes: Mapping[str, tuple[str, str]]
    facts: Sequence[Fact]
    synthetic: bool
    quiet: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    subtitle: tuple[str, str] = ("", "")
    back: str | None = None
    extent: tuple[tuple[float, float], tuple[float, float]] | None = None
    class_column: str = "outcome"
    name_columns: tuple[str, str] = ("parcel_id", "parcel_id")
    background: Sequence[MapLayer] = ()
    tables: Sequence[MapTable] = ()
    notes: Sequence[tuple[str, str]] = ()
    sources: Sequence[MapSource] = ()
    glossary: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def build_parcels(data: ParcelData, settings: MapsSettings) -> str:
    """Build the map of parcels coloured by verdict, marked when they are synthetic."""
    classes = [
        MapClass(outcome, zh, en, Paint(fillColor=colour))
        for (outcome, (zh, en)), colour in zip(data.outcomes.items(), palettes.PARCEL, strict=False)
    ]
    classes += [
        MapClass(value, zh, en, Paint(fillColor=QUIET, fillOpacity=0.75))
        for value, (zh, en) in data.quiet.items()
    ]
    unknown = Paint(fillColor=palettes.GAP_UNKNOWN, hatch=0.25)
    classes.append(MapClass(None, "未判定", "no verdict", unknown))
    layer = MapLayer(
        "parcels",
        ("地块判定", "Verdicts on parcels"),
        "polygon",
        data.parcels,
        Paint(color="#39434c", weight=0.7, fill=True, fillOpacity=0.88),
        class_column=data.class_column,
        classes=classes,
        facts=data.facts,
        title=data.name_columns,
    )
    notes = [*data.notes, SYNTHETIC] if data.synthetic else data.notes
    page = ThemedPage(
        title=data.title,
        subtitle=data.subtitle,
        back=data.back,
        extent=data.extent,
        layers=[*data.background, layer],
        banner=SYNTHETIC if data.synthetic else ("", ""),
        tables=data.tables,
        notes=notes,
        sources=data.sources,
        glossary=data.glossary,
    )
    return build_themed(page, settings, name=data.title[1])
