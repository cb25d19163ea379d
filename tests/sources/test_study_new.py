"""A new city's study is complete, commented, valid, and never overwrites anything."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from pyproj import CRS

from pipeline.errors import SourceError, StudyError
from pipeline.sources.study_new import (
    FROM_EXTRACT,
    NewStudy,
    _as_typed,
    extract_bounds,
    new_study,
    restated,
    short_name,
    utm_zone,
    write_study,
)
from pipeline.study import Study, read_study

DAY = dt.date(2026, 11, 20)
XML = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6">{bounds}
 <node id="1" lat="31.2" lon="120.5"/><node id="2" lat="31.4" lon="120.7"/>
</osm>
"""


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "city.osm"
    path.parent.mkdir()
    path.write_text(XML.format(bounds=""), encoding="utf-8")
    return path


def _new(
    folder: Path,
    *,
    start: str = "minimal",
    osm: Path | None = None,
    centre: tuple[float, float] | None = (120.62, 31.3),
) -> NewStudy:
    return new_study("苏州", folder=folder, start=start, osm=osm, centre=centre, today=DAY)


@pytest.mark.parametrize("start", ["minimal", "shanghai"])
def test_what_is_written_is_read_back(tmp_path: Path, start: str) -> None:
    written = write_study(_new(tmp_path / "studies", start=start))
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "studies/suzhou.yml",
        "studies/suzhou/places.csv",
    ]
    study = read_study(written[0])
    assert study.study.id == "suzhou"
    assert study.study.date == DAY
    assert study.inputs.places.path == written[1].resolve()
    assert study.rail.shared_tracks == ()
    assert study.rail_coverage.hubs == ()
    text = written[0].read_text(encoding="utf-8")
    assert str(tmp_path) not in text  # a study can move with its folder
    for line in text.splitlines():
        assert "上海" not in line or line.lstrip().startswith("#")


def test_shanghai_as_a_start_states_every_section(tmp_path: Path) -> None:
    text = _new(tmp_path, start="shanghai").text
    sections = [line.rstrip(":") for line in text.splitlines() if line and line[0].isalpha()]
    assert {name.split(":")[0] for name in sections} == set(Study.model_fields)


def test_an_extract_fills_the_roles(tmp_path: Path, extract: Path) -> None:
    plan = _new(tmp_path / "studies", osm=extract, centre=None)
    assert 'osm_extract: "../data/city.osm"' in plan.text
    study = read_study(write_study(plan)[0])
    assert {role: getattr(study.inputs, role).osm for role in FROM_EXTRACT} == FROM_EXTRACT
    assert (study.study.centre_lon, study.study.centre_lat) == (120.6, 31.3)
    assert study.study.crs == "EPSG:32651"


def test_an_extract_is_named_through_the_link_it_was_given_by(
    tmp_path: Path, extract: Path
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "shared").symlink_to(extract.parent)
    given = tmp_path / "work" / "shared" / extract.name
    assert _as_typed(given, tmp_path / "work" / "studies") == f"../shared/{extract.name}"
    # From a folder behind a link the same steps lead elsewhere: the file itself is named.
    (tmp_path / "far" / "studies").mkdir(parents=True)
    (tmp_path / "work" / "studies").symlink_to(tmp_path / "far" / "studies")
    found = tmp_path / "far" / "studies" / _as_typed(given, tmp_path / "work" / "studies")
    assert found.resolve() == extract.resolve()


def test_nothing_is_overwritten(tmp_path: Path, extract: Path) -> None:
    write_study(_new(tmp_path))
    before = (tmp_path / "suzhou.yml").read_bytes()
    with pytest.raises(StudyError) as caught:
        _new(tmp_path)
    assert len(caught.value.problems) == 2
    with pytest.raises(StudyError, match="not overwritten"):
        _new(tmp_path, osm=extract)
    assert (tmp_path / "suzhou.yml").read_bytes() == before


def test_without_extract_and_centre_it_asks(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"--lon 120\.62 --lat 31\.30"):
        _new(tmp_path, centre=None)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (121.47, 31.23, 32651),
        (174.8, -41.3, 32760),
        (-51.23, -30.03, 32722),
        (-15.4, 28.1, 32628),
    ],
)
def test_utm_zone(lon: float, lat: float, code: int) -> None:
    found = utm_zone(lon, lat)
    assert found == f"EPSG:{code}"
    west, south, east, north = CRS.from_user_input(found).area_of_use.bounds
    assert west <= lon <= east
    assert south <= lat <= north


def test_swapped_coordinates_have_no_zone() -> None:
    with pytest.raises(StudyError, match="swapped"):
        utm_zone(31.2, 121.5)


@pytest.mark.parametrize(
    ("city", "short"),
    [("苏州", "suzhou"), ("São Paulo", "sao_paulo"), ("Las Palmas!", "las_palmas")],
)
def test_short_names(city: str, short: str) -> None:
    assert short_name(city) == short


@pytest.mark.parametrize("city", ["123", "", "…", "x"])
def test_no_short_name(city: str) -> None:
    with pytest.raises(StudyError, match="no short name"):
        short_name(city)


def test_bounds_of_the_nodes_where_the_header_is_silent(extract: Path, tmp_path: Path) -> None:
    assert extract_bounds(extract) == pytest.approx((120.5, 31.2, 120.7, 31.4))
    stated = tmp_path / "stated.osm"
    box = '<bounds minlat="31" minlon="120" maxlat="32" maxlon="121"/>'
    stated.write_text(XML.format(bounds=box), encoding="utf-8")
    assert extract_bounds(stated) == pytest.approx((120, 31, 121, 32))


def test_an_extract_without_positions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.osm"
    path.write_text('<osm version="0.6"></osm>', encoding="utf-8")
    with pytest.raises(SourceError, match="no positions"):
        extract_bounds(path)
    path.write_text("nothing of the kind", encoding="utf-8")
    with pytest.raises(SourceError):
        extract_bounds(path)
    with pytest.raises(SourceError, match="does not exist"):
        extract_bounds(tmp_path / "none.osm")


def test_restating_changes_nothing_that_is_computed(project: Path, tmp_path: Path) -> None:
    shanghai = project / "studies" / "shanghai.yml"
    again = tmp_path / "again.yml"
    again.write_text(restated(shanghai), encoding="utf-8")
    assert read_study(again).digest() == read_study(shanghai).digest()
    assert restated(again) == again.read_text(encoding="utf-8")


@pytest.mark.shared
def test_real_extracts(shared: Path) -> None:
    folder = shared / "data"
    west, south, east, north = extract_bounds(
        folder / "las_palmas/example_las_palmas_2023_osm_20230221.pbf"
    )
    assert (west, south, east, north) == pytest.approx((-15.54, 28.01, -15.38, 28.2), abs=0.01)
    west, south, east, north = extract_bounds(folder / "porto_alegre/poa_osm.pbf")
    assert (west, south) == pytest.approx((-51.26, -30.11), abs=0.01)
    assert utm_zone((west + east) / 2, (south + north) / 2) == "EPSG:32722"
