"""Bad layers: damaged files of every format, and sound files with impossible content."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import ExitCode
from tests.faults.corpus import Bad, Make, damages, ends, file_of

DRIVERS = {
    "gpkg": "GPKG",
    "geojson": "GeoJSON",
    "fgb": "FlatGeobuf",
    "gml": "GML",
    "kml": "LIBKML",
    "gpx": "GPX",
    "dxf": "DXF",
}
# `check` tells all of them as findings and ends with one code.
REFUSED = ends(ExitCode.SOURCE)
Ruin = Callable[[bytes], bytes]


def parks() -> gpd.GeoDataFrame:
    """Give four sound parks."""
    lon = np.array([121.397, 121.607, 121.909, 121.447])
    lat = np.array([31.170, 31.202, 30.894, 31.022])
    names = ["漕河泾", "张江", "临港", "紫竹"]
    return gpd.GeoDataFrame({"name": names}, geometry=gpd.points_from_xy(lon, lat), crs=4326)


@cache
def sound(ending: str) -> bytes:
    """Give the bytes of a sound file of a format; a shapefile comes zipped."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"parks.{ending}"
        if ending == "parquet":
            parks().to_parquet(path)
        elif ending == "xlsx":
            _table().to_excel(path, index=False)
        elif ending == "zip":
            parks().to_file(path.with_suffix(".shp"), encoding="utf-8")
            with zipfile.ZipFile(path, "w") as archive:
                for part in sorted(Path(folder).glob("parks.[!z]*")):
                    archive.write(part, part.name)
        elif ending in {"dxf", "gpx"}:
            parks()[["geometry"]].to_file(path, driver=DRIVERS[ending])
        else:
            parks().to_file(path, driver=DRIVERS[ending])
        return path.read_bytes()


def _table() -> pd.DataFrame:
    plain = pd.DataFrame(parks().drop(columns="geometry"))
    return plain.assign(lon=parks().geometry.x, lat=parks().geometry.y)


def checked(name: str, content: Callable[[], bytes | str]) -> Make:
    """Open a file through `parkgap check`."""
    return lambda folder: ["check", str(file_of(folder / name, content())), "-s", "MINI"]


def layers() -> Iterator[Bad]:
    """Give all bad layers."""
    for ending in (*DRIVERS, "parquet", "xlsx", "zip"):
        for name, ruin in damages():
            yield Bad(f"damaged_{ending}", name, _ruined(ending, ruin), REFUSED)
    for name, ruin in _shapefile_parts():
        yield Bad("damaged_shp", name, ruin, REFUSED)
    for name, text in geojson_texts():
        yield Bad("geojson", name, checked("a.geojson", lambda text=text: text), REFUSED)
    for name, text in csv_texts():
        yield Bad("csv", name, checked("a.csv", lambda text=text: text), REFUSED)
    for name, member in archive_members():
        yield Bad("archive", name, _zipped(member), REFUSED)
    for name, text in markup_texts():
        ending = name.split("_")[0]
        yield Bad("markup", name, checked(f"a.{ending}", lambda text=text: text), REFUSED)
    for name in ("a.xls", "a.dwg", "a.doc", "noending", "a.csv.exe", "a.geojsonl"):
        yield Bad("format", name, checked(name, lambda: b"\xd0\xcf\x11\xe0 old"), REFUSED)
    yield Bad("path", "absent", lambda folder: ["check", str(folder / "x.gpkg"), "-s", "MINI"],
              REFUSED)  # fmt: skip
    yield Bad("path", "a_folder", _folder, REFUSED)
    yield Bad("path", "a_broken_link", _broken_link, REFUSED)


def _ruined(ending: str, ruin: Ruin) -> Make:
    return checked(f"parks.{ending}", lambda: ruin(sound(ending)))


def _folder(folder: Path) -> list[str]:
    (folder / "x.gpkg").mkdir()
    return ["check", str(folder / "x.gpkg"), "-s", "MINI"]


def _broken_link(folder: Path) -> list[str]:
    (folder / "x.gpkg").symlink_to(folder / "nothing.gpkg")
    return ["check", str(folder / "x.gpkg"), "-s", "MINI"]


