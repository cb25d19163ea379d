"""Decide what every published layer looks like in QGIS, colour-blind safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

from pipeline.publish.layer_schemas import Column, LayerSchema
from pipeline.publish.palettes import FACILITY, GAP, GAP_UNKNOWN, LAND, METRO, OUTLINE
from pipeline.publish.qgis_analysis import ANALYSIS_LOOKS
from pipeline.publish.qgis_marks import tier_marks
from pipeline.publish.qgis_symbols import (
    Look,
    Rule,
    StyleOptions,
    Symbol,
    at_centre,
    categorized,
    fill,
    graduated,
    labels,
    marker,
    ruled,
    single,
    stroke,
)

INK = "#22303c"
MUTED = "#5b6470"
INDICATIVE = "\"boundary_class\" = 'indicative'"
#: Counts from few to many: lightness falls at every step.
COUNT = ("#eef3f7", "#c9dbe8", "#8fb4cf", "#4f82ab", "#1f4e79")
COUNT_BREAKS = (0, 2, 5, 10, 20)
#: Scores of the island effect: 0 is the median of relocations.
SCORE_BREAKS = (-0.5, 0.0, 0.5, 1.0)
#: How a figure is known: code, words, shape of the mark.
METHODS = (
    ("estimated_straight_line", "直线估算 / straight-line estimate", "circle"),
    ("mixed", "部分实测 / partly measured", "diamond"),
    ("measured_network", "街道实测 / measured on streets", "square"),
)


def looks_of(schema: LayerSchema, options: StyleOptions) -> dict[str, Look]:
    """Give the named looks of a layer, its default first; a table has none."""
    makers = LOOKS.get(schema.name, {})
    return {name: make(schema, options) for name, make in makers.items()}


def _labels_of(column: Column) -> Mapping[str, tuple[str, str]]:
    return {} if column.domain is None else column.domain.labels


def _both(pair: tuple[str, str]) -> str:
    return f"{pair[0]} / {pair[1]}"


def _places(schema: LayerSchema, _: StyleOptions) -> Look:
    codes = _labels_of(schema.column("tier"))
    marks = tier_marks(codes)
    return Look(
        categorized(
            "tier",
            [
                (
                    code,
                    _both(label),
                    Symbol(
                        "fill",
                        (
                            fill(
                                marks[code][1],
                                alpha=0.18,
                                outline=marks[code][1],
                                width_mm=0.4,
                                dash=INDICATIVE,
                            ),
                        ),
                    ),
                )
                for code, label in codes.items()
            ],
        )
    )


def _place_points(schema: LayerSchema, _: StyleOptions) -> Look:
    codes = _labels_of(schema.column("tier"))
    marks = tier_marks(codes)
    return Look(
        categorized(
            "tier",
            [
                (
                    code,
                    _both(label),
                    Symbol(
                        "marker",
                        (
                            marker(
                                *marks[code],
                                size_mm=3.6 if code == "core" else 2.8,
                            ),
                        ),
                    ),
                )
                for code, label in codes.items()
            ],
        ),
        labels('"name_zh"', size_pt=8, colour=INK, nearest_scale=250_000),
    )


def _gap_symbol(colour: str, shape: str) -> Symbol:
    """Draw an area in its class, marked at its centre by how its figure is known."""
    area = fill(colour, alpha=0.7, outline=INK, width_mm=0.25, dash=INDICATIVE)
    return Symbol(
        "fill", (area, at_centre(marker(shape, colour, size_mm=3, outline=INK, width_mm=0.25)))
    )


def _hatched(colour: str) -> Symbol:
    area = fill(
        colour, alpha=0.9, outline=MUTED, width_mm=0.25, style="b_diagonal", dash=INDICATIVE
    )
    hollow = marker("circle", LAND, size_mm=2.6, outline=MUTED, width_mm=0.35)
    return Symbol("fill", (area, at_centre(hollow)))


def class_labels(breaks: Sequence[float]) -> list[str]:
    """Say the classes of gaps in words that need no translation."""
    inner = [f"{low:g} – {high:g}" for low, high in pairwise(breaks)]
    return [f"≤ {breaks[0]:g}", *inner, f"> {breaks[-1]:g}"]


def _gaps(service: str) -> Callable[[LayerSchema, StyleOptions], Look]:
    def look(_: LayerSchema, options: StyleOptions) -> Look:
        known, testable = (
            f'"class_{service}" is not null',
            f"\"verdict_{service}\" = 'not_testable'",
        )
        unknown = Rule("无数值 / no value", f'"class_{service}" is null', _hatched(GAP_UNKNOWN))
        undecided = Rule("不可判定 / not testable", f"{known} and {testable}", _hatched(GAP[2]))
        decided = f"{known} and coalesce(\"verdict_{service}\", '') <> 'not_testable'"
        if service == "composite":
            rules = [*_class_rules(service, options, decided, shape="circle"), undecided, unknown]
            return Look(ruled(f"gaps/{service}", rules), _gap_labels(service))
        rules = [
            Rule(
                title,
                f"{decided} and \"method_{service}\" = '{method}'",
                children=tuple(_class_rules(service, options, None, shape=shape)),
            )
            for method, title, shape in METHODS
        ]
        return Look(ruled(f"gaps/{service}", [*rules, undecided, unknown]), _gap_labels(service))

    return look


def _class_rules(
    service: str, options: StyleOptions, also: str | None, *, shape: str
) -> list[Rule]:
    texts = class_labels(options.gap_breaks)
    return [
        Rule(
            text,
            f'"class_{service}" = {number}' + ("" if also is None else f" and {also}"),
            _gap_symbol(colour, shape),
        )
        for number, (text, colour) in enumerate(zip(texts, GAP, strict=True), start=1)
    ]


def _gap_labels(service: str) -> ET.Element:
    text = f"\"name_zh\" || coalesce('\\n' || format_number(\"gap_{service}\", 2), '')"
    return labels(text, size_pt=8, colour=INK, nearest_scale=250_000)


def _stations(_: LayerSchema, __: StyleOptions) -> Look:
    plain = marker("circle", "#ffffff", size_mm=1.1, outline=FACILITY["rail"], width_mm=0.25)
    wide = marker("circle", "#ffffff", size_mm=1.7, outline=FACILITY["rail"], width_mm=0.4)
    return Look(
        ruled(
            "stations",
            [
                Rule("换乘站 / interchange", '"line_count" >= 2', Symbol("marker", (wide,))),
                Rule("车站 / station", '"line_count" < 2', Symbol("marker", (plain,))),
            ],
        ),
        labels('"name_zh"', size_pt=7, colour=FACILITY["rail"], nearest_scale=75_000),
    )


def _planned_stations(schema: LayerSchema, _: StyleOptions) -> Look:
    codes = _labels_of(schema.column("status"))
    shapes = {"under_construction": ("triangle", "solid"), "planned": ("triangle", "dot")}
    return Look(
        categorized(
            "status",
            [
                (
                    code,
                    _both(codes[code]),
                    Symbol(
                        "marker",
                        (
                            marker(
                                shape,
                                "#ffffff",
                                size_mm=2.2,
                                outline=METRO,
                                width_mm=0.4,
                                outline_style=line,
                            ),
                        ),
                    ),
                )
                for code, (shape, line) in shapes.items()
            ],
        ),
        labels('"name_zh"', size_pt=7, colour=METRO, nearest_scale=75_000),
    )


def _rail_lines(_: LayerSchema, __: StyleOptions) -> Look:
    return Look(single(Symbol("line", (stroke(METRO, width_mm=0.5),))))


def _rail_lines_operator(_: LayerSchema, __: StyleOptions) -> Look:
    coloured = stroke(METRO, width_mm=0.7, colour_by=f"coalesce(\"colour_hex\", '{METRO}')")
    return Look(
        single(Symbol("line", (coloured,))),
        labels('"name_zh"', size_pt=7, colour=INK, nearest_scale=250_000, over="line"),
    )


def _hubs(_: LayerSchema, __: StyleOptions) -> Look:
    disc = marker("circle", FACILITY["rail"], size_mm=3.4, outline="#ffffff")
    dot = marker("circle", "#ffffff", size_mm=1.2, outline_style="no")
    return Look(
        single(Symbol("marker", (disc, dot))),
        labels('"name_zh"', size_pt=8, colour=FACILITY["rail"], nearest_scale=400_000, bold=True),
    )


def _facilities(service: str, shape: str) -> Callable[[LayerSchema, StyleOptions], Look]:
    """Fill what the need of the service counts; all of them where the study does not say."""

    def look(_: LayerSchema, options: StyleOptions) -> Look:
        colour = FACILITY[service]
        best, zh, en = options.counted.get(service, ("", "计入", "counted"))
        chosen = f"array_contains(string_to_array(coalesce(\"variants\", ''), ';'), '{best}')"
        full = marker(shape, colour, size_mm=2.6, outline="#ffffff", width_mm=0.25)
        hollow = marker(shape, "#ffffff", size_mm=2.2, outline=colour, width_mm=0.35)
        if not best:
            chosen = "TRUE"
        return Look(
            ruled(
                f"{service}s",
                [
                    Rule(f"{zh} / {en}", chosen, Symbol("marker", (full,))),
                    Rule("其他 / other", f"not {chosen}", Symbol("marker", (hollow,))),
                ],
            ),
            labels('"name_zh"', size_pt=7, colour=colour, nearest_scale=60_000),
        )

    return look


def _districts(_: LayerSchema, __: StyleOptions) -> Look:
    outline = fill(LAND, alpha=1, outline=OUTLINE, width_mm=0.3)
    return Look(
        single(Symbol("fill", (outline,))),
        labels('"district_zh"', size_pt=10, colour="#8a949e", over="polygon"),
    )


def _cells(schema: LayerSchema, _: StyleOptions) -> Look:
    counted = [column.name for column in schema.columns if column.type == "int"]
    total = " + ".join(f'coalesce("{name}", 0)' for name in counted)
    ranges = [
        (
            low,
            high,
            f"{low + 1:g} – {high:g}" if high < 10_000 else f"> {low:g}",  # noqa: PLR2004
            Symbol("fill", (fill(colour, alpha=0.85, outline=colour, outline_style="no"),)),
        )
        for (low, high), colour in zip(pairwise((*COUNT_BREAKS, 10_000)), COUNT, strict=True)
    ]
    return Look(graduated(total, ranges))


def _mapped_streets(_: LayerSchema, __: StyleOptions) -> Look:
    hatch = fill(FACILITY["school"], alpha=0.5, outline=FACILITY["school"], style="f_diagonal")
    return Look(single(Symbol("fill", (hatch,))))


def _island(theme: str) -> Callable[[LayerSchema, StyleOptions], Look]:
    def look(_: LayerSchema, __: StyleOptions) -> Look:
        score = f'"score_{theme}"'
        ends = ("", *(f"{score} > {value:g}" for value in SCORE_BREAKS))
        tops = (*(f"{score} <= {value:g}" for value in SCORE_BREAKS), "")
        rules = [
            Rule(text, " and ".join(filter(None, (low, high))), _gap_symbol(colour, "circle"))
            for text, low, high, colour in zip(
                class_labels(SCORE_BREAKS), ends, tops, GAP, strict=True
            )
        ]
        rules.append(Rule("不可测量 / not measurable", f"{score} is null", _hatched(GAP_UNKNOWN)))
        text = f"\"name_zh\" || coalesce('\\n' || format_number({score}, 2), '')"
        return Look(
            ruled(f"island/{theme}", rules),
            labels(text, size_pt=8, colour=INK, nearest_scale=250_000),
        )

    return look


def _parcels(_: LayerSchema, __: StyleOptions) -> Look:
    synthetic = '"synthetic"'
    shown = (
        ("判定成立 / matched", "\"verdict\" = 'matched'", GAP[3]),
        ("可能，缺字段 / possible, fields are missing", "\"verdict\" = 'possible'", GAP[1]),
        ("不适用 / none", "\"verdict\" = 'none'", "#e9edf0"),
    )
    return Look(
        ruled(
            "parcels",
            [
                Rule(
                    label,
                    condition,
                    Symbol(
                        "fill",
                        (fill(colour, alpha=0.75, outline=INK, width_mm=0.2, dash=synthetic),),
                    ),
                )
                for label, condition, colour in shown
            ],
        ),
        labels("coalesce(\"zh\", '')", size_pt=7, colour=INK, nearest_scale=10_000, over="polygon"),
    )


def _coverage_units(_: LayerSchema, __: StyleOptions) -> Look:
    outline = fill(LAND, alpha=0, outline=MUTED, width_mm=0.3, outline_style="dot")
    return Look(single(Symbol("fill", (outline,))))


#: The looks of every layer with a geometry, the default first.
LOOKS: dict[str, dict[str, Callable[[LayerSchema, StyleOptions], Look]]] = {
    "places": {"tiers": _places},
    "place_points": {"tiers": _place_points},
    "gaps": {name: _gaps(name) for name in ("composite", "rail", "hospital", "school")},
    "island": {name: _island(name) for name in ("contrast", "separation")},
    "parcels": {"verdicts": _parcels},
    "coverage_units": {"outline": _coverage_units},
    "stations": {"stations": _stations},
    "planned_stations": {"status": _planned_stations},
    "rail_lines": {"muted": _rail_lines, "operator": _rail_lines_operator},
    "hubs": {"hubs": _hubs},
    "hospitals": {
        "grade": _facilities("hospital", "cross_fill"),
    },
    "schools": {
        "list": _facilities("school", "square"),
    },
    "districts": {"outline": _districts},
    "cells": {"counts": _cells},
    "mapped_streets": {"hatched": _mapped_streets},
    **ANALYSIS_LOOKS,
}
