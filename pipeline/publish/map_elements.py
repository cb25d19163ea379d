"""Assemble the page around the maps: scripts, styles, data, panel, credits."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from folium.template import Template

from pipeline.publish import assets, palettes
from pipeline.publish.leaflet import (
    Finished,
    OfflineMap,
    OfflinePage,
    data_element,
    embed_json,
    html_element,
    script_element,
    style_element,
)
from pipeline.publish.map_tiles import Tiles

if TYPE_CHECKING:
    import jinja2

DATA_ID = "map-data"
SETTINGS_ID = "map-settings"


@dataclass(frozen=True)
class MapSource:
    """A source that the map credits: what it is, under which licence, as of which date."""

    name_zh: str
    name_en: str
    licence: str
    date: str | None = None


@dataclass(frozen=True)
class PageText:
    """The words around a map; every text is escaped before it is written.

    `banner` is shown beside the controls (a synthetic mark, an estimate mark); `credits` are the
    lines of the footer; `back` is the address of the page this one belongs to, beside it.
    """

    title: tuple[str, str]
    subtitle: tuple[str, str] = ("", "")
    banner: tuple[str, str] = ("", "")
    credits: Sequence[tuple[str, str]] = field(default=())
    back: str | None = None


class Starter(Finished):
    """Call a function of the page's scripts with its maps, once they exist."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        parkgap.{{ this.function }}({
            {% for name, map in this.maps.items() %}{{ name }}: {{ map.get_name() }}, {% endfor %}
        });
        {% endmacro %}
        """
    )

    def __init__(self, *, function: str, maps: dict[str, OfflineMap]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Starter"
        self.function = function
        self.maps = maps


def build_page(
    *,
    text: PageText,
    language: str,
    scripts: Sequence[str],
    settings: object,
    packed: str,
    search: bool,
    image_hosts: tuple[str, ...] = (),
) -> OfflinePage:
    """Make a page: its words, the project's scripts in their order, settings and packed data.

    Pictures may come from the page itself and from `image_hosts` (map tiles), nowhere else.
    """
    page = OfflinePage(
        title=f"{text.title[0]} · {text.title[1]}", language=language, image_hosts=image_hosts
    )
    page.header.add_child(style_element(assets.own_text("page.css")), name="page css")
    for name in scripts:
        page.header.add_child(script_element(assets.own_text(name)), name=name)
    page.before.add_child(html_element(_shell("before", text, search=search)), name="before")
    page.after.add_child(html_element(_shell("after", text, search=search)), name="after")
    given = data_element(SETTINGS_ID, embed_json(settings), "application/json")
    page.after.add_child(given, name="settings")
    page.after.add_child(data_element(DATA_ID, packed, "application/octet-stream"), name="data")
    return page


def credit_lines(sources: Sequence[MapSource]) -> list[tuple[str, str]]:
    """Write the lines that stay in view: attribution, licences, data dates.

    Sources under one licence share a line. Where their names carry an attribution (``© ...``), the
    line gives it; else it names them.
    """
    by_licence: dict[str, list[MapSource]] = {}
    for source in sources:
        by_licence.setdefault(source.licence, []).append(source)
    lines = [_credit(licence, group) for licence, group in by_licence.items()]
    return [*lines, ("地图库 Leaflet（BSD-2-Clause）", "Map library Leaflet (BSD-2-Clause)")]


def tile_credit(tiles: Tiles | None) -> list[tuple[str, str]]:
    """Credit the online base map, where there is one."""
    return [] if tiles is None else [tiles.attribution]


def _credit(licence: str, group: Sequence[MapSource]) -> tuple[str, str]:
    dates = sorted({source.date for source in group if source.date})
    when = f"{dates[0]} – {dates[-1]}" if len(dates) > 1 else "".join(dates)
    zh, en = (
        joint.join(dict.fromkeys(_holder(name) for name in names))
        for joint, names in (
            ("、", [source.name_zh for source in group]),
            (", ", [source.name_en for source in group]),
        )
    )
    return (
        f"{zh}，{licence}" + (f"，数据日期 {when}" if when else ""),
        f"{en}, {licence}" + (f", data of {when}" if when else ""),
    )


def _holder(name: str) -> str:
    """Take the attribution out of a source's name, else the name."""
    _, mark, holder = name.partition("©")
    return mark + holder if mark else name


def colours() -> dict[str, object]:
    """Give the scripts the colours that figures and QGIS styles use too."""
    return {
        "gap": list(palettes.GAP),
        "gapOf": {name: list(palettes.ISLAND) for name in ("island", "separation")},
        "significant": palettes.SIGNIFICANT,
        "unknown": palettes.GAP_UNKNOWN,
        "tier": palettes.TIER,
        "facility": palettes.FACILITY,
        "land": palettes.LAND,
        "outline": palettes.OUTLINE,
        "metro": palettes.METRO,
    }


@functools.cache
def _shell_template() -> jinja2.Template:
    """Compile the shell once for all pages of a run."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(assets.own_text("shell.html"))


def _shell(part: str, text: PageText, *, search: bool) -> str:
    return _shell_template().render(
        part=part,
        search=search,
        title_zh=text.title[0],
        title_en=text.title[1],
        subtitle_zh=text.subtitle[0],
        subtitle_en=text.subtitle[1],
        banner_zh=text.banner[0],
        banner_en=text.banner[1],
        credits=text.credits,
        back=text.back,
    )