def _shapefile_parts() -> Iterator[tuple[str, Make]]:
    """Ruin one part of a shapefile while the others stand."""

    def part(ending: str, ruin: Ruin) -> Make:
        def make(folder: Path) -> list[str]:
            with zipfile.ZipFile(io.BytesIO(sound("zip"))) as archive:
                archive.extractall(folder)
            path = folder / f"parks.{ending}"
            path.write_bytes(ruin(path.read_bytes()))
            return ["check", str(folder / "parks.shp"), "-s", "MINI"]

        return make

    for name, ruin in damages():
        yield f"shp_{name}", part("shp", ruin)
    yield "shx_empty", part("shx", lambda _raw: b"")


def collection(*geometries: object, **more: object) -> str:
    """Write a collection of features as GeoJSON; bare values may be no JSON on purpose."""
    features = [
        {"type": "Feature", "properties": {"name": f"n{i}"}, "geometry": geometry}
        for i, geometry in enumerate(geometries)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features, **more})


def geojson_texts() -> Iterator[tuple[str, str]]:
    """Give texts that call themselves GeoJSON."""
    point = {"type": "Point", "coordinates": [121.4, 31.2]}
    yield "no_features", collection()
    yield "null_geometries", collection(None, None)
    yield "array", "[]"
    yield "string", '"geojson"'
    yield "number", "12"
    yield "null", "null"
    yield "no_type", '{"features": []}'
    yield "unknown_type", collection({"type": "Blob", "coordinates": [1, 2]})
    yield "text_coordinates", collection({"type": "Point", "coordinates": ["east", "north"]})
    yield "one_coordinate", collection({"type": "Point", "coordinates": [121.4]})
    yield "nan", collection({"type": "Point", "coordinates": [float("nan"), 31.2]})
    yield "infinite", collection({"type": "Point", "coordinates": [float("inf"), 31.2]})
    yield "huge", collection({"type": "Point", "coordinates": [1e300, -1e300]})
    yield "no_crs_metres", collection({"type": "Point", "coordinates": [5e5, 3.4e6]})
    yield "open_ring", collection({"type": "Polygon", "coordinates": [[[1, 2]]]})
    yield "empty_polygon", collection({"type": "Polygon", "coordinates": []})
    yield "unclosed", collection(point)[:-20]
    yield "twice", collection(point) + collection(point)
    yield (
        "strange_crs",
        collection(
            {"type": "Point", "coordinates": [5e5, 3.4e6]},
            crs={"type": "name", "properties": {"name": "EPSG:999999"}},
        ),
    )
    yield "deep", '{"type":"FeatureCollection","features":' + "[" * 20_000 + "]" * 20_000 + "}"
    yield "deep_collection", collection(_nested(2_000))
    yield "utf16_half", collection(point).encode("utf-16")[:-1].decode("utf-16", "ignore")[:9]
    yield "control", '{"type":\x00"FeatureCollection"}'


def _nested(depth: int) -> dict[str, object]:
    inside: dict[str, object] = {"type": "Point", "coordinates": [1, 2]}
    for _ in range(min(depth, 300)):
        inside = {"type": "GeometryCollection", "geometries": [inside]}
    return inside


def csv_texts() -> Iterator[tuple[str, bytes | str]]:
    """Give tables without usable coordinates, or that are no tables."""
    yield "empty", ""
    yield "blank_lines", "\n\n\n"
    yield "header_only", "name,lon,lat\n"
    yield "no_coordinates", "name,area\na,1\n"
    yield "text_coordinates", "name,lon,lat\na,east,north\n"
    yield "only_lon", "name,lon\na,121.4\n"
    yield "infinite", "name,lon,lat\na,inf,-inf\n"
    yield "beyond_the_earth", "name,lon,lat\na,1e12,1e12\n"
    yield "ragged", 'name,lon,lat\na,121.4,31.2\nb,121.4,31.2,9,9,9,9\n"\n'
    yield "open_quote", 'name,lon,lat\n"a,121.4,31.2\n' * 3
    yield "zeros", bytes(4000)
    yield "mixed_encodings", "名称,lon,lat\n".encode("gbk") + "漕河泾,x,y\n".encode()
    yield "utf16_without_mark", "name,lon,lat\na,1,2\n".encode("utf-16-le")
    yield "utf32", "name,lon,lat\na,121,31\n".encode("utf-32")
    yield "wide", ",".join(f"c{i}" for i in range(4_000)) + "\n"
    yield "long_field", "name,lon,lat\n" + "x" * 300_000 + ",a,b\n"
    yield "a_picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
    yield "formulas", "name,lon,lat\n=cmd|' /C calc'!A0,=1+1,@SUM(1)\n"


