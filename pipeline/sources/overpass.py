"""Ask Overpass through OSMnx for a small area and keep its answers as an extract; never unasked."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import Problem, SourceError
from pipeline.settings.sources import OverpassSettings
from pipeline.sources.osm_mapping import OsmMapping
from pipeline.sources.school_rules import Condition

if TYPE_CHECKING:
    import shapely

logger = logging.getLogger(__name__)

Tags = dict[str, bool | str | list[str]]
Element = dict[str, Any]
# Whatever may be walked or driven: the rules of the study decide, not the question.
STREETS = '["highway"]'
KINDS = ("node", "way", "relation")


def overpass_extract(
    area: shapely.Polygon,
    *,
    mapping: OsmMapping,
    crs: str,
    cache: Path,
    settings: OverpassSettings,
) -> Path:
    """Download streets and the mapped categories of a small area as an extract (.osm.pbf).

    OSMnx keeps every answer in the cache, waits for a free slot of the server before it asks, and
    asks one thing at a time. For anything larger than a few districts, get an extract instead.

    Parameters
    ----------
    area
        Polygon in EPSG:4326.
    mapping
        The categories whose objects are asked for beside all streets.
    crs
        Working CRS, in which the area is measured.
    cache
        Folder of the answers; the extract stands beside them.
    settings
        Address, patience and the largest area.

    Returns
    -------
    The extract: whatever reads a downloaded one reads this.

    Raises
    ------
    SourceError
        The area is too large, or the server cannot be reached, gives no data or only a part.
    """
    import geopandas as gpd

    own_km2 = float(gpd.GeoSeries([area], crs=4326).to_crs(crs).area.iloc[0]) / 1e6
    if own_km2 > settings.largest_km2:
        raise SourceError(_too_large(own_km2, settings.largest_km2))
    tags = tags_of(mapping)
    asked = json.dumps([area.wkt, tags, settings.url], sort_keys=True)
    folder = cache / "overpass" / hashlib.sha256(asked.encode()).hexdigest()[:16]
    answers = _answers(area, tags, folder / "answers", settings)
    elements = _joined(answers)
    if not elements:
        raise SourceError(_no_answer(settings.url, "it holds nothing there / 此处没有任何要素"))
    stamps = [str(answer.get("osm3s", {}).get("timestamp_osm_base", "")) for answer in answers]
    path = folder / "overpass.osm.pbf"
    _write(path, elements, area.bounds, min(stamps))
    logger.info("%d objects in %.1f km2 from %s", len(elements), own_km2, settings.url)
    return path


def tags_of(mapping: OsmMapping) -> Tags:
    """Name the tags to ask for: of each condition one key, the mapping decides afterwards."""
    asked: dict[str, set[str]] = {}
    for category in mapping.categories.values():
        for condition in category.any_of:
            key, values = _first(condition)
            asked.setdefault(key, set()).update(values)
    return {key: True if "*" in values else sorted(values) for key, values in sorted(asked.items())}


def _first(condition: Condition) -> tuple[str, list[str]]:
    """Take the most telling key of a condition: one with values before one with any."""
    return min(condition.items(), key=lambda item: ("*" in item[1], item[0]))


def _answers(
    area: shapely.Polygon, tags: Tags, folder: Path, settings: OverpassSettings
) -> list[dict[str, Any]]:
    """Let OSMnx ask for streets and for objects; its cache holds what the server said."""
    import osmnx
    from osmnx._errors import CacheOnlyInterruptError

    with _polite(folder, settings):
        questions: tuple[Callable[[], object], ...] = (
            lambda: osmnx.graph_from_polygon(area, custom_filter=STREETS, retain_all=True),
            lambda: osmnx.features_from_polygon(area, tags),
        )
        for count, ask in enumerate(questions, 1):
            try:
                ask()
            except CacheOnlyInterruptError:
                pass  # what it was set to do: keep the answers, make nothing of them
            except Exception as error:  # whatever requests and OSMnx raise on a bad answer
                raise SourceError(_no_answer(settings.url, str(error))) from error
            # OSMnx keeps no answer that the server itself calls incomplete.
            if len(list(folder.glob("*.json"))) < count:
                raise SourceError(_no_answer(settings.url, "an incomplete answer / 答复不完整"))
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [answer for answer in read if isinstance(answer, dict)]


@contextmanager
def _polite(cache: Path, settings: OverpassSettings) -> Iterator[None]:
    """Set OSMnx up for one study and put its settings back."""
    import osmnx

    own = {
        "overpass_url": settings.url,
        "overpass_rate_limit": True,
        "requests_timeout": settings.timeout_s,
        "use_cache": True,
        "cache_folder": cache,
        "cache_only_mode": True,
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


def _joined(answers: Sequence[Mapping[str, Any]]) -> list[Element]:
    """Put the objects of all answers together, each once: nodes, ways, relations, by id."""
    found: dict[tuple[int, int], Element] = {}
    for answer in answers:
        for element in answer.get("elements", []):
            key = (KINDS.index(element["type"]), int(element["id"]))
            found[key] = {**found.get(key, {}), **element}
    return [found[key] for key in sorted(found)]


def _write(
    path: Path, elements: Sequence[Element], bounds: tuple[float, float, float, float], stamp: str
) -> None:
    """Write an extract, whole or not at all."""
    import osmium

    from pipeline.atomic import atomic_path

    header = osmium.io.Header()
    west, south, east, north = bounds
    header.add_box(osmium.osm.Box(west, south, east, north))
    if stamp:
        header.set("osmosis_replication_timestamp", stamp)
    with (
        atomic_path(path) as part,
        osmium.SimpleWriter(str(part), header=header, overwrite=True) as writer,
    ):
        for element in elements:
            _add(writer, element)


def _add(writer: Any, element: Element) -> None:  # noqa: ANN401
    from osmium.osm import mutable

    tags = {str(key): str(value) for key, value in element.get("tags", {}).items()}
    own: dict[str, Any] = {"id": int(element["id"]), "tags": tags, "version": 1, "visible": True}
    if element["type"] == "node":
        writer.add_node(mutable.Node(location=(element["lon"], element["lat"]), **own))
    elif element["type"] == "way":
        writer.add_way(mutable.Way(nodes=[int(node) for node in element["nodes"]], **own))
    else:
        members = [(m["type"][0], int(m["ref"]), str(m["role"])) for m in element["members"]]
        writer.add_relation(mutable.Relation(members=members, **own))


def _too_large(own_km2: float, largest_km2: float) -> Problem:
    return Problem(
        zh=f"范围 {own_km2:.0f} 平方公里，超过 Overpass 查询上限 {largest_km2:g}",
        en=f"the area of {own_km2:.0f} km2 is beyond the {largest_km2:g} km2 asked of Overpass",
        rule="sources.overpass.largest_km2",
        remedy_zh="请下载摘录：parkgap fetch；或缩小 sources.overpass.area",
        remedy_en="get an extract instead: parkgap fetch; or a smaller sources.overpass.area",
    )


def _no_answer(url: str, reason: str) -> Problem:
    return Problem(
        zh="Overpass 没有给出数据",
        en=f"Overpass gave no data: {reason}",
        path=url,
        rule="overpass",
        remedy_zh="检查网络，稍后再试；或用摘录 (--osm)",
        remedy_en="check the network and try later, or use an extract (--osm)",
    )
