"""Decide what the layers of the analysis look like: pairs, sites, gates, null models."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.publish.layer_schemas import LayerSchema
from pipeline.publish.palettes import FACILITY, GAP, METRO, TIER
from pipeline.publish.qgis_symbols import (
    Look,
    Rule,
    StyleOptions,
    Symbol,
    labels,
    marker,
    ruled,
    single,
    stroke,
)

INK = "#22303c"
#: Floor area that a pair carries, in 10k m², and how wide its line is drawn, in mm.
FLOWS = ((0, 20, 0.4), (20, 50, 1.0), (50, 100_000, 1.8))
#: How often a pair is used over the draws: below, its line is dashed.
OFTEN = 0.66


def _pairing(_: LayerSchema, __: StyleOptions) -> Look:
    """Draw what carries floor area, wider for more, dashed where few draws agree."""
    rules = []
    for low, high, width_mm in FLOWS:
        size = f"{low} – {high}" if high < 1000 else f"> {low}"  # noqa: PLR2004
        within = f'"flow_10k_m2" > {low} and "flow_10k_m2" <= {high}'
        for words, often, dash in (
            ("抽样多数如此 / in most draws", ">=", "solid"),
            ("抽样中不稳 / in few draws", "<", "dash"),
        ):
            line = stroke(TIER["carrier"], width_mm=width_mm, line_style=dash)
            condition = f'{within} and "carried_share" {often} {OFTEN}'
            rules.append(Rule(f"{size} 10⁴ m²：{words}", condition, Symbol("line", (line,))))
    shown = 'case when "flow_10k_m2" > 0 then format_number("flow_10k_m2", 0) end'
    text = labels(shown, size_pt=8, colour=INK, nearest_scale=400_000, over="line")
    return Look(ruled("pairing", rules), text)


def _sites(_: LayerSchema, __: StyleOptions) -> Look:
    """Draw the sites by service; larger where one site alone is asked for."""
    words = {
        "rail": ("轨道 / rail", "circle"),
        "hospital": ("医院 / hospital", "cross_fill"),
        "school": ("学校 / school", "square"),
    }
    rules = [
        Rule(
            f"{text}：{count}",
            f'"service" = \'{service}\' and "sites" {condition}',
            Symbol(
                "marker",
                (marker(shape, FACILITY[service], size_mm=size, outline="#ffffff"),),
            ),
        )
        for service, (text, shape) in words.items()
        for count, condition, size in (
            ("首选 / the first site", "= 1", 4.5),
            ("其后 / further sites", "> 1", 2.8),
        )
    ]
    shown = labels('"name_zh"', size_pt=8, colour=INK, nearest_scale=250_000)
    return Look(ruled("sites", rules), shown)


def _gates(_: LayerSchema, __: StyleOptions) -> Look:
    first = marker("triangle", GAP[4], size_mm=4, outline="#ffffff")
    later = marker("triangle", GAP[2], size_mm=3, outline="#ffffff")
    rules = [
        Rule("最先开 / to open first", '"opening" = 1', Symbol("marker", (first,))),
        Rule("其后 / then", '"opening" > 1', Symbol("marker", (later,))),
    ]
    shown = 'to_string("opening") || coalesce(\' · −\' || format_number("minutes_saved_per_ha",'
    shown += " 2) || ' min', '')"
    return Look(ruled("gates", rules), labels(shown, size_pt=8, colour=INK, nearest_scale=50_000))


def _null(_: LayerSchema, __: StyleOptions) -> Look:
    dot = marker("circle", METRO, size_mm=0.7, outline=METRO, outline_style="no")
    return Look(single(Symbol("marker", (dot,))))


def _graph_stations(_: LayerSchema, __: StyleOptions) -> Look:
    ring = marker("circle", "#ffffff", size_mm=1.3, outline=METRO, width_mm=0.3)
    return Look(
        single(Symbol("marker", (ring,))),
        labels('"name_zh"', size_pt=7, colour=METRO, nearest_scale=75_000),
    )


ANALYSIS_LOOKS: dict[str, dict[str, Callable[[LayerSchema, StyleOptions], Look]]] = {
    "pairing": {"flows": _pairing},
    "sites": {"services": _sites},
    "gates": {"order": _gates},
    "island_null": {"dots": _null},
    "rail_graph_stations": {"rings": _graph_stations},
}
