"""Areas made as arrays against those that libosmium assembles one by one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import osmium
import shapely

from pipeline.sources.osm_features import read_osm_features
from pipeline.sources.osm_mapping import read_mapping

CRS = "EPSG:32651"
# Rings by the numbers of their nodes, which stand in a 3 x 3 square, row by row from the southwest.
WAYS = {
    "counter-clockwise": (4, 1, 2, 5, 4),
    "clockwise": (9, 6, 5, 8, 9),
    "a corner twice in a row": (1, 3, 3, 9, 7, 1),
    "a straight corner": (1, 2, 3, 9, 7, 1),
    "meets itself at a node": (1, 2, 5, 6, 9, 8, 5, 4, 1),
    "crosses itself": (1, 9, 3, 7, 1),
    "there and back": (1, 2, 3, 2, 1),
    "closed by another node at the same place": (1, 2, 5, 10),
    "lacks a node": (1, 3, 99, 7, 1),
    "open": (1, 2, 3),
}


def _extract(folder: Path) -> Path:
    lines = [
        f"n{row * 3 + column + 1} x{121.4 + column / 1e3:.3f} y{31.2 + row / 1e3:.3f}"
        for row in range(3)
        for column in range(3)
    ]
    lines.append("n10 x121.4 y31.2")
    lines += ["n11 x121.4005 y31.2005", "n12 x121.4015 y31.2005", "n13 x121.4005 y31.2015"]
    for number, ring in enumerate(WAYS.values(), start=1):
        lines.append(f"w{number} Tbuilding=yes N{','.join(f'n{node}' for node in ring)}")
    lines.append("w90 Tbuilding=yes,area=no Nn1,n2,n5,n4,n1")
    # Two halves of an outline, and a hole.
    lines += ["w91 T Nn1,n3,n9", "w92 T Nn9,n7,n1", "w93 T Nn11,n12,n13,n11"]
    lines.append("r1 Ttype=multipolygon,building=yes,name=%5b85% Mw91@outer,w92@outer,w93@inner")
    lines.append("r2 Ttype=site,building=yes Mw91@,w92@")
    path = folder / "areas.opl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_areas_are_those_of_libosmium(tmp_path: Path) -> None:
    path = _extract(tmp_path)
    factory = osmium.geom.WKBFactory()
    theirs: dict[str, shapely.Geometry] = {}
    for item in osmium.FileProcessor(str(path)).with_areas():
        if not isinstance(item, osmium.osm.Area):
            continue
        with contextlib.suppress(RuntimeError):  # no usable ring
            shape = shapely.from_wkb(factory.create_multipolygon(item))
            theirs[f"{'w' if item.from_way() else 'r'}{item.orig_id()}"] = shape
    read = read_osm_features(path, mapping=read_mapping(), crs="EPSG:4326", merge=False)
    rows = read.features.set_index("osm_id")
    ours = rows.loc[rows["basis"].eq("area"), "geometry"]
    assert sorted(ours.index) == sorted(theirs)
    assert {"w1", "w2", "w3", "w4", "w5", "r1"} <= set(theirs)
    for name, shape in ours.items():
        made = shapely.get_coordinates(shape)
        assert (made == shapely.get_coordinates(theirs[str(name)])).all(), name
        assert shape.equals_exact(theirs[str(name)]), name


def test_what_is_no_area_keeps_its_outline_and_a_relation_its_name(tmp_path: Path) -> None:
    read = read_osm_features(_extract(tmp_path), mapping=read_mapping(), crs=CRS, merge=False)
    rows = read.features.set_index("osm_id")
    outlines = rows[rows["basis"].eq("way_nodes")]
    assert {"w90", "w9", "w10"} <= set(outlines.index)
    assert outlines["area_m2"].isna().all()
    assert np.isfinite(outlines["x"]).all()
    assert (rows.loc["r1", "name"], rows.loc["r1", "tags"]) == (
        "宅",
        '{"building": "yes", "name": "宅"}',
    )
    assert read.report.unlocated == {"buildings relation": 1}
    assert read.report.partly_located == 1
