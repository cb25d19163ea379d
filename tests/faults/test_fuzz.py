"""Anything at all, given to the project's own readers, ends in a result or in a named error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import ruamel.yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import ParkgapError, StudyError
from pipeline.scenarios.files import read_scenario
from pipeline.settings.sources import SourceSettings
from pipeline.sources.check import check_file
from pipeline.sources.coordinates import find_columns, place_rows
from pipeline.sources.gtfs import read_feed
from pipeline.sources.gtfs_lines import rail_lines
from pipeline.sources.guarded import CheckAgainst
from pipeline.sources.osm_mapping import read_mapping
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.parcels import read_parcels
from pipeline.sources.role_rules import check_role
from pipeline.study import read_study
from tests.faults.corpus_layers import collection, sound
from tests.faults.corpus_tables import MINI, PLACES, feed
from tests.faults.corpus_texts import RULES, SCENARIO, sound_parcels

pytestmark = pytest.mark.filterwarnings("ignore")
# The suite repeats one search; PARKGAP_FUZZ=5000 searches on, elsewhere each time.
LONGER = int(os.environ.get("PARKGAP_FUZZ", "0"))
FUZZ = settings(
    max_examples=LONGER or 60,
    deadline=None,
    derandomize=not LONGER,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NASTY = ["=1+1", "@x", "<script>", "'", '"', "\x00", "\ufeff", "\u202e", "NaN", "inf", "-1", "",
         "1e400", "漕河泾", "ＡＢ", "../..", "%s", "{x}", "\r", "121.4", "31.2"]  # fmt: skip
WORDS = st.one_of(st.sampled_from(NASTY), st.text(max_size=12), st.floats().map(str))
NUMBERS = st.one_of(st.floats(), st.integers(-(10**30), 10**30))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=8,
)


def survives(call: Callable[[], object]) -> None:
    """Let a named error pass; any other error is a fault."""
    problems = None
    try:
        call()
    except ParkgapError as error:
        problems = error.problems
    if problems is not None:
        assert problems
        assert all(problem.zh and problem.en for problem in problems)


def mutated(draw: st.DrawFn, raw: bytes) -> bytes:
    """Change, cut, or repeat a few places of a sound file."""
    content = bytearray(raw)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            content[at : at + 1] = draw(st.binary(min_size=1, max_size=4))
        elif kind == 1:
            del content[at : at + draw(st.integers(1, 60))]
        elif kind == 2:
            content[at:at] = content[max(0, at - 40) : at]
        else:
            content[at:at] = draw(WORDS).encode("utf-8", "surrogatepass")
    return bytes(content)


mutations = st.composite(mutated)


def _yaml(tree: object) -> bytes:
    import io

    stream = io.BytesIO()
    ruamel.yaml.YAML(typ="safe", pure=True).dump(tree, stream)
    return stream.getvalue()


@FUZZ
@given(raw=mutations(MINI.encode()))
def test_study_text(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text(PLACES, encoding="utf-8")
    (tmp_path / "s.yml").write_bytes(raw)
    survives(lambda: read_study(tmp_path / "s.yml"))


@FUZZ
@given(
    key=st.sampled_from(
        ["network", "network.walk_speed_m_min", "inputs", "inputs.places", "inputs.places.path",
         "inputs.labels", "gaps.needs", "study.crs", "study.date", "rail.line_class", "island",
         "parcels.rules", "parcels.cutoffs", "maps.tiles", "maps.gap_breaks", "hospitals.variants"]
    ),
    value=VALUES,
)  # fmt: skip
def test_settings(key: str, value: object, tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text(PLACES, encoding="utf-8")
    (tmp_path / "s.yml").write_text(MINI, encoding="utf-8")
    survives(lambda: read_study(tmp_path / "s.yml", {key: value}))


@pytest.mark.parametrize(
    ("read", "sound_text"),
    [
        (read_rules, RULES.replace("CONDITION", "{field: far, op: lt, cutoff: floor}")),
        (read_scenario, SCENARIO.replace("CHANGE", "{kind: open_gate, name: a, start: [1, 2]}")),
        (read_mapping, "categories:\n  a: {zh: 甲, en: a, any_of: [{amenity: [school]}]}\n"),
    ],
    ids=["rules", "scenario", "mapping"],
)
@FUZZ
@given(data=st.data())
def test_yaml_files(
    read: Callable[[Path], object], sound_text: str, data: st.DataObject, tmp_path: Path
) -> None:
    raw = data.draw(st.one_of(mutations(sound_text.encode()), VALUES.map(_yaml)))
    (tmp_path / "f.yml").write_bytes(raw)
    survives(lambda: read(tmp_path / "f.yml"))


@FUZZ
@given(cells=st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=1, max_size=5),
       heads=st.permutations(["lon", "lat", "name"]))  # fmt: skip
def test_tables(cells: list[list[str]], heads: list[str], tmp_path: Path) -> None:
    table = pd.DataFrame(cells, columns=heads)
    survives(lambda: place_rows(table, find_columns(table)))
    survives(lambda: check_role(table.rename(columns={"name": "precision_m"}), "places", path="t"))
    path = tmp_path / "t.csv"
    path.write_bytes(table.to_csv(index=False).encode("utf-8", "replace"))
    against = CheckAgainst()
    survives(lambda: check_file(path, against=against, settings=SourceSettings()))


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "kml", "fgb", "parquet", "xlsx", "zip"])
@settings(FUZZ, max_examples=LONGER or 20)
@given(data=st.data())
def test_layers(ending: str, data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(data.draw(mutations(sound(ending))))
    survives(lambda: check_file(path, against=CheckAgainst(), settings=SourceSettings()))


@FUZZ
@given(geometry=st.fixed_dictionaries(
    {"type": st.sampled_from(["Point", "Polygon", "LineString", "MultiPolygon", "Blob"]),
     "coordinates": st.recursive(st.one_of(NUMBERS, WORDS), lambda s: st.lists(s, max_size=4))}
))  # fmt: skip
def test_geojson_shapes(geometry: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(collection(geometry).encode("utf-8", "replace"))
    survives(lambda: check_file(path, against=CheckAgainst(), settings=SourceSettings()))


@FUZZ
@given(
    table=st.sampled_from(["stops", "routes", "trips", "stop_times", "calendar"]),
    data=st.data(),
)
def test_timetables(table: str, data: st.DataObject, tmp_path: Path) -> None:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(feed())) as archive:
        text = archive.read(f"{table}.txt")
    changed = data.draw(mutations(text)).decode("utf-8", "replace")
    path = tmp_path / "f.zip"
    path.write_bytes(feed(**{table: changed}))

    def read() -> object:
        from pipeline.settings.rail import GtfsSettings

        return rail_lines(read_feed(path, limits=GtfsSettings()), route_types=(1, 2))

    survives(read)


@FUZZ
@given(
    cells=st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=3),
    heads=st.permutations(["宗地编号", "面积（亩）", "wkt", "约定竣工", "容积率"]),
)
def test_parcel_tables(cells: list[tuple[str, str, str]], heads: list[str], tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    frame = pd.DataFrame(cells, columns=heads[:3])
    path.write_bytes(frame.to_csv(index=False).encode("utf-8", "replace"))
    survives(lambda: _parcels(path))


@settings(FUZZ, max_examples=LONGER or 25)
@given(raw=mutations(sound_parcels()))
def test_parcel_layers(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "p.gpkg").write_bytes(raw)
    survives(lambda: _parcels(tmp_path / "p.gpkg"))


def _parcels(path: Path) -> object:
    return read_parcels(
        path,
        working_crs="EPSG:32651",
        area_tolerance_share=0.05,
        overlap_min_m2=1.0,
        broken_cells="null",
    )


def test_a_fault_would_be_seen() -> None:
    def broken() -> None:
        raise KeyError("column")  # noqa: EM101

    with pytest.raises(KeyError):
        survives(broken)
    survives(lambda: read_study(Path("nowhere.yml")))
    with pytest.raises(StudyError):
        read_study(Path("nowhere.yml"))
    assert json.loads(collection())["features"] == []