def archive_members() -> Iterator[tuple[str, dict[str, bytes] | bytes]]:
    """Give archives that must not be unpacked, or hold nothing to read."""
    good = b"name,lon,lat\na,121.4,31.2\n"
    yield "nothing", {}
    yield "no_layer", {"readme.md": b"#"}
    yield "two_layers", {"a.csv": good, "b.csv": good}
    yield "path_up", {"../../a.csv": good}
    yield "path_rooted", {"/etc/a.csv": good}
    yield "path_windows", {"C:\\a.csv": good}
    yield "path_share", {"\\\\host\\a.csv": good}
    yield "nested", {"inner.zip": sound("zip")}
    yield "bomb", {"a.csv": b"0" * 30_000_000}
    yield "many", {f"{i}.csv": good for i in range(3000)}
    yield "same_name", {"a.csv": good, "A.CSV": good}
    yield "cut", _packed({"a.csv": good * 400})[:-300]
    yield "wrong_checksum", _flipped(_packed({"a.csv": good * 400}))
    yield "lying_size", _lying({"a.csv": good * 400})
    yield "encrypted", _flagged({"a.csv": good})
    yield "strange_method", _method({"a.csv": good})


def _packed(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return memory.getvalue()


def _flipped(raw: bytes) -> bytes:
    return raw[:60] + bytes([raw[60] ^ 0xFF]) + raw[61:]


def _lying(members: dict[str, bytes]) -> bytes:
    raw = bytearray(_packed(members))
    start = raw.rindex(b"PK\x01\x02")
    raw[start + 24 : start + 28] = struct.pack("<I", 7)
    return bytes(raw)


def _flagged(members: dict[str, bytes]) -> bytes:
    raw = bytearray(_packed(members))
    raw[6] |= 1
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def _method(members: dict[str, bytes]) -> bytes:
    raw = bytearray(_packed(members))
    raw[8] = 97
    raw[raw.rindex(b"PK\x01\x02") + 10] = 97
    return bytes(raw)


def _zipped(member: dict[str, bytes] | bytes) -> Make:
    return checked("a.zip", lambda: member if isinstance(member, bytes) else _packed(member))


def markup_texts() -> Iterator[tuple[str, str]]:
    """Give XML that expands, fetches, or is none."""
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">' + "".join(
        f'<!ENTITY {chr(99 + i)} "{"&" + chr(98 + i) + ";" * 1}{("&" + chr(98 + i) + ";") * 9}">'
        for i in range(9)
    )
    steal = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    for ending, root in (("kml", "kml"), ("gml", "FeatureCollection"), ("gpx", "gpx")):
        yield f"{ending}_bomb", f'<?xml version="1.0"?>{bomb}]><{root}><name>&k;</name></{root}>'
        yield f"{ending}_entity", f'<?xml version="1.0"?>{steal}<{root}><name>&x;</name></{root}>'
        yield f"{ending}_open", f'<?xml version="1.0"?><{root}><Placemark>'
        yield f"{ending}_deep", f'<?xml version="1.0"?><{root}>' + "<a>" * 5_000
        yield f"{ending}_bare", f'<?xml version="1.0"?><{root}/>'


def ring_of(vertices: int, *, crossing: bool) -> str:
    """Write a polygon of very many vertices as GeoJSON, crossing itself or not."""
    turn = np.linspace(0, 2 * np.pi, vertices)
    one, other = (7, 5) if crossing else (1, 1)
    xy = np.column_stack((121.4 + 0.1 * np.cos(one * turn), 31.2 + 0.1 * np.sin(other * turn)))
    return shapely.to_geojson(shapely.Polygon(xy))
